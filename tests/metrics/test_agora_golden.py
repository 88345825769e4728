"""AGORA's matching, rates and errors by part against the official evaluation's values."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.metrics.agora import match_people, precision_recall_f1
from carpus.metrics.agora.scoring import part_errors
from carpus.metrics.agora.tables import AgoraPart, AgoraTables
from golden_cases import golden_paths

MATCHES = golden_paths("hand4whole", "agora_match", ".json")


def told(matching):
    """The matching in the words of the official evaluation."""
    lines = [[str(p), str(t)] for p, t in matching.pairs]
    lines += [[str(p), "falsePositive"] for p in matching.false_positives]
    lines += [["miss", str(t)] for t in matching.misses]
    return [*lines, *(["invalid", str(t)] for t in matching.excluded)]


@pytest.mark.parametrize("path", MATCHES)
def test_matching_equals_the_official_one(path):
    for case in json.loads(path.read_text())["cases"]:
        predicted, true = ([np.array(person) for person in case[name]] for name in ("pred", "gt"))
        matching = match_people(predicted, true, case["valid"])
        assert told(matching) == case["matching"]
        assert len(matching.false_positives) == case["n_false_positive"]
        found = {str(t): str(p) for p, t in matching.pairs} | {str(t): "miss" for t in matching.misses}
        assert found | {str(t): "invalid" for t in matching.excluded} == case["match_dict"]


@pytest.mark.parametrize("path", MATCHES)
def test_rates_equal_the_official_ones(path):
    rows = json.loads(path.read_text())["prf1_count_miss_fp_precision_recall_f1"]
    assert len(rows)
    for people, misses, false_positives, *rates in rows:
        assert list(precision_recall_f1(people, misses, false_positives)) == rates


@pytest.mark.parametrize("path", golden_paths("hand4whole", "agora_error"))
def test_errors_by_part_equal_the_official_ones(path):
    data = np.load(path)
    found, true = (
        {
            "joints": torch.from_numpy(data[f"{who}_joints"])[None],
            "vertices": torch.from_numpy(data[f"{who}_verts"])[None],
        }
        for who in ("pred", "gt")
    )
    ids = np.arange(778)
    parts = AgoraTables.smplx(ids, ids + 800, np.arange(1600, 6623)).parts
    names = {"body": "body", "hand": "left_hand", "face": "face"}
    for golden, name in names.items():
        part = parts[name]
        whole = AgoraPart(part.joints, part.roots, None, part.misses_are_zero)
        errors = part_errors(found, true, whole)
        for figure in ("mve", "mpjpe", "pa_mpjpe"):
            np.testing.assert_allclose(errors[figure], data[f"{golden}_{figure}_m"], rtol=0, atol=1e-9)
