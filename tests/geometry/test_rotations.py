"""Quaternions and axis-angle vectors against the reference and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from carpus.geometry.rotations import (
    axis_angle_to_quaternion,
    invert_quaternion,
    multiply_quaternions,
    normalise_quaternion,
    quaternion_to_axis_angle,
)
from golden_cases import golden_paths
from handflow2d_golden import T5, deviation


@pytest.mark.parametrize("path", golden_paths("handflow2d", "quaternions"))
def test_every_helper_equals_the_reference(path):
    data = {name: torch.from_numpy(value) for name, value in np.load(path).items()}
    unit = normalise_quaternion(data["q"])
    found = {
        "normalized": unit,
        "inv_of_normalized": invert_quaternion(unit),
        # The reference's function of (q, r) has its second argument as the left factor.
        "mul_qn_r": multiply_quaternions(data["r"], unit),
        "angle_axis_of_qn": quaternion_to_axis_angle(unit),
        "quat_of_angle_axis": axis_angle_to_quaternion(data["angle_axis"]),
    }
    for name, value in found.items():
        assert deviation(value, data[name].numpy()) <= T5, name


def random_quaternions(*shape):
    return normalise_quaternion(torch.randn(*shape, 4, dtype=torch.float64))


def scipy_of(quaternion):
    return Rotation.from_quat(quaternion.reshape(-1, 4)[:, [1, 2, 3, 0]].numpy())


def test_batches_agree_with_scipy():
    q, r = random_quaternions(3, 5), random_quaternions(3, 5)
    vectors = quaternion_to_axis_angle(q)
    assert vectors.shape == (3, 5, 3)
    np.testing.assert_allclose(vectors.reshape(-1, 3), scipy_of(q).as_rotvec(), atol=1e-12)
    made = scipy_of(multiply_quaternions(q, r)) * (scipy_of(q) * scipy_of(r)).inv()
    np.testing.assert_allclose(made.magnitude(), 0, atol=1e-7)


def test_there_and_back():
    q = random_quaternions(50)
    back = axis_angle_to_quaternion(quaternion_to_axis_angle(q))
    torch.testing.assert_close(back * (back[:, :1] * q[:, :1]).sign(), q)
    torch.testing.assert_close(quaternion_to_axis_angle(-q), quaternion_to_axis_angle(q))
    one = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64).expand(50, 4)
    torch.testing.assert_close(multiply_quaternions(q, invert_quaternion(q)), one)


def test_angles_stay_below_pi_and_small_ones_are_exact():
    assert (quaternion_to_axis_angle(random_quaternions(500)).norm(dim=-1) <= torch.pi + 1e-9).all()
    small = torch.tensor([[1e-7, -2e-7, 0.0]])
    torch.testing.assert_close(quaternion_to_axis_angle(axis_angle_to_quaternion(small)), small)


@pytest.mark.parametrize("q", [[1.0, 0, 0, 0], [-1.0, 0, 0, 0], [0, 1.0, 0, 0], [0.6, 0, 0.8, 0]])
def test_gradients_are_finite_also_at_rest(q):
    q = torch.tensor([q], dtype=torch.float64, requires_grad=True)
    quaternion_to_axis_angle(q).sum().backward()
    assert torch.isfinite(q.grad).all()
    vector = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    axis_angle_to_quaternion(vector).sum().backward()
    torch.testing.assert_close(vector.grad, torch.full((1, 3), 0.5, dtype=torch.float64))
