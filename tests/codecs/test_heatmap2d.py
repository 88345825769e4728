"""Heat maps and depth targets of one hand: the published values, and decoding what was encoded."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from carpus.codecs.hand_depth import HandDepth, scaled_depth
from carpus.codecs.heatmap2d import MODES, Heatmap2D
from carpus.codecs.heatmap2d_decode import peaks
from carpus.errors import ConfigError
from golden_cases import golden_paths

SIZES = [(256, 64), (384, 96), (448, 112), (256, 128), (100, 30)]
# Largest error in cells per axis, with the joint at least nine cells from the border, and anywhere.
BOUNDS = {
    "argmax_center": (0.5, 0.5),
    "quarter": (0.25, 0.5),
    "dark": (0.001, 0.5),
    "softargmax": (0.05, 0.52),
}


def random_joints(crop_px, margin_px=0.0, count=80, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return margin_px + torch.rand(count, 21, 2, generator=draw) * (crop_px - 2 * margin_px)


def t5(reference):
    return 1e-5 * max(1.0, float(np.abs(reference).max()))


@pytest.mark.parametrize("path", golden_paths("handflow2d", "heatmaps"))
def test_published_targets_and_peaks(path):
    data = np.load(path)
    cells = data["heatmaps"].shape[-1]
    # Fixture points are cells already: a crop pixel is a cell here.
    codec = Heatmap2D(crop_px=cells, cells=cells, sigma=float(data["sigma"]), subpixel=False, mode="argmax")
    maps, veil = codec.encode(torch.tensor(data["points"]).float()[None])
    assert np.abs(maps[0].numpy() - data["heatmaps"]).max() <= t5(data["heatmaps"])
    assert veil[0].int().tolist() == data["valid"].tolist()
    assert codec.decode(maps).joints_px[0].tolist() == data["decoded"].tolist()


def slow_target(point, crop_px, cells, sigma):
    """The published target, cell by cell."""
    centre = [int(int(v) / crop_px * cells) for v in point]
    reach, found = int(3 * sigma), np.zeros((cells, cells))
    veil = not any(c - reach >= cells or c + reach + 1 < 0 for c in centre)
    for v in range(max(0, centre[1] - reach), min(cells, centre[1] + reach + 1)):
        for u in range(max(0, centre[0] - reach), min(cells, centre[0] + reach + 1)):
            found[v, u] = np.exp(-((u - centre[0]) ** 2 + (v - centre[1]) ** 2) / (2 * sigma**2))
    return found * veil, veil


@pytest.mark.parametrize(("crop_px", "cells", "sigma"), [(256, 64, 2.0), (100, 30, 1.0), (448, 56, 3.0)])
def test_targets_follow_the_published_rule_at_any_size(crop_px, cells, sigma):
    points = np.random.default_rng(1).uniform(-0.4 * crop_px, 1.4 * crop_px, (150, 2))
    points[:12] = [
        [c * crop_px / cells, 40.5] for c in (-8, -7, -6.5, -1, -0.9, -0.1, 0, 0.99, 1, 29, 63, 70)
    ]
    codec = Heatmap2D(crop_px, cells, sigma, subpixel=False)
    maps, veil = codec.encode(torch.tensor(points)[None])
    for point, found, seen in zip(points, maps[0].numpy(), veil[0].tolist(), strict=True):
        expected, counts = slow_target(point, crop_px, cells, sigma)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert seen == counts


def test_a_window_that_ends_at_the_border_counts_only_as_published():
    joints = torch.tensor([[[-28.0, 40.0], [-32.0, 40.0], [-24.0, 40.0]]])
    faithful, fixed = Heatmap2D(subpixel=False).encode(joints), Heatmap2D().encode(joints + 2)
    assert faithful.veil.tolist() == [[True, False, True]]
    assert faithful.maps.flatten(2).amax(-1).gt(0).tolist() == [[False, False, True]]
    for codec in (Heatmap2D(), Heatmap2D(sigma=1.0)):
        maps, veil = codec.encode(random_joints(256) * 2 - 128)
        assert torch.equal(maps.flatten(2).amax(-1) > 0, veil)
    assert fixed.veil.tolist() == [[False, False, True]]


@pytest.mark.parametrize(("crop_px", "cells"), SIZES)
@pytest.mark.parametrize("mode", BOUNDS)
def test_decoding_an_encoded_joint_gives_it_back(mode, crop_px, cells):
    codec = Heatmap2D(crop_px, cells, mode=mode)
    for bound, margin in zip(BOUNDS[mode], (9 * codec.ratio, 0.0), strict=True):
        joints = random_joints(crop_px, margin)
        maps, veil = codec.encode(joints)
        assert veil.all()
        found, confidence = codec.decode(maps)
        assert (found - joints).abs().max() <= (bound + 1e-4) * codec.ratio
        assert (confidence == maps.flatten(2).amax(-1)).all()


def test_without_subpixel_the_published_decoding_errs_by_the_cut():
    codec = Heatmap2D(subpixel=False)
    joints = random_joints(256, 40, count=500)
    maps = codec.encode(joints).maps
    away = {mode: (codec.decode(maps, mode).joints_px - joints).norm(dim=-1).mean() for mode in MODES}
    # Uniform in a cell of 4 pixels: from its corner, and from its centre.
    assert away["argmax"] == pytest.approx(3.06, abs=0.05)
    assert away["argmax_center"] == pytest.approx(1.53, abs=0.03)
    assert torch.equal(codec.decode(maps, "argmax").joints_px % 4, torch.zeros_like(joints))


def test_centre_of_a_whole_cell_gives_the_published_map():
    cells = torch.tensor([[[20.0, 31.0], [2.0, 60.0]]])
    exact = Heatmap2D().encode((cells + 0.5) * 4)
    cut = Heatmap2D(subpixel=False).encode(cells * 4)
    torch.testing.assert_close(exact.maps, cut.maps)


def test_what_is_not_annotated_is_an_empty_map_and_maps_stay_float32():
    joints = torch.tensor([[[torch.nan, 3.0], [50.0, 60.0], [70.0, 80.0]]], dtype=torch.float16)
    maps, veil = Heatmap2D().encode(joints, torch.tensor([[1, 1, 0]]))
    assert veil.tolist() == [[False, True, False]]
    assert maps.dtype == torch.float32
    assert maps.flatten(2).amax(-1).gt(0).tolist() == [[False, True, False]]


@pytest.mark.parametrize("mode", MODES)
def test_maps_of_any_precision_empty_flat_and_broken(mode):
    codec = Heatmap2D(mode=mode)
    joints = random_joints(256, 40, count=3)
    maps = codec.encode(joints).maps
    for kind in (torch.float16, torch.bfloat16):
        found = codec.decode(maps.to(kind)).joints_px
        assert found.dtype == torch.float32
        assert (found - joints).abs().max() < (5.2 if mode == "argmax" else 2.6)
    maps[0, 0], maps[0, 1], maps[0, 2, 5, 5], maps[0, 3, 5, 5] = 0.0, -0.5, torch.nan, torch.inf
    found, confidence = codec.decode(maps)
    assert torch.isfinite(found).all(-1)[0, :5].tolist() == [True, True, False, False, True]
    assert confidence[0, :2].tolist() == [0.0, -0.5]
    if mode == "argmax":
        assert found[0, :2].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_noise_moves_decoded_joints_little():
    joints = random_joints(256, 40)
    maps = Heatmap2D().encode(joints).maps
    draw = torch.Generator().manual_seed(3)
    noisy = maps + 0.02 * torch.randn(maps.shape, generator=draw)
    away = {m: (Heatmap2D().decode(noisy, m).joints_px - joints).norm(dim=-1).mean() for m in MODES[1:]}
    assert away["dark"] < away["quarter"] < away["argmax_center"]
    assert away["softargmax"] < away["quarter"]


def test_peaks_of_maps_that_are_not_square():
    maps = torch.zeros(1, 1, 3, 50)
    maps[0, 0, 2, 41] = 1.0
    assert peaks(maps).cells.tolist() == [[[41.0, 2.0]]]


def test_back_in_the_image_through_a_mirrored_crop():
    joints = torch.rand(4, 21, 2) * 640
    angle = torch.tensor([0.3, -1.2, 0.0, 2.0])
    zoom = torch.tensor([0.4, 1.7, 3.1, 0.9])
    c, s = zoom * angle.cos(), zoom * angle.sin()
    rows = [torch.stack((-c, -s, 300 + c), -1), torch.stack((-s, c, 20 * s), -1)]
    image_to_crop = torch.stack(rows, 1)
    in_crop = (joints[..., None, :] * image_to_crop[:, None, :, :2]).sum(-1) + image_to_crop[:, None, :, 2]
    assert (Heatmap2D().to_image(in_crop, image_to_crop) - joints).abs().max() < 0.01


def test_wrong_settings_name_themselves():
    with pytest.raises(ConfigError, match="did you mean 'quarter'"):
        Heatmap2D(mode="quater")
    with pytest.raises(ConfigError, match="cells=0"):
        Heatmap2D(cells=0)
    with pytest.raises(ConfigError, match="blur=4"):
        Heatmap2D(blur=4)
    with pytest.raises(ConfigError, match="64 x 64 cells expected"):
        Heatmap2D().decode(torch.zeros(1, 21, 32, 32))


@pytest.mark.parametrize("path", golden_paths("handflow2d", "depth_decode"))
def test_published_depth_targets(path):
    data = np.load(path)
    z_mm = 1000 * torch.tensor(data["joint_z"])[None]
    for name in ("rhd", "stb"):
        depth_mm = (1000 * torch.tensor(data[f"{name}_metres"])[None]).float()
        shades = scaled_depth(depth_mm, z_mm.amin(1) - 50, z_mm.amax(1) + 50)[0].numpy()
        assert np.abs(shades - data[f"{name}_norm"]).max() <= t5(data[f"{name}_norm"])
    depth_mm = (1000 * torch.tensor(data["rhd_metres"])[None]).float()
    side = len(data["rhd_resized_20"])
    depth, mask, valid = HandDepth(cells=side).encode(depth_mm, z_mm)
    assert np.abs(depth[0].numpy() - data["rhd_resized_20"]).max() <= t5(data["rhd_resized_20"])
    assert mask[0].tolist() == data["rhd_mask_20"].tolist()
    assert valid.tolist() == [True]


# Where the ratio is no binary fraction, places in the image are rounded differently.
@pytest.mark.parametrize(("cells", "near"), [(64, 1e-6), (128, 1e-6), (50, 3e-5)])
def test_depth_targets_are_resized_as_opencv_does(cells, near):
    rng = np.random.default_rng(0)
    depth_mm = torch.tensor(rng.uniform(300, 900, (3, 256, 256))).float()
    z_mm = torch.tensor([[450.0, 600.0], [400.0, 410.0], [2000.0, 2001.0]])
    found = HandDepth(cells=cells).encode(depth_mm, z_mm)
    shades = scaled_depth(depth_mm, z_mm.amin(1) - 50, z_mm.amax(1) + 50)
    for small, full in zip(found.depth.numpy(), shades.numpy(), strict=True):
        np.testing.assert_allclose(small, cv2.resize(full, (cells, cells)), atol=near, rtol=0)
    assert found.valid.all()
    assert found.mask[2].sum() == 0


def test_samples_without_depth_or_joints_are_zeros():
    depth_mm = torch.full((3, 8, 8), 500, dtype=torch.int32)
    z_mm = torch.tensor([[490.0, torch.nan], [490.0, 510.0], [490.0, 510.0]])
    known = torch.tensor([[1, 1], [1, 1], [0, 0]])
    found = HandDepth(cells=4).encode(depth_mm, z_mm, torch.tensor([True, False, True]), known)
    assert found.valid.tolist() == [True, False, False]
    assert found.depth.amax((1, 2)).gt(0).tolist() == [True, False, False]
    assert found.mask.sum((1, 2)).tolist() == [16.0, 0.0, 0.0]
