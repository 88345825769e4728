"""Every model learns eight synthetic frames by heart; volumetric nets with a quarter of their channels."""

from __future__ import annotations

import pytest

from carpus.nets.depth_cr import COMPOSITIONS

from .overfit import batch_of, error_mm, module_of, narrow, train

QUICK = {"base_clean", "super_edt2m"}
STEPS = {"localizer2": 300, "localizer3": 300}
BUDGET = {2: (70, 2e-3), 3: (120, 6e-3)}
"""Steps and learning rate of images and of volumes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("overfit")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in COMPOSITIONS]
)
def test_the_loss_falls_to_a_tenth(name, folder):
    model = COMPOSITIONS[name]
    if model.net.dim == 3:
        model = model.with_parts(net=narrow(model.net))
    batch, module = batch_of(model, folder), module_of(model)
    steps, lr = BUDGET[model.net.dim]
    history = train(module, batch, STEPS.get(name, steps), lr)
    assert history[-1] <= 0.1 * history[0]
    if model.locates:
        assert error_mm(module, batch) <= 30.0
