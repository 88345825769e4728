"""Places in a crop and a depth box: against the reference, there and back, in half precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import project
from carpus.codecs.uvd import Uvd
from carpus.geometry.uvd import UvdBox, expected_uvd, mean_uvd
from golden_cases import golden_paths
from handflow2d_golden import T4, T5, deviation


@pytest.fixture(params=golden_paths("handflow2d", "camera"))
def camera(request):
    return {name: torch.from_numpy(value) for name, value in np.load(request.param).items()}


def test_metric_to_places_and_back(camera):
    known = camera["joint_root"], camera["joint_bone"], camera["intr"]
    uvd = UvdBox().from_camera(camera["xyz_m"], *known)
    assert deviation(uvd, camera["uvd"].numpy()) <= T5
    assert deviation(UvdBox().to_camera(camera["uvd"], *known), camera["xyz_back"].numpy()) <= T5


def test_projection(camera):
    intr = camera["intr"]
    four = torch.stack((intr[:, 0, 0], intr[:, 1, 1], intr[:, 0, 2], intr[:, 1, 2]), -1)
    assert deviation(project(camera["xyz_m"], four), camera["kp2d"].numpy()) <= T4
    known = camera["joint_root"], camera["joint_bone"]
    both = [UvdBox().from_camera(camera["xyz_m"], *known, k) for k in (intr, four)]
    torch.testing.assert_close(*both, rtol=0, atol=0)


@pytest.mark.parametrize("path", golden_paths("handflow2d", "integral_pose"))
def test_expectation_of_a_volume(path):
    data = np.load(path)
    assert deviation(expected_uvd(torch.from_numpy(data["hm3d"])), data["uvd"]) <= T5


def test_mean_place_of_mass_is_that_of_the_volume_which_sums_to_one():
    mass = torch.rand(2, 3, 4, 6, 8, dtype=torch.float64)
    volume = mass / (mass.sum((-3, -2, -1), keepdim=True) + 1e-6)
    torch.testing.assert_close(mean_uvd(mass), expected_uvd(volume))
    assert (mean_uvd(torch.zeros(2, 3, 4, 6, 8)) == 0).all()


def test_places_of_half_precision_volumes_are_not_rounded():
    mass = torch.rand(1, 2, 64, 64, 64)
    found = mean_uvd(mass.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, mean_uvd(mass), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("crop_px", "scale"), [(256.0, 1.0), (384.0, 1000.0)])
def test_codec_is_exact_there_and_back_in_any_unit(crop_px, scale):
    codec = Uvd(crop_px=crop_px)
    root, bone = scale * torch.tensor([[0.02, -0.01, 0.5]]).double(), scale * torch.tensor([[0.09]]).double()
    joints = root[:, None] + scale * 0.1 * (torch.rand(1, 21, 3).double() - 0.5)
    intr = torch.tensor([[400.0, 410.0, 120.0, 130.0]]).double()
    uvd = codec.encode(joints, root, bone, intr)
    torch.testing.assert_close(codec.decode(uvd, root, bone, intr), joints)
    middle = codec.encode(root[:, None], root, bone, intr)[0, 0, 2]
    assert middle == pytest.approx(0.5)


def test_codec_decodes_volumes():
    volume = torch.zeros(1, 1, 4, 8, 8)
    volume[0, 0, 2, 4, 4] = 3.0
    root, bone = torch.tensor([[0.0, 0.0, 0.5]]), torch.tensor([[0.1]])
    intr = torch.tensor([[256.0, 256.0, 128.0, 128.0]])
    torch.testing.assert_close(Uvd().decode(volume, root, bone, intr), root[:, None])
