"""What a sample sends is what the prepared types say, small, and wrong joints are named."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from carpus.data.augment import CubeAugmentation, CubeMove, VolumeAugmentation
from carpus.data.depth_images import decode_depth
from carpus.data.prepared import Frame, prepare
from carpus.data.prepared.records import FIELD
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from carpus.methods.depth_cr.inputs import DepthCRInputs
from carpus.methods.depth_cr.model import guide_keys, input_key
from carpus.methods.depth_cr.module import DepthCR
from carpus.nets.depth_cr import COMPOSITIONS
from carpus.types import Ragged, Record, collate

from .overfit import CUBE_MM, RANGE_MM, dataset

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def record(folder) -> Record:
    return dataset(folder).open("train")[0]


def frame_of(record: Record) -> Frame:
    return Frame(
        decode_depth(record.images["depth"], record.fields["depth_coding"]),
        Camera.from_array(record.fields["camera"]),
        Cube.from_array(np.array([CUBE_MM / 2, *record.fields["center_mm"]])),
        RANGE_MM,
        np.asarray(record.fields["joints_cam_mm"], np.float64),
    )


def prepared_batch(model, samples, train=True):
    inputs = DepthCRInputs(model, CUBE_MM, RANGE_MM)
    batch = collate([(r.key, inputs(r, RNG, train)) for r in samples])
    module = DepthCR(model, 21, CUBE_MM, RANGE_MM, {}, torch.optim.Adam)
    return module.prepare(batch)


def bytes_of(inputs) -> int:
    return sum(np.asarray(v.values if isinstance(v, Ragged) else v).nbytes for v in inputs.values())


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_network_input_and_maps_arrive_as_prepared(name, record, folder):
    model = COMPOSITIONS[name]
    batch = prepared_batch(model, [record, dataset(folder).open("train")[1]])
    keys = [input_key(model), *guide_keys(model)]
    made = prepare(frame_of(record), keys)
    seen = made[keys[0].name].reshape(*(model.input.side,) * model.input.dim, model.input.channels)
    tolerance = 0.6 / 254 / 2 + 1e-7 if model.input.kind == "tsdf3" else 0.0
    assert np.abs(np.moveaxis(seen, -1, 0) - batch["net_input"][0].numpy()).max() <= tolerance
    if "guide_target" in batch:
        maps = np.concatenate([made[key.name] for key in keys[1:]], -1)
        wanted = np.moveaxis(maps[..., : 21 * model.guide.channels_per_joint], -1, 0)
        assert np.array_equal(wanted, batch["guide_target"][0].numpy())
    if "label_target" in batch:
        assert np.array_equal(made[keys[1].name], batch["label_target"][0].numpy())


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_sample_stays_small(name, record):
    sent = DepthCRInputs(COMPOSITIONS[name], CUBE_MM, RANGE_MM)(record, RNG, True)
    assert bytes_of(sent) < 300_000


def test_a_joint_outside_the_cube_is_named_in_training_and_left_out_in_scoring(record):
    model, inputs = COMPOSITIONS["voxel_detect"], DepthCRInputs
    joints = np.array(record.fields["joints_cam_mm"])
    joints[5] += 500
    moved = Record(record.key, record.images, {**record.fields, "joints_cam_mm": joints})
    with pytest.raises(DataError, match=r"joints \[5\] are outside the cube"):
        inputs(model, CUBE_MM, RANGE_MM)(moved, RNG, True)
    for made in (
        inputs(model, CUBE_MM, RANGE_MM)(moved, RNG, False),
        inputs(model, CUBE_MM, RANGE_MM, outside="mask")(moved, RNG, True),
    ):
        assert np.flatnonzero(~made["label_valid"]).tolist() == [5]
        assert made["joint_valid"].all()


def test_an_unknown_rule_for_joints_outside_names_the_known_ones():
    with pytest.raises(ConfigError, match="mask"):
        DepthCRInputs(COMPOSITIONS["voxel_detect"], CUBE_MM, RANGE_MM, outside="drop")


def test_arrays_of_a_store_are_not_computed_again(record):
    model = COMPOSITIONS["super_edt2"]
    key = guide_keys(model)[0]
    stored = np.full((32, 32, 21), 0.25, np.float32)
    with_map = Record(record.key, record.images, {**record.fields, FIELD + key.name: stored})
    assert (prepared_batch(model, [with_map])["guide_target"] == 0.25).all()


def test_a_localiser_needs_no_centre(record):
    blind = {n: v for n, v in record.fields.items() if n not in ("center_mm", "joints_cam_mm")}
    inputs = DepthCRInputs(COMPOSITIONS["localizer2"], CUBE_MM, RANGE_MM)
    made = inputs(Record(record.key, record.images, blind), RNG, False)
    assert "joints_cam_mm" not in made
    assert made["net_input_rows"].values.size > 0


def moved_sample(record, move):
    """What a given draw makes of a record."""
    inputs = DepthCRInputs(COMPOSITIONS["super_edt2m"], CUBE_MM, RANGE_MM, augment=CubeAugmentation())
    object.__setattr__(inputs, "augment", SimpleNamespace(draw=lambda rng: move))
    return inputs(record, RNG, True)


def test_a_quarter_turn_turns_image_and_joints_alike(record):
    module = DepthCR(COMPOSITIONS["super_edt2m"], 21, CUBE_MM, RANGE_MM, {}, torch.optim.Adam)
    plain = collate([("a", DepthCRInputs(module.model, CUBE_MM, RANGE_MM)(record, RNG, True))])
    turned = collate([("a", moved_sample(record, CubeMove(np.zeros(3), 1.0, np.pi / 2)))])
    before, after = module.prepare(plain), module.prepare(turned)
    silhouette = torch.rot90(before["net_input"] > 0, -1, (2, 3))
    assert ((after["net_input"] > 0) == silhouette).float().mean() > 0.99
    expected = before["pose_target_mm"][..., [1, 0, 2]] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(after["pose_target_mm"], expected, atol=1e-2)


def test_a_moved_cube_moves_the_target_the_other_way(record):
    shifted = moved_sample(record, CubeMove(np.array([5.0, -3.0, 8.0]), 1.0, 0.0))
    moved_by = shifted["center_mm"] - record.fields["center_mm"]
    assert np.allclose(moved_by, [5, -3, 8], atol=1e-3)
    assert np.allclose(shifted["joints_cam_mm"], record.fields["joints_cam_mm"], atol=1e-3)


def test_a_larger_hand_fills_more_of_the_cube_and_points_that_come_in_are_seen(record):
    small, large = (moved_sample(record, CubeMove(np.zeros(3), s, 0.3)) for s in (0.8, 1.2))
    assert large["net_input_rows"].values.shape[0] > small["net_input_rows"].values.shape[0]


def test_augmentation_is_only_drawn_for_training_and_refused_where_the_image_is_shown(record):
    augment = CubeAugmentation()
    inputs = DepthCRInputs(COMPOSITIONS["base_clean"], CUBE_MM, RANGE_MM, augment=augment)
    once, again = (inputs(record, np.random.default_rng(s), False)["joints_cam_mm"] for s in (1, 2))
    assert np.array_equal(once, again)
    for name in ("base_regre", "localizer2"):
        with pytest.raises(ConfigError, match="shows the image as it is"):
            DepthCRInputs(COMPOSITIONS[name], CUBE_MM, RANGE_MM, augment=augment)
    with pytest.raises(ConfigError, match="augment=cube"):
        DepthCRInputs(COMPOSITIONS["base_clean"], CUBE_MM, RANGE_MM, augment=VolumeAugmentation())
