"""Every model learns eight synthetic frames by heart; volumetric nets with a quarter of their channels."""

from __future__ import annotations

import pytest

from carpus.nets.depth_cr import COMPOSITIONS

from .overfit import batch_of, error_mm, module_of, narrow, train

QUICK = {"base_clean", "super_edt2m"}
STEPS = {"base_clean": 60, "super_edt2m": 60, "localizer2": 300, "localizer3": 300}
VOLUMES = 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("overfit")


def steps_of(model) -> int:
    return STEPS.get(model.name, VOLUMES if model.net.dim == 3 else 150)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in COMPOSITIONS]
)
def test_the_loss_falls_to_a_tenth(name, folder):
    model = COMPOSITIONS[name]
    if model.net.dim == 3:
        model = model.with_parts(net=narrow(model.net))
    batch, module = batch_of(model, folder), module_of(model)
    history = train(module, batch, steps_of(model))
    assert history[-1] <= 0.1 * history[0]
    if model.locates:
        assert error_mm(module, batch) <= 30.0
