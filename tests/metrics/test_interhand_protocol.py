"""The InterHand2.6M protocol: published averages, groups, optional parts, processes, files, speed."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp

from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import NonFinitePredictionError
from carpus.metrics.functional.segmentation import mean_iou
from carpus.metrics.protocols.interhand import RESULT_NAMES, InterHandProtocol, write_interhand_result
from carpus.metrics.segmentation import SegmentationIoU
from carpus.skeletons import INTERHAND
from carpus.types import Batch, Predictions

sys.path.insert(0, str(Path(__file__).parent))

import interhand_worker as worker

# Published per joint for the released weights on the test split, mm: all, single hand, interacting hands;
# each finger from its tip, thumb to little finger, right hand then left hand, without the wrists.
PUBLISHED = """
16.61 14.34 18.45  12.84 11.25 14.12  9.43 8.14 10.47  5.95 4.97 7.09  17.99 15.16 20.36  15.61 13.67 17.20
13.29 11.95 14.36  10.51 9.37 11.43  18.41 15.80 20.79  15.24 14.29 16.03  13.40 12.61 14.04  10.12 9.23 10.83
17.25 15.28 19.05  14.23 13.31 14.98  12.54 11.78 13.15  9.57 8.56 10.37  16.55 14.37 18.50  13.40 12.36 14.25
11.89 10.93 12.65  9.27 8.10 10.20
16.45 13.60 19.02  12.49 10.42 14.32  9.20 7.66 10.56  6.21 5.06 7.66  17.43 13.37 20.99  14.86 11.76 17.60
12.98 10.62 15.06  10.19 8.64 11.55  19.08 14.15 23.59  15.73 12.62 18.44  13.20 11.06 15.06  9.78 8.17 11.18
17.28 13.51 20.97  14.29 11.86 16.36  12.72 10.69 14.46  9.70 8.10 11.09  16.74 13.71 19.39  14.25 11.96 16.18
12.42 10.45 14.08  9.62 7.89 11.10
"""
MEANS = {"all": (12.588909, 13.218), "sh": (10.732734, 11.269), "ih": (14.213096, 14.923)}


def feed(protocol, joints, target, hand_type, **more):
    keys = [f"image{i}" for i in range(len(joints))]
    present = torch.tensor(hand_type, dtype=torch.bool).reshape(-1, 2)
    batch = {"joints_cam_mm": target, "joint_valid": present.repeat_interleave(21, 1), "hand_type": present}
    truth = {name: more.pop(name) for name in list(more) if name not in Predictions([]).__dict__}
    protocol.update(Predictions(keys, joints, **more), Batch(keys, batch | truth))
    return protocol


def published_errors():
    """``(3, 42)`` all, single, interacting; wrists 0."""
    table = torch.tensor([float(word) for word in PUBLISHED.split()]).view(2, 20, 3)
    return torch.cat((table, torch.zeros(2, 1, 3)), 1).reshape(42, 3).T


@pytest.mark.parametrize("hands", ["ih", "sh"])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_published_joint_errors_average_to_the_published_means(column, hands):
    target = torch.full((1, 42, 3), 1000.0)
    joints = target.clone()
    joints[..., 0] += published_errors()[column]
    protocol = InterHandProtocol()
    for hand_type in [(1, 1)] if hands == "ih" else [(1, 0), (0, 1)]:
        feed(protocol, joints, target, [hand_type])
    values = protocol.compute()
    mean, without_wrists = MEANS[("all", "sh", "ih")[column]]
    # The published errors per joint have two decimals.
    assert values[f"mpjpe_{hands}"] == pytest.approx(mean, abs=0.005)
    assert values[f"mpjpe_{hands}_no_wrist"] == pytest.approx(without_wrists, abs=0.005)
    assert values["mpjpe_all"] == values[f"mpjpe_{hands}"]


def test_all_is_the_mean_over_images_and_not_of_the_groups():
    target = torch.full((4, 42, 3), 1000.0)
    joints = target.clone()
    joints[:, 0, 0] += torch.tensor([3.0, 3.0, 3.0, 7.0])
    values = feed(InterHandProtocol(), joints, target, [(1, 0), (1, 0), (1, 0), (1, 1)]).compute()
    assert (values["r_thumb4_sh"], values["r_thumb4_ih"], values["r_thumb4_all"]) == (3.0, 7.0, 4.0)


def test_perfect_predictions_score_perfectly():
    truth = worker.samples()[1]
    truth["root_depth_mm"] = truth["joints_cam_mm"][:, list(INTERHAND.roots), 2]
    keys = [f"image{i}" for i in range(worker.COUNT)]
    exact = Predictions(
        keys,
        truth["joints_cam_mm"],
        hand_type_prob=truth["hand_type"],
        rel_root_depth_mm=truth["root_depth_mm"][:, 1] - truth["root_depth_mm"][:, 0],
        segm_labels=truth["segm_target"],
    )
    protocol = InterHandProtocol(segm_tolerance=1)
    protocol.update(exact, Batch(keys, truth))
    values = protocol.compute()
    assert (values["handness_acc"], values["segm_iou"]) == (1.0, 1.0)
    assert values["mrrpe"] == pytest.approx(0.0, abs=1e-3)
    assert all(values[f"mpjpe_{group}"] == 0.0 for group in ("all", "sh", "ih"))


@pytest.mark.filterwarnings("error")
def test_empty_groups_are_nan():
    assert all(math.isnan(value) for value in InterHandProtocol().compute().values())
    target = torch.full((1, 42, 3), 1000.0)
    values = feed(InterHandProtocol(), target + 1, target, [(1, 1)]).compute()
    assert math.isnan(values["mpjpe_sh"])
    assert math.isnan(values["handness_acc"])
    assert (values["mpjpe_ih"], values["mrrpe"]) == (0.0, 0.0)


def test_a_hand_without_a_wrist_does_not_count():
    target = torch.full((1, 42, 3), 1000.0)
    valid = torch.ones(1, 42).bool()
    valid[0, 41] = False
    batch = {"joints_cam_mm": target, "joint_valid": valid, "hand_type": torch.ones(1, 2)}
    protocol = InterHandProtocol()
    joints = target.clone()
    joints[0, 21:] = torch.nan
    protocol.update(Predictions(["a"], joints), Batch(["a"], batch))
    values = protocol.compute()
    assert math.isnan(values["l_thumb4_ih"])
    assert (values["r_thumb4_ih"], values["mpjpe_ih"]) == (0.0, 0.0)
    assert math.isnan(values["mrrpe"])


def test_half_sure_is_wrong():
    target = torch.full((2, 42, 3), 1000.0)
    prob = torch.tensor([[0.5, 0.0], [1.0, 0.5]])
    values = feed(InterHandProtocol(), target, target, [(1, 0), (1, 0)], hand_type_prob=prob).compute()
    assert values["handness_acc"] == 0.0


def test_relative_depth_moves_the_left_wrist_along_its_ray():
    target = torch.tensor([100.0, 0.0, 1000.0]).repeat(1, 42, 1)
    joints, depths = target.clone(), torch.tensor([[1000.0, 500.0]])
    joints[0, 21:] = torch.tensor([50.0, 0.0, 500.0])
    settings = {"rel_root_depth_mm": torch.zeros(1), "root_depth_mm": depths}
    values = feed(InterHandProtocol(), joints, target, [(1, 1)], **settings).compute()
    assert values["mrrpe"] == pytest.approx(0.0, abs=1e-9)
    assert feed(InterHandProtocol(), joints, target, [(1, 1)]).compute()["mrrpe"] == pytest.approx(
        502.494, abs=0.001
    )


def test_what_cannot_be_scored_is_refused():
    target = torch.full((2, 42, 3), 1000.0)
    labels = {"joints_cam_mm": target, "joint_valid": torch.ones(2, 42), "hand_type": torch.ones(2, 2)}
    broken = target.clone()
    broken[1, 3, 0] = torch.inf
    with pytest.raises(NonFinitePredictionError, match="image1"):
        feed(InterHandProtocol(), broken, target, [(1, 1), (1, 1)])
    with pytest.raises(NonFinitePredictionError, match="image0"):
        feed(
            InterHandProtocol(),
            target,
            target,
            [(1, 0)] * 2,
            hand_type_prob=torch.tensor([[torch.nan, 0], [1, 0]]),
        )
    with pytest.raises(DataError, match=r"\(B, 42, 3\)"):
        feed(InterHandProtocol(), target[:, :21], target, [(1, 1)] * 2)
    with pytest.raises(ConfigError, match="root_depth_mm"):
        feed(InterHandProtocol(), target, target, [(1, 1)] * 2, rel_root_depth_mm=torch.zeros(2))
    with pytest.raises(ConfigError, match="joints_px"):
        InterHandProtocol().update(Predictions(["a"], joints_px=target[:1, :, :2]), Batch(["a"], labels))
    protocol = InterHandProtocol()
    protocol.update(Predictions(["a"], joints_cam_mm=target[:1]), Batch(["a"], {}))
    assert math.isnan(protocol.compute()["mpjpe_all"])


def test_masks_out_of_range_are_refused_and_classes_pooled():
    labels = torch.tensor([[[1, 1, 0, 0]], [[1, 0, 0, 0]]])
    target = torch.tensor([[[1, 0, 0, 0]], [[1, 1, 1, 0]]])
    metric = SegmentationIoU(classes=2)
    metric.update(labels, target)
    assert float(metric.compute()) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert metric.per_class().tolist() == pytest.approx([3 / 6, 2 / 5])
    with pytest.raises(ValueError, match="0 to 32 are allowed"):
        mean_iou(torch.tensor([[[33]]]), torch.tensor([[[0]]]))


def test_the_result_file_holds_the_131_numbers_in_order(tmp_path):
    values = worker.score([2, 5])
    write_interhand_result(
        tmp_path / "result" / "val.json", values, {"split": "val", "trans_test": "rootnet"}
    )
    written = json.loads((tmp_path / "result" / "val.json").read_text())
    assert list(written) == list(RESULT_NAMES)
    assert len(written) == 131
    assert written["mpjpe_sh"] is None
    assert written["mpjpe_ih"] == values["mpjpe_ih"]
    conditions = json.loads((tmp_path / "result" / "val.conditions.json").read_text())
    assert conditions == {"split": "val", "trans_test": "rootnet"}
    with pytest.raises(DataError, match="130 of 131"):
        write_interhand_result(tmp_path / "bad.json", {"mrrpe": 1.0})
    assert not (tmp_path / "bad.json").exists()


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path):
    mp.spawn(worker.work, args=(str(tmp_path),), nprocs=2)
    alone = worker.score(list(range(worker.COUNT)))
    assert not any(math.isnan(value) for value in alone.values())
    for rank in range(2):
        found = json.loads((tmp_path / f"rank{rank}.json").read_text())
        for how in ("shared", "one_sided"):
            assert found[how] == pytest.approx(alone, abs=1e-9)


def test_a_hundred_thousand_images_take_seconds():
    predicted, truth = worker.samples(64, mask_side=128)
    keys = [f"image{i}" for i in range(64)]
    batch, found = (
        Batch(keys, truth),
        Predictions(keys, **{k: v for k, v in predicted.items() if k != "segm_labels"}),
    )
    protocol = InterHandProtocol()
    protocol.update(found, batch)
    started = time.process_time()
    for _ in range(100):
        protocol.update(found, batch)
    protocol.compute()
    # 6,400 images; 100,000 within 10 s.
    assert time.process_time() - started < 0.64
