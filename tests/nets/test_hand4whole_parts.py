"""Hand4Whole's building blocks one by one: rotations, boxes, mirrors, backbones, cameras, odd input."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from carpus.errors import ConfigError
from carpus.geometry.rotations import axis_angle_to_quaternion
from carpus.nets.backbones.pretrained import load_imagenet
from carpus.nets.hand4whole import PersonSizes, PosedBody, ResNet, into_box, out_of_box
from carpus.nets.hand4whole.boxes import cut_out, every_second_pixel, is_thin, restore_box
from carpus.nets.hand4whole.mirror import mirror_axis_angle, mirror_cells, mirror_matrix
from carpus.nets.hand4whole.net import _KNUCKLES
from carpus.nets.hand4whole.rotation import (
    axis_angle_from_matrix,
    matrix_from_6d,
    matrix_from_axis_angle,
    quaternion_from_matrix,
)
from carpus.nets.hand4whole.sampling import sample_features
from carpus.nets.hand4whole.sizes import VirtualCamera
from carpus.skeletons import SMPLX_65
from hand4whole_golden import small_net


def test_three_rotations_are_turned_as_one_by_one():
    numbers = torch.randn(3, 6)
    matrices = matrix_from_6d(numbers)
    torch.testing.assert_close(matrices, torch.cat([matrix_from_6d(row[None]) for row in numbers]))
    torch.testing.assert_close(matrices.det(), torch.ones(3))
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(3).expand(3, 3, 3), atol=1e-6, rtol=0)
    # The columns of the 3×2 matrix, not its halves, become the first two axes.
    torch.testing.assert_close(
        matrices[:, :, 0], numbers[:, 0::2] / numbers[:, 0::2].norm(dim=1, keepdim=True)
    )


def test_rotations_there_and_back():
    axes = nn.functional.normalize(torch.randn(500, 3), dim=-1) * torch.rand(500, 1) * 3.1
    matrices = matrix_from_axis_angle(axes)
    torch.testing.assert_close(axis_angle_from_matrix(matrices), axes, atol=5e-4, rtol=0)
    torch.testing.assert_close(matrix_from_6d(matrices[..., :2].flatten(1)), matrices, atol=1e-5, rtol=0)
    found, wanted = quaternion_from_matrix(matrices), axis_angle_to_quaternion(axes)
    torch.testing.assert_close(
        found * torch.sign((found * wanted).sum(-1, keepdim=True)), wanted, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    "numbers",
    [[0.0] * 6, [1.0, 2.0, 0, 0, 0, 0], [1.0, 0, 0, 1, 0, 0], [-1.0, 0, 0, -1, 0, 0], [1.0, 0, 0, -1, 0, 0]],
    ids=["zeros", "parallel", "identity", "half turn about z", "half turn about x"],
)
def test_special_rotations_have_finite_gradients(numbers):
    given = torch.tensor([numbers], requires_grad=True)
    found = axis_angle_from_matrix(matrix_from_6d(given))
    found.sum().backward()
    assert found.isfinite().all()
    assert given.grad.isfinite().all()


def test_what_is_no_number_becomes_no_rotation():
    assert not axis_angle_from_matrix(matrix_from_6d(torch.full((2, 6), torch.nan))).any()


def test_rotations_stay_in_full_precision_under_autocast():
    numbers = torch.randn(20, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = axis_angle_from_matrix(matrix_from_6d(numbers.bfloat16()))
    assert found.dtype == torch.float32
    wanted = axis_angle_from_matrix(matrix_from_6d(numbers.bfloat16().float()))
    assert torch.equal(found, wanted)


def test_mirrors():
    axes = torch.randn(50, 3)
    torch.testing.assert_close(
        matrix_from_axis_angle(mirror_axis_angle(axes)), mirror_matrix(matrix_from_axis_angle(axes))
    )
    joints = torch.rand(2, 20, 3) * 8
    for pixels in (None, 256):
        torch.testing.assert_close(mirror_cells(mirror_cells(joints, 8, pixels), 8, pixels), joints)
    # Exact to the pixel: the pixel in column c of 256 goes to column 255 - c.
    x = torch.tensor([[[10 / 256 * 8, 0.0, 0.0]]])
    assert float(mirror_cells(x, 8, 256)[0, 0, 0]) * 32 == pytest.approx(245, abs=1e-3)


def test_features_between_cells_and_outside():
    features = torch.arange(12.0).view(1, 1, 3, 4)
    joints = torch.tensor([[[0.0, 0.0, 9], [3, 2, 9], [0.5, 1, 9], [-1, 0, 9], [3.5, 0, 9]]])
    assert sample_features(features, joints)[0, :, 0].tolist() == pytest.approx([0, 11, 4.5, 0, 1.5])


def test_odd_boxes():
    image = torch.rand(2, 3, 64, 48)
    boxes = torch.tensor([[10.0, 12, 40, 50], [30, 30, 20, 25], [5, 5, 5.2, 5.1], [-20, -9, 70, 80]])
    assert is_thin(boxes).tolist() == [False, True, True, False]
    assert is_thin(torch.full((1, 4), torch.nan)).all()
    owner = torch.tensor([0.0, 1, 0, 1])[:, None]
    wanted = torchvision.ops.roi_align(image, torch.cat((owner, boxes), 1), 32, aligned=False)
    torch.testing.assert_close(cut_out(image, boxes, 32), wanted)
    wild = torch.tensor([[torch.nan] * 4, [0.0, 0, 1e9, 1e9], [torch.inf, 0, torch.inf, 5], [0, 0, -1e9, 5]])
    assert cut_out(image, wild, 32).shape == (4, 3, 32, 32)


def test_boxes_carry_no_gradient_and_grow_about_their_centre():
    camera = VirtualCamera((256, 192), (8, 6))
    center, size = torch.rand(20, 2) * 6, torch.rand(20, 2) * 3 + 0.1
    box = restore_box(center, size, camera, 2.0)
    torch.testing.assert_close((box[:, :2] + box[:, 2:]) / 2, center * 32)
    torch.testing.assert_close(box[:, 2:] - box[:, :2], size.amax(1, keepdim=True).expand(-1, 2) * 64)
    moving = box.requires_grad_()
    assert not cut_out(torch.rand(20, 3, 64, 48, requires_grad=True), moving, 32).mean().backward()
    assert moving.grad is None


def test_body_image_takes_every_second_pixel():
    image = torch.rand(1, 3, 8, 6)
    assert torch.equal(every_second_pixel(image), nn.functional.interpolate(image, (4, 3)))


def test_knuckles_by_name():
    hand = SMPLX_65.joints[45:][_KNUCKLES]
    assert hand == tuple(f"right_{finger}_mcp" for finger in ("index", "middle", "ring", "little"))
    assert tuple(name.replace("right", "left") for name in hand) == SMPLX_65.joints[25:45][_KNUCKLES]


def test_hand_space_there_and_back():
    xy, box = torch.rand(3, 20, 2) * 8, torch.tensor([[5.0, 6, 50, 90], [60, 7, 20, 9], [-9, -9, 400, 300]])
    torch.testing.assert_close(out_of_box(into_box(xy, box, PersonSizes()), box, PersonSizes()), xy)


@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_backbones_have_torchvisions_entries(name):
    with torch.device("meta"):
        states = ResNet(name).state_dict(), torchvision.models.get_model(name, weights=None).state_dict()
    names = [{key: value.shape for key, value in state.items() if key[:3] != "fc."} for state in states]
    assert names[0] == names[1]


def test_a_backbone_computes_what_torchvisions_does(tmp_path):
    theirs = torchvision.models.resnet18(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet18-imagenet.pth")
    ours = ResNet("resnet18").eval()
    filled = load_imagenet(ours, tmp_path / "resnet18-imagenet.pth")
    assert (filled.loaded, filled.ignored) == (len(ours.state_dict()), ["fc.bias", "fc.weight"])
    theirs.avgpool, theirs.fc = nn.Identity(), nn.Identity()
    image = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        assert torch.equal(ours(image).flatten(1), theirs(image))


def test_backbones_by_name():
    with torch.device("meta"):
        assert ResNet("resnet50").name == "resnet50.tv2_in1k"
        assert ResNet("resnet18").name == "resnet18.tv_in1k"
        assert ResNet("resnet50.a1_in1k", width=8).channels == 256
    assert float(ResNet("resnet10", width=2).conv1.weight.detach().std()) < 0.005
    with pytest.raises(ConfigError, match="did you mean 'resnet50'"):
        ResNet("resnet5")
    with pytest.raises(ConfigError, match="width=0"):
        ResNet("resnet18", width=0)


def test_the_camera_starts_in_the_middle_of_its_range():
    camera = VirtualCamera((256, 256), (8, 8), size_m=0.4)
    assert camera.farthest_m == pytest.approx(7.8125)
    assert float(camera.translation(torch.zeros(1, 3))[0, 2]) == pytest.approx(7.8125 / 2)
    middle = camera.cells(torch.zeros(1, 1, 3), torch.tensor([[0.0, 0.0, 4.0]]))
    assert middle[0, 0].tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    "wrong", [{"crop_hw": (500, 384)}, {"hand_px": 100}, {"face_px": 0}, {"depth_cells": 0}]
)
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ConfigError, match="sizes of a whole body"):
        PersonSizes(**wrong)


def test_the_network_starts_as_published():
    net = small_net().eval()
    with torch.inference_mode():
        outputs = net(torch.rand(3, 3, 256, 192))
    for part in ("lhand", "rhand", "face"):
        torch.testing.assert_close(
            outputs[f"{part}_bbox_center"], torch.tensor([[11.5, 15.5]]).expand(3, 2) / 8, atol=0.01, rtol=0
        )
        assert outputs[f"{part}_bbox_size"].abs().max() < 0.05
    assert outputs["thin_boxes"].shape == (3, 3)
    with pytest.raises(ValueError, match=r"\(B, 3, 256, 192\) is needed"):
        net(torch.rand(1, 3, 192, 256))
    with pytest.raises(ConfigError, match="box_width 8"):
        type(net)(*(ResNet("resnet10", width=1) for _ in range(3)), features=0, box_width=8)


def test_outputs_in_half_precision_are_whole():
    net = small_net()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = net(torch.rand(2, 3, 256, 192))
        joints = torch.zeros(2, 144, 3)
        posed = PosedBody(net.sizes)(outputs, lambda **_: (joints, joints))
    for name, value in {**outputs, **posed}.items():
        assert value.dtype == (torch.bool if name == "thin_boxes" else torch.float32), name
        assert value.isfinite().all(), name


def test_exact_mirror_moves_the_left_hand_only():
    nets = small_net(), small_net(exact_mirror=True)
    nets[1].load_state_dict(nets[0].state_dict())
    image = torch.rand(2, 3, 256, 192)
    with torch.inference_mode():
        usual, exact = (net.eval()(image)["joint_img"] for net in nets)
    torch.testing.assert_close(exact[:, 25:45, 0] - usual[:, 25:45, 0], torch.full((2, 20), 2 - 2 / 64 - 1.0))
    assert torch.equal(exact[:, 45:], usual[:, 45:])
    assert torch.equal(exact[:, :25], usual[:, :25])
