"""AGORA's figures: the identities of the published rows, misses, rounding, people that do not count."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from carpus.errors import DataError
from carpus.metrics.agora import AgoraImage, AgoraTables, Person, figures_of, score_agora
from carpus.metrics.agora.table import agora_table

# SMPL-X test board: NMVE FB, B | NMJE FB, B | MVE FB, B, F, LH, RH | MPJPE FB, B, F, LH, RH | F1.
BOARD = """
333.1 263.3 326.5 256.5 236.5 187.0 48.9 48.3 51.4 231.8 182.1 52.9 46.5 49.6 0.71
265.0 184.8 263.3 183.4 217.3 151.5 51.1 74.9 71.3 215.9 150.4 55.2 72.5 68.8 0.82
233.9 173.4 230.9 171.1 191.8 142.2 50.2 49.5 49.0 189.3 140.3 54.5 46.4 46.0 0.82
144.1 96.0 141.1 92.7 135.5 90.2 41.6 46.3 48.1 132.6 87.1 46.1 44.3 46.2 0.94
"""
# SMPL board: NMVE, NMJE, MVE, MPJPE of the body; its two oldest rows fit no single F1.
BODIES = """
167.7 174.0 140.9 146.2
126.8 133.7 106.5 112.3
108.3 113.2 100.7 105.3
90.2 95.5 84.8 89.8
83.5 89.0 76.0 81.0
"""


def rows(text):
    return [[float(number) for number in line.split()] for line in text.strip().splitlines()]


def parts(body, face, left, right):
    return {"body": body, "left_hand": left, "right_hand": right, "face": face}


@pytest.mark.parametrize("row", rows(BOARD), ids=["smplify_x", "expose", "pixie", "hand4whole"])
def test_published_rows_follow_from_their_parts_and_f1(row):
    nmve, nmje, mve, mpjpe, f1 = row[:2], row[2:4], row[4:9], row[9:14], row[14]
    found = figures_of(parts(*mve[1:]), parts(*mpjpe[1:]), (1.0, 1.0, f1))
    assert (found.mve["full_body"], found.mpjpe["full_body"]) == (mve[0], mpjpe[0])
    # One published number is of an error before its rounding.
    for table, published in ((found.nmve, nmve), (found.nmje, nmje)):
        assert [table["full_body"], table["body"]] == pytest.approx(published, abs=0.1001)


@pytest.mark.parametrize("row", rows(BODIES))
def test_published_bodies_have_one_f1_for_both_errors(row):
    nmve, nmje, mve, mpjpe = row
    close = [
        f1
        for f1 in np.round(np.arange(0.5, 1.0, 0.01), 2)
        if abs(mve / f1 - nmve) <= 0.1 and abs(mpjpe / f1 - nmje) <= 0.1
    ]
    assert len(close) == 1
    found = figures_of({"body": mve}, {"body": mpjpe}, (1.0, 1.0, float(close[0])))
    assert "full_body" not in found.mve
    assert found.nmve["body"] == pytest.approx(nmve, abs=0.1001)


def tables():
    ids = np.arange(778)
    return AgoraTables.smplx(ids, ids + 800, np.arange(1600, 6623))


def crowd(seed=0, images=3, people=4):
    """Pictures with people far apart, and their predictions: some missing, some of nobody."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(images):
        true, found = [], []
        for k in range(people):
            place = np.array([400.0 + 900 * k, 900.0])
            body, joints = draw.normal(0, 300, (10475, 3)), draw.normal(0, 300, (127, 3))
            pixels = place + draw.normal(0, 60, (127, 2))
            valid, hidden = (k, number) != (1, 1), 95.0 if (k, number) == (2, 2) else 12.0 * k
            true.append(Person(f"true {number}/{k}", pixels, joints, body, valid, hidden))
            if (k, number) != (3, 0):
                off = draw.normal(0, 30, 3)
                off_joints, off_body = draw.normal(0, 20, joints.shape), draw.normal(0, 25, body.shape)
                shifted = pixels[:24] + draw.normal(0, 3, (24, 2))
                found.append(
                    Person(f"found {number}/{k}", shifted, joints + off_joints + off, body + off_body + off)
                )
        draw.shuffle(found)
        made.append(AgoraImage(f"picture{number}", true, found))
    return made


def test_the_identities_hold_of_what_is_scored():
    report = score_agora(crowd(), tables())
    assert (report.images, report.people, report.matched, report.misses) == (3, 10, 9, 1)
    assert report.false_positives == 2
    figures = report.figures
    for table, over_f1 in ((figures.mve, figures.nmve), (figures.mpjpe, figures.nmje)):
        thirds = (table["left_hand"] + table["right_hand"] + table["face"]) / 3
        assert table["full_body"] == pytest.approx(table["body"] + thirds, abs=0.05)
        for part in ("full_body", "body"):
            assert over_f1[part] == pytest.approx(table[part] / figures.f1, abs=0.05)
    assert figures.f1 == round(9 / (9 + 0.5 * 3), 2)
    assert sum(row["people"] for row in report.by_occlusion) == 10
    assert sum(row["found"] for row in report.by_occlusion) == 9
    text = agora_table(report)
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert f"{figures.nmve['full_body']:.1f}" in text
    assert report.as_dict()["NMVE_FB"] == figures.nmve["full_body"]


def test_misses_are_zero_for_hands_and_face_and_left_out_of_the_body():
    report = score_agora(crowd(), tables())
    share = report.matched / (report.matched + report.misses)
    for table, only in (
        (report.figures.mve, report.figures_found_only.mve),
        (report.figures.mpjpe, report.figures_found_only.mpjpe),
    ):
        assert table["body"] == only["body"]
        for part in ("left_hand", "right_hand", "face"):
            assert table[part] == pytest.approx(only[part] * share, abs=0.11)
            assert table[part] < only[part]


def test_errors_are_those_of_the_pairs_found():
    images = crowd()
    by_name = {person.name.split()[1]: person for image in images for person in image.true}
    errors = []
    for person in (person for image in images for person in image.predicted):
        true = by_name[person.name.split()[1]]
        if true.valid and true.occlusion <= 90:
            joints, target = person.joints_cam_mm[:22], true.joints_cam_mm[:22]
            moved = joints - joints[1:3].mean(0) - target + target[1:3].mean(0)
            errors.append(np.linalg.norm(moved, axis=1).mean())
    assert len(errors) == 9
    report = score_agora(images, tables())
    assert report.figures.mpjpe["body"] == round(float(np.mean(errors)), 1)


def test_nobody_found_divides_by_nothing():
    image = crowd(images=1)[0]
    report = score_agora([AgoraImage("a", image.true, [])], tables())
    assert (report.figures.f1, report.figures.recall, report.misses) == (0.0, 0.0, 4)
    assert math.isnan(report.figures.nmve["body"])
    assert math.isnan(report.figures.mve["body"])
    assert report.figures.mve["face"] == 0.0
    assert "-" in agora_table(report)
    nobody = score_agora([AgoraImage("a", [], image.predicted)], tables())
    assert (nobody.false_positives, nobody.figures.f1) == (3, 0.0)
    with pytest.raises(DataError, match="no picture"):
        score_agora([], tables())


def test_smpl_has_the_body_alone():
    draw = np.random.default_rng(0)
    pixels, joints, mesh = (
        draw.normal(500, 90, (24, 2)),
        draw.normal(size=(24, 3)),
        draw.normal(size=(6890, 3)),
    )
    person = Person("a", pixels, joints, mesh)
    report = score_agora([AgoraImage("a", [person], [person])], AgoraTables.of("smpl"))
    assert report.figures.mve == {"body": 0.0}
    assert report.figures.f1 == 1.0
    assert not report.as_dict().keys() & {"MVE_FB", "NMVE_FB", "MVE_F"}


def test_vertices_of_the_body_are_the_given_ones():
    ids = np.arange(778)
    given = AgoraTables.smplx(ids, ids + 800, np.arange(1600, 6623), body=np.arange(6000, 10010))
    assert given.official_body
    assert len(given.parts["body"].vertices) == 4010
    rest = tables().parts["body"].vertices
    assert len(rest) == 10475 - 2 * 778 - 5023
    assert not set(rest.tolist()) & set(range(778))
    assert "not the official list" in score_agora(crowd(images=1), tables()).notes[0]
    assert isinstance(rest, torch.Tensor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints_cam_mm": np.zeros((55, 3))}, r"joints_cam_mm has shape \(55, 3\)"),
        ({"vertices_cam_mm": np.zeros((6890, 3))}, r"vertices_cam_mm has shape \(6890, 3\)"),
        ({"joints_px": np.full((24, 2), np.nan)}, "NaN"),
        ({"joints_px": np.zeros((1, 144, 2))}, "joints_px has shape"),
    ],
)
def test_a_person_that_cannot_be_scored_is_named(change, message):
    image = crowd(images=1)[0]
    broken = Person(**{**vars(image.predicted[0]), **change, "name": "somebody"})
    with pytest.raises(DataError, match=f"somebody: .*{message}"):
        score_agora([AgoraImage("a", image.true, [broken])], tables())
