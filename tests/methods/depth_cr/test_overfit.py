"""Every model learns eight synthetic frames by heart; volumetric nets with a part of their channels."""

from __future__ import annotations

import pytest

from carpus.nets.depth_cr import COMPOSITIONS

from .overfit import batch_of, error_mm, module_of, narrow, train

QUICK = {"base_clean"}
BUDGET = {2: (70, 2e-3, 4), 3: (120, 6e-3, 4)}
"""Steps, learning rate and divisor of the channels, which only volumes have, of images and of volumes."""
# One voxel of 32,768 is learnt more slowly than a coordinate, and takes features.
OWN = {
    "localizer2": (300, 2e-3, 1),
    "localizer3": (300, 2e-3, 1),
    "voxel_detect": (100, 2e-2, 2),
    "super_vxhit": (160, 1e-2, 4),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("overfit")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in COMPOSITIONS]
)
def test_the_loss_falls_to_a_tenth(name, folder):
    model = COMPOSITIONS[name]
    steps, lr, divisor = OWN.get(name, BUDGET[model.net.dim])
    if model.net.dim == 3:
        model = model.with_parts(net=narrow(model.net, divisor))
    batch, module = batch_of(model, folder), module_of(model)
    history = train(module, batch, steps, lr)
    assert history[-1] <= 0.1 * history[0]
    if model.locates:
        assert error_mm(module, batch) <= 30.0
