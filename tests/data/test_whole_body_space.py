"""What the readers of datasets with bodies in space make of the published files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from carpus.data.ply import read_ply_vertices
from carpus.data.sources.ehf import EHF
from carpus.data.sources.ffhq import FFHQ
from carpus.data.sources.human36m import Human36M
from carpus.data.sources.mpi_inf_3dhp import MPIINF3DHP
from carpus.data.sources.pw3d import PW3D
from carpus.data.whole_body_splits import PersonSplits
from carpus.errors import ConfigError, DataError
from whole_body_trees import (
    CAMERA,
    dataset_of,
    image,
    person,
    write_3dhp,
    write_human36m,
    write_json,
    write_picture,
    write_pw3d,
)


def check_in_camera(fields, joints, camera, names):
    rotation, shift, focal, center = (np.array(camera[name]) for name in names)
    expected = np.array(joints) @ rotation.T + shift
    np.testing.assert_allclose(fields["joints_cam_mm"], expected, rtol=1e-5, atol=1e-2)
    pixels = expected[:, :2] / expected[:, 2:] * focal + center
    np.testing.assert_allclose(fields["joints_px"], pixels, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(fields["camera"], [*focal, *center])
    np.testing.assert_allclose(fields["model_rotation"], rotation)
    np.testing.assert_allclose(fields["model_translation_m"], shift / 1000)
    assert not fields["model_pose_valid"][[7, 8, 20, 21]].any()
    assert not fields["model_joint_valid"][14:20].any()


def test_human36m_takes_every_fifth_frame_and_tests_on_camera_four(tmp_path):
    published = write_human36m(tmp_path, (1, 5, 6, 7, 8, 9, 11))
    train = Human36M(tmp_path, "train")
    assert len(train) == 5 * 2 * 3
    assert sorted({train.columns(i)["frame"] for i in range(len(train))}) == [0, 5, 10]
    for index in (0, 7, 29):
        record, columns = train[index], train.columns(index)
        of_subject = published[str(columns["subject"])]
        frame, camera = str(columns["frame"]), of_subject["cameras"][str(columns["camera"])]
        check_in_camera(record.fields, of_subject["joints"][frame], camera, ("R", "t", "f", "c"))
        trans = of_subject["fits"][frame]["trans"]
        np.testing.assert_allclose(record.fields["model_trans_m"], trans, rtol=1e-6)
        assert record.key.startswith(f"s_{columns['subject']:02d}_act_02_subact_01_ca_")
        assert record.fields["model_part_valid"].tolist() == [True, False, False, True]
    assert len({record.key for record in train}) == 30
    test = Human36M(tmp_path, "test", test_every=10)
    assert {(test.columns(i)["subject"], test.columns(i)["camera"]) for i in range(len(test))} == {
        (9, 4),
        (11, 4),
    }
    assert len(test) == 4
    assert "model" not in test[0].fields


def test_human36m_packs_in_several_processes_and_repacks_what_changed(tmp_path):
    write_human36m(tmp_path / "tree", (1, 5, 6, 7, 8), range(6))
    splits = PersonSplits(train="train", val="train", val_fraction=0.3)
    dataset = dataset_of(Human36M, tmp_path / "tree", tmp_path / "packs", splits)
    dataset.pack("train", processes=2)
    whole = [r.key for split in ("train", "val") for r in dataset.open(split)]
    assert sorted(whole) == sorted(r.key for r in Human36M(tmp_path / "tree", "train"))
    with pytest.raises(ConfigError, match="has no test split, only train and val"):
        dataset.open("test")
    made = (dataset.folder("train") / "meta.json").stat().st_mtime_ns
    dataset.pack("train")
    assert (dataset.folder("train") / "meta.json").stat().st_mtime_ns == made
    path = tmp_path / "tree/annotations/Human36M_subject5_camera.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(DataError, match=r"Human36M_subject5_camera\.json"):
        dataset.open("train")


def test_mpi_inf_3dhp_takes_every_third_frame(tmp_path):
    published = write_3dhp(tmp_path)
    source = MPIINF3DHP(tmp_path, "train")
    assert [r.key for r in source] == [f"S1/Seq2/img_S1_Seq2_V8_{f:06d}/{f}" for f in (0, 3, 6)]
    fields = source[1].fields
    check_in_camera(fields, published["joints"]["3"], published["camera"], ("R", "t", "focal", "princpt"))
    np.testing.assert_allclose(fields["model_pose"][3:66], published["fits"]["3"]["body_pose"], rtol=1e-6)
    # The publication's page calls the same file SMPL; what counts is what is in it.
    folder = tmp_path / "data"
    (folder / "MPI-INF-3DHP_SMPLX_NeuralAnnot.json").rename(folder / "MPI-INF-3DHP_SMPL_NeuralAnnot.json")
    assert len(MPIINF3DHP(tmp_path / "data", "train")) == 3


@pytest.mark.parametrize("images", ["imageFiles", "data/imageFiles"])
def test_pw3d_has_smpl_of_a_gender(tmp_path, images):
    published = write_pw3d(tmp_path)
    if images != "imageFiles":
        (tmp_path / "imageFiles").rename(tmp_path / images)
    source = PW3D(tmp_path, "test")
    assert [r.key for r in source] == ["downtown/image_00000/1", "downtown/image_00000/2"]
    for record, entry, gender in zip(source, published, (1, 2), strict=True):
        fields = record.fields
        assert (fields["model"], fields["gender"]) == ("smpl", gender)
        np.testing.assert_allclose(fields["model_pose"], entry["smpl_param"]["pose"], rtol=1e-6)
        np.testing.assert_allclose(fields["camera"], [*CAMERA["focal"], *CAMERA["princpt"]])
        assert fields["model_pose_valid"].shape == (24,)
        assert fields["model_joint_valid"].shape == (33,)
        assert fields["image"] == f"{images}/downtown/image_00000.jpg"


def write_ehf(root, vertices, binary=True):
    folder = root / "data"
    write_picture(folder / "01_img.jpg")
    boxes = {"body_bbox": [4, 5, 30, 40], "lefthand_bbox": [3, 4, 5, 6], "righthand_bbox": [30, 4, 5, 6]}
    entry = {"id": 1, "image_id": 1, **boxes, "face_bbox": [12, 2, 8, 9]}
    write_json(folder / "EHF.json", {"images": [image(1, "01_img.jpg")], "annotations": [entry]})
    header = (
        f"ply\nformat {'binary_little_endian' if binary else 'ascii'} 1.0\nelement vertex {len(vertices)}\n"
    )
    header += "".join(f"property float {axis}\n" for axis in "xyz") + "element face 0\n"
    header += "property list uchar int vertex_indices\nend_header\n"
    rows = (
        vertices.astype("<f4").tobytes()
        if binary
        else "\n".join(" ".join(map(repr, r)) for r in vertices.tolist()).encode()
    )
    (folder / "01_align.ply").write_bytes(header.encode() + rows)
    return folder


@pytest.mark.parametrize("binary", [True, False])
def test_ehf_has_the_registered_mesh(tmp_path, binary):
    vertices = np.random.default_rng(0).normal(0, 1, (10475, 3)).astype(np.float32)
    folder = write_ehf(tmp_path, vertices, binary)
    fields = EHF(tmp_path, "test")[0].fields
    np.testing.assert_array_equal(fields["vertices_m"], vertices)
    np.testing.assert_array_equal(fields["bbox_xywh_px"], [4, 5, 30, 40])
    assert fields["part_boxes_xyxy_px"].tolist() == [[3, 4, 8, 10], [30, 4, 35, 10], [12, 2, 20, 11]]
    dataset = dataset_of(EHF, folder, tmp_path / "packs", PersonSplits(test="test"))
    assert len(dataset.open("test")) == 1
    assert dataset.size_line("test") == "ehf test: 1 records; published: 100, a difference of -99"
    with pytest.raises(ConfigError, match="dataset ehf has no train split, only test"):
        dataset.open("minitrain")


def test_wrong_meshes_are_named(tmp_path):
    vertices = np.zeros((10475, 3), np.float32)
    folder = write_ehf(tmp_path, vertices)
    path = folder / "01_align.ply"
    whole = path.read_bytes()
    for data, words in ((whole[:-9], "cut off"), (b"obj" + whole, "no PLY file"), (whole[:-12], "cut off")):
        path.write_bytes(data)
        with pytest.raises(DataError, match=words) as failed:
            read_ply_vertices(path)
        assert str(path) in str(failed.value)
    write_ehf(tmp_path, vertices[:-1])
    with pytest.raises(DataError, match=r"01_align\.ply has 10,474 vertices; 10,475"):
        EHF(tmp_path, "test")[0]
    path.unlink()
    with pytest.raises(
        DataError, match=r"01_align\.ply is missing, the mesh of .*annotation 1 in 01_img\.jpg"
    ):
        EHF(tmp_path, "test")


@pytest.mark.parametrize("name", ["flame_param.json", "FFHQ_FLAME_NeuralAnnot.json"])
def test_ffhq_has_flame(tmp_path, name):
    rng = np.random.default_rng(0)
    write_picture(tmp_path / "data/images/00000.png")
    points = rng.uniform(5, 40, (73, 2)).round(2)
    entry = person(4, 0, keypoints=points.tolist(), keypoints_valid=[0.0] * 5 + [1.0] * 68)
    write_json(tmp_path / "data/FFHQ.json", {"images": [image(0, "00000.png")], "annotations": [entry]})
    sizes = {"root_pose": 3, "jaw_pose": 3, "shape": 10, "expr": 10, "trans": 3}
    param = {key: rng.normal(0, 1, size).tolist() for key, size in sizes.items()}
    write_json(tmp_path / "data" / name, {"4": {"flame_param": param, "cam_param": CAMERA}})
    record = FFHQ(tmp_path, "train")[0]
    assert record.key == "00000/4"
    np.testing.assert_allclose(record.fields["joints_px"], points, rtol=1e-6)
    assert record.fields["joint_valid"].sum() == 68
    np.testing.assert_allclose(record.fields["model_pose"], param["root_pose"] + param["jaw_pose"], rtol=1e-6)
    np.testing.assert_allclose(record.fields["model_expr"], param["expr"], rtol=1e-6)
    assert json.loads((tmp_path / "data/FFHQ.json").read_text())["images"]
