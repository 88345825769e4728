"""The InterHand2.6M evaluation against the reference's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D, related_root_depths
from carpus.metrics.functional import handedness_accuracy, mean_iou, mrrpe
from carpus.metrics.functional.hands import at_depth
from carpus.metrics.protocols.interhand import RESULT_NAMES, InterHandProtocol
from carpus.metrics.segmentation import SegmentationIoU
from carpus.skeletons import INTERHAND
from carpus.types import Batch, Predictions
from golden_cases import golden_paths

CODEC = Hand25D()
TYPES = {"right": (1.0, 0.0), "left": (0.0, 1.0), "interacting": (1.0, 1.0)}


def evaluation(path):
    """Truth and predictions of every image, the predictions' rows sorted to their truth."""
    data = np.load(path)
    rows = data["pred_idx"]
    truth = {name: torch.from_numpy(data[name]) for name in ("cam_coord", "valid", "hand_type_valid")}
    truth["camera"] = torch.from_numpy(np.concatenate((data["focal"], data["princpt"]), -1))
    depths = np.stack((data["abs_depth_right"], data["abs_depth_left"]), -1)
    truth["root_depth"] = torch.from_numpy(depths).float()
    truth["hand_type"] = torch.tensor([TYPES[name] for name in data["hand_type"]])
    truth = {name: value[rows] for name, value in truth.items()}
    names = ("joint_coord", "rel_root_depth", "hand_type", "inv_trans")
    return data, truth, {name: torch.from_numpy(data[f"pred_{name}"]) for name in names}


def decoded(truth, predicted):
    """Pixels, camera joints with given wrist depths, and the predicted depth between the wrists."""
    pixels, z = CODEC.to_image(predicted["joint_coord"], predicted["inv_trans"])
    joints = CODEC.unproject(pixels, z, truth["camera"], truth["root_depth"])
    return pixels, joints, CODEC.root_mm(predicted["rel_root_depth"][:, 0])


def related(truth):
    valid = truth["valid"].bool()
    return truth["hand_type"].bool().all(-1) & valid[:, INTERHAND.roots[0]] & valid[:, INTERHAND.roots[1]]


def scored(truth, joints, rel_root, prob, batch_size):
    protocol = InterHandProtocol()
    for chosen in torch.arange(len(joints)).split(batch_size):
        keys = [f"image{i}" for i in chosen.tolist()]
        batch = {
            "joints_cam_mm": truth["cam_coord"][chosen],
            "joint_valid": truth["valid"][chosen].bool(),
            "hand_type": truth["hand_type"][chosen],
            "hand_type_valid": truth["hand_type_valid"][chosen],
            "root_depth_mm": truth["root_depth"][chosen],
        }
        predictions = Predictions(
            keys, joints[chosen], hand_type_prob=prob[chosen], rel_root_depth_mm=rel_root[chosen]
        )
        protocol.update(predictions, Batch(keys, batch))
    return protocol.compute()


@pytest.mark.parametrize("batch_size", [5, 24])
@pytest.mark.parametrize("path", golden_paths("digit", "eval_metrics"))
def test_all_131_numbers_equal_the_reference(path, batch_size):
    data, truth, predicted = evaluation(path)
    _, joints, rel_root = decoded(truth, predicted)
    values = scored(truth, joints, rel_root, predicted["hand_type"], batch_size)
    names = data["metric_names"].tolist()
    assert tuple(names) == RESULT_NAMES
    assert list(values)[: len(names)] == names
    for name, expected in zip(names, data["metric_values"].tolist(), strict=True):
        tolerance = 1e-12 if name == "handness_acc" else 1e-3
        assert values[name] == pytest.approx(expected, abs=tolerance), name
    for group in ("all", "sh", "ih"):
        assert values[f"mpjpe_{group}_no_wrist"] == pytest.approx(values[f"mpjpe_{group}"] * 42 / 40)


@pytest.mark.parametrize("path", golden_paths("digit", "eval_metrics"))
def test_functions_equal_the_reference(path):
    data, truth, predicted = evaluation(path)
    values = dict(zip(data["metric_names"].tolist(), data["metric_values"].tolist(), strict=True))
    correct = handedness_accuracy(predicted["hand_type"], truth["hand_type"], truth["hand_type_valid"])
    assert float(correct) == pytest.approx(values["handness_acc"], abs=1e-12)
    _, joints, rel_root = decoded(truth, predicted)
    wrists, target = joints[:, list(INTERHAND.roots)], truth["cam_coord"][:, list(INTERHAND.roots)]
    placed = wrists[:, 1, 2] - truth["root_depth"][:, 1] + truth["root_depth"][:, 0] + rel_root
    wrists = torch.stack((wrists[:, 0].double(), at_depth(wrists[:, 1], placed)), 1)
    assert float(mrrpe(wrists, target, related(truth))) == pytest.approx(values["mrrpe"], abs=1e-3)


@pytest.mark.parametrize("path", golden_paths("digit", "eval_metrics"))
def test_exported_joints_equal_the_reference(path):
    data, truth, predicted = evaluation(path)
    pixels, z = CODEC.to_image(predicted["joint_coord"], predicted["inv_trans"])
    np.testing.assert_allclose(pixels, data["out_pred_joint_2d"], atol=1e-3, rtol=0)
    rel_root = CODEC.root_mm(predicted["rel_root_depth"][:, 0])
    depths = related_root_depths(truth["root_depth"], rel_root, related(truth))
    joints = CODEC.unproject(pixels, z, truth["camera"], depths)
    np.testing.assert_allclose(joints, data["out_pred_joint_cam"], atol=1e-2, rtol=0)


@pytest.mark.parametrize("path", golden_paths("digit", "segm_iou"))
def test_overlap_equals_the_reference(path):
    data = np.load(path)
    labels, target = (torch.from_numpy(data[name])[None] for name in ("pred", "target"))
    for tolerance in data["tol"].tolist():
        expected = float(data[f"iou_tol{tolerance}"])
        assert float(mean_iou(labels, target, tolerance=tolerance)) == pytest.approx(expected, abs=1e-6)
        metric = SegmentationIoU(tolerance=tolerance)
        metric.update(labels, target)
        assert float(metric.compute()) == pytest.approx(expected, abs=1e-6)
