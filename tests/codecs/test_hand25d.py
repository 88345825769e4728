"""2.5D of two hands: the published functions, and encode and decode undo each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D, affine, invert_affine, project
from carpus.codecs.part_labels import swap_hands
from carpus.codecs.soft_argmax import soft_argmax_nd
from carpus.errors import ConfigError, DataError
from carpus.skeletons import INTERHAND, INTERHAND_HAND
from golden_cases import golden_paths

CODEC = Hand25D()
ITEMS = [
    parameter
    for kind in ("dataset_gt", "dataset_rootnet", "aug_case")
    for parameter in golden_paths("digit", kind)
]


def tensors(path):
    data = np.load(path)
    return {name: torch.from_numpy(np.array(data[name])) for name in data if data[name].dtype.kind != "U"}


@pytest.mark.parametrize("path", golden_paths("digit", "space_transforms"))
def test_targets_equal_the_reference(path):
    data = tensors(path)
    found = CODEC.targets(
        data["in_joint_coord"],
        data["in_joint_valid"].bool(),
        data["in_rel_root_depth"],
        data["in_root_valid"].bool(),
    )
    close = {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(found["joints_target"], data["out_joint_coord"], **close)
    torch.testing.assert_close(found["rel_root_target"], data["out_rel_root_depth"], **close)
    assert torch.equal(found["joints_target_valid"], data["out_joint_valid"].bool())
    assert torch.equal(found["rel_root_target_valid"], data["out_root_valid"].bool())


@pytest.mark.parametrize("path", golden_paths("digit", "space_transforms"))
def test_camera_space_equals_the_reference(path):
    data = tensors(path)
    depths = torch.stack((data["abs_depth_right"], data["abs_depth_left"]), -1)
    # The reference leaves mirrored samples mirrored, and only exchanges the depths of the wrists.
    depths = torch.where(data["flipped"][:, None], depths.flip(-1), depths)
    pixels, z = CODEC.to_image(data["k25"], data["inv_trans"])
    camera = torch.cat((data["focal"], data["princpt"]), -1)
    found = CODEC.unproject(pixels, z, camera, depths)
    torch.testing.assert_close(found, data["cam_out"], atol=1e-2, rtol=0)


def rounding_spread(heatmap, depth, joints, beta):
    """Standard deviation (B, J, 3) of the answer where the maps were rounded to half precision after use.

    The stored maps are; the stored answers were computed before.
    """
    if heatmap.dtype != torch.float16:
        return torch.zeros_like(joints)
    step = [
        2.0 ** (v.float().abs().clamp_min(2**-14).log2().floor() - 10) / 12**0.5 for v in (heatmap, depth)
    ]
    mass = (beta * heatmap.float()).flatten(2).softmax(-1).view(heatmap.shape)
    row, col = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    spread = [
        (mass * (values - joints[..., axis, None, None]) * beta * step[0]).square().sum((-2, -1))
        for axis, values in enumerate((col, row, depth.float()))
    ]
    spread[2] = spread[2] + (mass * step[1]).square().sum((-2, -1))
    return torch.stack(spread, -1).sqrt()


@pytest.mark.parametrize("path", golden_paths("digit", "softargmax"))
def test_soft_argmax_equals_the_reference(path):
    data = tensors(path)
    expected = torch.cat((data["xy_beta1"], data["z"][..., None]), -1)
    for beta, wanted in ((1.0, expected), (2.5, data["xy_beta2p5"])):
        joints = Hand25D(beta=beta).joints_of(data["hm"].float(), data["depth"].float())
        found = joints[..., : wanted.shape[-1]]
        allowed = 1e-4 + 5 * rounding_spread(data["hm"], data["depth"], joints, beta)
        assert bool(((found - wanted).abs() <= allowed[..., : wanted.shape[-1]]).all())
    close = {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(CODEC.rel_root_of(data["root_logits"]), data["root_depth"], **close)
    torch.testing.assert_close(soft_argmax_nd(data["hm3d"], 3, 1.5), data["kd3_temp1p5"], **close)


def before_cropping(path):
    """The state before cropping, which only the item without augmentation holds."""
    plain = path.with_name(f"dataset_gt_{path.stem.split('_')[-1]}.npz")
    if not plain.is_file():
        pytest.skip(f"{path.name} needs {plain.name}")
    return tensors(plain)


@pytest.mark.parametrize("path", ITEMS)
def test_encoded_camera_joints_equal_the_reference_item(path):
    data = tensors(path)
    before = data if "pre_joint_cam" in data else before_cropping(path)
    flipped = data["m_flipped"].bool()[None]
    to_crop = invert_affine(data["m_inv_trans"][None])
    if flipped:
        width = float(data["m_hw_size"][1])
        mirror = torch.tensor([[-1.0, 0.0, width - 1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        to_crop = to_crop @ mirror
    hand_type = data["t_hand_type"][None]
    found = CODEC.encode(
        before["pre_joint_cam"][None],
        before["pre_joint_valid"][None],
        hand_type.flip(-1) if flipped else hand_type,
        torch.cat((data["m_focal"], data["m_princpt"]))[None].float(),
        to_crop,
        flipped,
    )
    valid = data["m_joint_valid"].bool()
    assert torch.equal(found["joints_target_valid"][0], valid)
    expected = data["t_joint_coord"][valid]
    torch.testing.assert_close(found["joints_target"][0][valid], expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(found["rel_root_target"][0], data["t_rel_root_depth"], atol=1e-3, rtol=0)
    assert torch.equal(found["rel_root_target_valid"][0], data["m_root_valid"].bool())
    assert torch.equal(found["hand_type_target"], hand_type)


def world(count=64, seed=0):
    """Hands in view of random cameras, in random crops, half of them mirrored."""
    draw = torch.Generator().manual_seed(seed)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(shape, generator=draw)

    roots = torch.stack(
        (uniform(-60, 60, count, 2), uniform(-60, 60, count, 2), uniform(-1, 1, count, 2)), -1
    )
    roots[..., 2] = torch.stack((uniform(700, 1200, count), torch.zeros(count)), -1)
    roots[:, 1, 2] = roots[:, 0, 2] + uniform(-190, 190, count)
    joints = roots.repeat_interleave(21, 1) + uniform(-90, 90, count, 42, 3)
    joints[:, list(INTERHAND.roots)] = roots
    camera = torch.cat((uniform(1200, 1300, count, 2), uniform(150, 260, count, 2)), -1)
    angle, scale = uniform(-1.5, 1.5, count), uniform(0.3, 0.5, count)
    turn = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), -1).view(-1, 2, 2)
    flipped = torch.arange(count) % 2 == 1
    turn = (
        scale[:, None, None] * turn * torch.where(flipped, -1.0, 1.0)[:, None, None] ** torch.tensor([1.0, 0])
    )
    center = project(joints, camera).mean(1)
    image_to_crop = torch.cat((turn, 128 - (turn @ center[..., None])), -1)
    return joints, camera, image_to_crop, flipped


def test_decoding_the_targets_gives_the_joints_back():
    joints, camera, image_to_crop, flipped = world()
    valid, both = torch.ones(64, 42), torch.ones(64, 2)
    found = CODEC.encode(joints, valid, both, camera, image_to_crop, flipped)
    depths = joints[:, list(INTERHAND.roots), 2]
    hands = CODEC.decode(
        found["joints_target"], found["rel_root_target"], camera, image_to_crop, depths, flipped
    )
    assert float((hands.joints_cam_mm - joints).abs().max()) < 0.01
    torch.testing.assert_close(hands.rel_root_depth_mm, depths[:, 1] - depths[:, 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(hands.joints_px, project(joints, camera), atol=1e-2, rtol=0)
    assert found["joints_target_valid"].float().mean() > 0.5


def test_what_a_target_leaves_out():
    joints, camera, image_to_crop, _ = world(4)
    valid, both = torch.ones(4, 42), torch.ones(4, 2)
    valid[0, 20] = 0
    both[1, 1] = 0
    joints[2, 5, 2] = joints[2, 20, 2] + 201
    joints[3, 41, 2] = joints[3, 20, 2] + 201
    joints[0, 7] = torch.nan
    image_to_crop = torch.tensor([[0.1, 0.0, 100.0], [0.0, 0.1, 100.0]]).expand(4, 2, 3).clone()
    found = CODEC.encode(joints, valid, both, camera, image_to_crop)
    assert not found["joints_target_valid"][0, :21].any()
    assert found["joints_target_valid"][0, 21:].all()
    assert not found["joints_target_valid"][2, 5]
    assert found["rel_root_target_valid"][:, 0].tolist() == [False, False, True, False]
    image_to_crop[:, 0, 2] = -1000.0
    assert not CODEC.encode(joints, valid, both, camera, image_to_crop)["joints_target_valid"].any()


def test_half_precision_maps_are_decoded_in_full():
    maps = torch.zeros(1, 42, 64, 64)
    maps[..., 20, 63] = 40.0
    depth = torch.full((1, 42, 64, 64), 12.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        joints = CODEC.joints_of(maps.bfloat16(), depth.bfloat16())
    assert joints.dtype == torch.float32
    torch.testing.assert_close(joints[0, 0], torch.tensor([63.5, 20.5, 12.0]), atol=1e-3, rtol=0)


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="cells=0"):
        Hand25D(cells=0)
    with pytest.raises(ConfigError, match="one hand"):
        Hand25D(skeleton=INTERHAND_HAND.name)


def test_inverted_maps_undo_each_other():
    _, _, image_to_crop, _ = world(8)
    points = torch.rand(8, 5, 2) * 500
    back = affine(invert_affine(image_to_crop), affine(image_to_crop, points))
    torch.testing.assert_close(back, points, atol=1e-3, rtol=0)


@pytest.mark.parametrize("path", golden_paths("digit", "segm_flip_swap"))
def test_mirrored_labels_equal_the_reference(path):
    data = tensors(path)
    swapped = swap_hands(data["segm"])
    assert torch.equal(swapped, data["swapped"].long())
    assert torch.equal(swap_hands(swapped), data["segm"])
    assert int(swap_hands(data["segm"].clamp(1, 16)).min()) >= 17
    with pytest.raises(DataError, match="0 to 32"):
        swap_hands(torch.tensor([33]))
