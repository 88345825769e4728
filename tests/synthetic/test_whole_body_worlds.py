"""Synthetic trees of whole bodies: read by the program's own sources, with the truth they were made from."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from carpus.bodies.library import BodyModels
from carpus.data.sources.ehf import EHF
from carpus.data.sources.ffhq import FFHQ
from carpus.data.sources.human36m import Human36M
from carpus.data.sources.mpi_inf_3dhp import MPIINF3DHP
from carpus.data.sources.mpii import MPII
from carpus.data.sources.mscoco import MSCOCO, MSCOCOHands
from carpus.data.sources.pw3d import PW3D
from carpus.geometry.camera import Camera
from carpus.skeletons import HUMAN36M, SMPLX_144
from carpus.skeletons import MSCOCO as COCO_JOINTS
from carpus.synthetic import ehf, make, mscoco
from carpus.synthetic.mpii import mpii_joints_m
from carpus.synthetic.people.group import Cast
from carpus.synthetic.people.published import human36m_regressor
from carpus.synthetic.tree import split_subjects
from whole_body_trees import posed_m

FRAMES = {"human36m": 3, "mpi_inf_3dhp": 4, "mpii": 5, "mscoco": 8, "pw3d": 3, "ehf": 2, "ffhq": 3}
SEED = 2
MODELS = BodyModels("there is none", standin=True)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    root = tmp_path_factory.mktemp("people")
    return {name: make(name, root / name, frames=count, seed=SEED) for name, count in FRAMES.items()}


def with_parts(fields, entry):
    """Fields with the published fingers, jaw and expression, which the dataset does not vouch for."""
    names = ("root_pose", "body_pose", "lhand_pose", "rhand_pose", "jaw_pose")
    pose = np.concatenate([entry[name] for name in names])
    np.testing.assert_allclose(fields["model_pose"][:66], pose[:66], atol=1e-6)
    assert not fields["model_part_valid"][1:].any()
    assert not fields["model_pose"][66:].any()
    return fields | {"model_pose": pose, "model_expr": np.array(entry["expr"])}


def decoded(record):
    return cv2.imdecode(np.frombuffer(record.images["rgb"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def check_picture(record):
    assert decoded(record).shape[1::-1] == tuple(record.fields["image_wh"])
    left, top, width, height = record.fields["bbox_xywh_px"]
    assert min(left, top) > -300
    assert min(width, height) > 4


def human36m_fit(root, columns):
    subject = columns["subject"]
    table = json.loads((root / f"annotations/Human36M_subject{subject}_SMPLX_NeuralAnnot.json").read_text())
    return table[str(columns["action"])]["1"][str(columns["frame"])]


def mpi_inf_3dhp_fit(root, columns):
    table = json.loads((root / "data/MPI-INF-3DHP_SMPLX_NeuralAnnot.json").read_text())
    return table[str(columns["subject"])][str(columns["sequence"])][str(columns["frame"])]


@pytest.mark.parametrize(
    ("source", "count", "entry"), [(Human36M, 5, human36m_fit), (MPIINF3DHP, 4, mpi_inf_3dhp_fit)]
)
def test_joints_in_space_are_those_of_the_fits(worlds, source, count, entry):
    root = worlds[source.name]
    people = source(root, "train")
    assert len(people) == count
    for index in range(count):
        record = people[index]
        check_picture(record)
        fields = with_parts(record.fields, entry(root, people.columns(index)))
        joints = 1000 * human36m_regressor() @ posed_m(fields, MODELS.smplx())[0]
        joints = joints[[HUMAN36M.index(joint) for joint in people.skeleton.joints]]
        np.testing.assert_allclose(fields["joints_cam_mm"], joints, atol=0.05)
        pixels = Camera.from_array(fields["camera"]).project(joints)
        np.testing.assert_allclose(fields["joints_px"], pixels, atol=0.02)


def test_human36m_is_tested_on_other_people_seen_by_one_camera(worlds):
    people = Human36M(worlds["human36m"], "test")
    columns = [people.columns(index) for index in range(len(people))]
    assert {column["subject"] for column in columns} == {9, 11}
    assert {column["camera"] for column in columns} == {4}
    assert not any("model_pose" in people[index].fields for index in range(len(people)))


def test_mpii_key_points_are_those_of_its_fits(worlds):
    root = worlds["mpii"]
    people = MPII(root, "train")
    fits = json.loads((root / "data/annotations/MPII_train_SMPLX_NeuralAnnot.json").read_text())
    assert len({people[index].fields["image"] for index in range(len(people))}) == FRAMES["mpii"]
    for record in (people[index] for index in range(len(people))):
        check_picture(record)
        if "model_pose" not in record.fields:
            assert str(record.fields["annot_id"]) not in fits
            continue
        fields = with_parts(record.fields, fits[str(record.fields["annot_id"])]["smplx_param"])
        vertices, _ = posed_m(fields, MODELS.smplx())
        pixels = Camera.from_array(fields["model_camera"]).project(mpii_joints_m(vertices))
        valid = fields["joint_valid"]
        assert valid.any()
        np.testing.assert_allclose(fields["joints_px"][valid], pixels[valid], atol=0.02)


def test_mscoco_key_points_and_boxes_are_those_of_its_fits(worlds):
    people = MSCOCO(worlds["mscoco"], "train")
    parts = np.array([people[index].fields["part_box_valid"] for index in range(len(people))])
    assert 0.3 < parts.mean() < 1
    for record in (people[index] for index in range(0, len(people), 3)):
        check_picture(record)
        fields = record.fields
        _, joints = posed_m(fields, MODELS.smplx())
        pixels = Camera.from_array(fields["model_camera"]).project(joints)
        there = fields["model_part_valid"]
        # Without the expression, joints of the trunk move a little: their regressor knows the head, too.
        tolerance = 0.05 if there.all() else 1.0
        for place, name in enumerate(COCO_JOINTS.joints):
            part = 1 if name.startswith("left") else 2
            hand = any(finger in name for finger in ("thumb", "index", "middle", "ring", "little"))
            face = place >= 66 or name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
            counts = there[3] if face else (there[part] if hand else True)
            own = name.replace("wrist_of_hand", "wrist")
            if fields["joint_valid"][place] and counts and own in SMPLX_144.joints and name != "pelvis":
                expected = pixels[SMPLX_144.index(own)]
                np.testing.assert_allclose(fields["joints_px"][place], expected, atol=tolerance, err_msg=name)
        for number, box in enumerate(fields["part_boxes_xyxy_px"]):
            assert not fields["part_box_valid"][number] or (box[2:] - box[:2]).min() >= 8.9


def test_mscoco_hands_are_those_of_their_fits(worlds):
    hands = MSCOCOHands(worlds["mscoco"], "train")
    assert {bool(hands[index].fields["hand_type"][0]) for index in range(len(hands))} == {True, False}
    for record in (hands[index] for index in range(0, len(hands), 4)):
        fields = record.fields
        side = "right" if fields["hand_type"][0] else "left"
        _, joints = posed_m(fields, MODELS.mano(side))
        pixels = Camera.from_array(fields["model_camera"]).project(joints)
        scale = fields["model_camera"][0] / joints[:, 2].mean()
        valid = fields["joint_valid"]
        away = np.linalg.norm(fields["joints_px"] - pixels, axis=1)[valid] / scale
        assert away.max() < 0.004


def test_mscoco_has_crowds_people_without_key_points_and_no_fits_to_validate(worlds, tmp_path):
    tree = make("mscoco", tmp_path / "more", frames=12, seed=SEED)
    content = json.loads((tree / "annotations/coco_wholebody_train_v1.0.json").read_text())
    assert sum(item["iscrowd"] for item in content["annotations"]) == 1
    assert len(MSCOCO(tree, "train")) < len(content["annotations"])
    assert "model_pose" not in MSCOCO(tree, "val")[0].fields
    few = sorted(path.name for path in (worlds["mscoco"] / "images/train2017").iterdir())
    for name in few:  # Pictures do not depend on how many there are.
        one, other = (root / "images/train2017" / name for root in (tree, worlds["mscoco"]))
        assert one.read_bytes() == other.read_bytes()


def test_pw3d_people_have_smpl_of_their_gender_in_the_picture(worlds):
    for split in ("train", "validation", "test"):
        people = PW3D(worlds["pw3d"], split)
        record = people[0]
        check_picture(record)
        fields = record.fields
        assert fields["gender"] in (1, 2)
        vertices, _ = posed_m(fields, MODELS.smpl(("neutral", "male", "female")[fields["gender"]]))
        pixels = Camera.from_array(fields["camera"]).project(vertices)
        left, top, width, height = fields["bbox_xywh_px"]
        inside = (pixels > (left - 12, top - 12)) & (pixels < (left + width + 12, top + height + 12))
        assert inside.all(1).mean() > 0.9


def test_ehf_meshes_are_the_bodies_in_the_pictures(worlds):
    people = EHF(worlds["ehf"], "test")
    cast = Cast(SEED, "ehf")
    for number in range(len(people)):
        record = people[number]
        check_picture(record)
        (seen,) = ehf.take(cast, range(1), SEED, number).people
        turn, _ = cv2.Rodrigues(np.array(ehf.CAMERA_TURN))
        found = np.float64(record.fields["vertices_m"]) @ turn.T
        shift = found - seen.vertices_m
        np.testing.assert_allclose(shift, np.broadcast_to(shift.mean(0), shift.shape), atol=1e-5)
        boxes = record.fields["part_boxes_xyxy_px"]
        for part, box in zip(("left_hand", "right_hand", "face"), boxes, strict=True):
            points = seen.part_px(part)
            assert ((points > box[:2]) & (points < box[2:])).all()


def test_ffhq_key_points_are_those_of_its_fits(worlds):
    faces = FFHQ(worlds["ffhq"], "train")
    assert len(faces) == FRAMES["ffhq"]
    for index in range(len(faces)):
        record = faces[index]
        check_picture(record)
        fields = record.fields
        _, joints = posed_m(fields, MODELS.flame())
        pixels = Camera.from_array(fields["model_camera"]).project(joints)
        valid = fields["joint_valid"]
        assert not valid[:5].any()
        assert valid[5:].mean() > 0.9
        np.testing.assert_allclose(fields["joints_px"][valid], pixels[valid], atol=0.05)


def test_pictures_show_the_people_of_the_key_points(worlds):
    """A picture is the one that is taken of these people, but for what JPEG leaves of it."""
    train, _ = split_subjects(mscoco.SUBJECTS, "mscoco")
    made = mscoco.take(Cast(SEED, "mscoco"), train, SEED, "train", 0)
    file = min((worlds["mscoco"] / "images/train2017").iterdir())
    found = cv2.imread(str(file))[..., ::-1].astype(int)
    assert np.abs(found - made.image).mean() < 4
