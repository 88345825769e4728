import numpy as np
import pytest

from carpus.data.prepared import NODES, Frame, Key, deps_text, order_of_work, parse_key, prepare, prereq_text
from carpus.data.prepared.published import PREREQUISITES
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube

CAMERA = Camera(475.0, 475.0, 316.0, 245.0)


@pytest.fixture
def frame() -> Frame:
    v, u = np.indices((480, 640))
    depth = np.where((u - 310) ** 2 + (v - 250) ** 2 < 70**2, 480 + (u + v) % 40, 0).astype(np.uint16)
    joints = np.random.default_rng(0).uniform(-60, 60, (5, 3)) + np.array([0, 0, 500])
    return Frame(depth, CAMERA, Cube.from_array(np.array([120.0, 0, 0, 500])), (100.0, 1060.0), joints, 7)


def sized(name: str) -> str:
    return {"crop": f"{name}_32", "map": f"{name}_16"}.get(NODES[name].scale, name)


@pytest.mark.parametrize("name", NODES)
def test_every_type_has_its_stated_shape_range_and_kind(frame, name):
    key = parse_key(sized(name))
    value = prepare(frame, [key])[key.name]
    assert value.shape == key.row_shape(frame.joints)
    assert value.dtype == NODES[name].dtype
    low, high = NODES[name].values
    assert value.min() >= low
    assert value.max() <= high
    assert value.any()


def test_inputs_stand_before_what_is_made_from_them():
    seen: set[str] = set()
    for node in NODES.values():
        assert set(node.inputs) <= seen
        seen.add(node.name)


def test_shared_inputs_are_made_once():
    order = order_of_work([parse_key("edt2m_32"), parse_key("ov3edt2m_32"), parse_key("clean_128")])
    assert len(order) == len(set(order))
    for key in order:
        assert all(order.index(other) < order.index(key) for other in key.inputs)
    assert Key("clean", 0, 128) in order


def test_known_arrays_are_not_made_again(frame):
    clean = np.zeros((128, 128), np.float32)
    assert not prepare(frame, ["edt2_32"], {parse_key("clean_128"): clean})["edt2_32"].any()


def test_names_that_collide_as_published_are_told_apart(frame):
    wanted = ["vxudir_16_from_pcnt3_64", "vxudir_16_from_pcnt3_32", "udir2_32_from_clean_64", "udir2_32"]
    made = prepare(frame, wanted)
    assert parse_key(wanted[0]).published == parse_key(wanted[1]).published == "vxudir_16"
    assert (made[wanted[2]] != made[wanted[3]]).any()


@pytest.mark.parametrize("name", NODES)
def test_full_names_are_read_back(name):
    key = parse_key(sized(name))
    assert parse_key(key.name) == key


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("edt2_48", "divides 128"),
        ("edt2", "needs a side"),
        ("etd2_32", "did you mean 'edt2'"),
        ("pose_c_32", "has no side"),
        ("edt2_32_from_pcnt3_64", "is drawn from clean"),
        ("!", "is not the name"),
    ],
)
def test_wrong_names_say_what_is_wrong(name, message):
    with pytest.raises(ConfigError, match=message):
        parse_key(name)


def test_a_frame_without_joints_still_gives_inputs(frame):
    blind = Frame(frame.depth_mm, frame.camera, frame.cube, frame.depth_range_mm, index=9)
    np.testing.assert_array_equal(
        prepare(blind, ["clean_128"])["clean_128"], prepare(frame, ["clean_128"])["clean_128"]
    )
    with pytest.raises(DataError, match="frame 9: 'edt2_32' is made from joints"):
        prepare(blind, ["edt2_32"])


def test_dependencies_are_printed_as_published():
    lines = deps_text("hands17").splitlines()
    assert lines[0] == "Data dependency hierarchy for hands17:"
    assert len(lines) == 21
    assert lines[1] == "index  -->  []"
    assert "vxudir  -->  ['pcnt3', 'poses', 'resce']" in lines
    assert lines[-1] == "ov3edt2m  -->  ['ov3edt2', 'ov3dist2']"
    nyu = deps_text("nyu_hand").splitlines()
    assert sorted(nyu[1:]) == sorted(lines[1:])
    assert nyu[10].startswith("ov3edt2  ")


def test_prerequisites_are_complete_and_printed_sorted():
    assert len(PREREQUISITES) == 28
    for model in ("super_edt2m", "super_ov3edt2", "direc_tsdf", "voxel_detect", "dense_regre", "trunc_dist"):
        stores = PREREQUISITES[model]
        needed = {key.published for name in stores for key in order_of_work([parse_key(name)])}
        assert needed - {"index", "poses", "resce"} == set(stores)
    text = "Prepared dependency for voxel_detect: {'annotation', 'clean_64', 'pose_lab_32', 'vxhit_64'}"
    assert prereq_text("voxel_detect") == text
    assert prereq_text("mine", ["b_1"]) == "Prepared dependency for mine: {'annotation', 'b_1'}"
    with pytest.raises(ConfigError, match="did you mean 'dense_regre'"):
        prereq_text("dense_regres")
