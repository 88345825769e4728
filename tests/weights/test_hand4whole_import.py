"""Published snapshots of Hand4Whole and Pose2Pose: read safely, matched completely."""

from __future__ import annotations

import pytest
import torch

from carpus.errors import DataError
from carpus.nets.hand4whole import Hand4WholeNet, Pose2PoseBody, Pose2PoseFace, Pose2PoseHand, ResNet
from carpus.weights.hand4whole import import_hand4whole, import_pose2pose
from carpus.weights.hand4whole_surgery import convert_simple, merge_hand
from untrusted_files import UntrustedFiles

MAKE = {"body": Pose2PoseBody, "hand": Pose2PoseHand, "face": Pose2PoseFace}


def state_of(net):
    """A file's worth of entries that share one number each, so that it is small."""
    return {k: torch.zeros((), dtype=v.dtype).expand(v.shape) for k, v in net.state_dict().items()}


@pytest.fixture(scope="module")
def whole():
    with torch.device("meta"):
        return state_of(Hand4WholeNet(ResNet("resnet50"), ResNet("resnet50"), ResNet("resnet18")))


@pytest.fixture(scope="module")
def parts():
    with torch.device("meta"):
        return {part: state_of(make(ResNet("resnet50"))) for part, make in MAKE.items()}


def write(path, entries, prefix="module.", **rest):
    torch.save({"epoch": 6, "network": {prefix + k: v for k, v in entries.items()}, **rest}, path)
    return path


def test_a_whole_snapshot(whole, tmp_path):
    extra = {"smplx_layer.shapedirs": torch.zeros(3), "smplx_layer.faces": torch.zeros(2)}
    found = import_hand4whole(write(tmp_path / "snapshot_6.pth.tar", {**whole, **extra}, optimizer={"a": 1}))
    assert [*found.state_dict] == [f"net.{name}" for name in whole]
    assert (found.method, found.joints, found.overrides) == ("hand4whole", 137, {})
    assert "epoch 6" in found.notes[0]
    assert any("2 entries of the body model" in note for note in found.notes)
    assert not any("start" in note for note in found.notes)


def test_wrappers_bare_files_and_missing_counters(whole, tmp_path):
    few = {k: v for k, v in whole.items() if not k.endswith("num_batches_tracked")}
    found = import_hand4whole(write(tmp_path / "a.tar", few, "module.module."))
    assert len(found.state_dict) == len(whole)
    assert any("batch counters were absent" in note for note in found.notes)
    torch.save(whole, tmp_path / "bare.tar")
    assert len(import_hand4whole(tmp_path / "bare.tar").state_dict) == len(whole)


def test_everything_that_does_not_fit_is_listed(whole, tmp_path):
    wrong = {**whole, "box_net.extra": torch.zeros(2), "face_regressor.expr_out.0.bias": torch.zeros(11)}
    del wrong["body_rotation_net.cam_out.0.bias"]
    with pytest.raises(DataError) as caught:
        import_hand4whole(write(tmp_path / "wrong.tar", wrong))
    for part in ("3 entries", "missing body_rotation_net.cam_out.0.bias", "unexpected box_net.extra"):
        assert part in str(caught.value)
    assert "shape (11,) instead of (10,)" in str(caught.value)
    with pytest.raises(DataError, match=r"no 'backbone\.conv1\.weight' among its 1 entries"):
        import_hand4whole(write(tmp_path / "no.tar", {"conv1.weight": torch.zeros(1)}))


def test_starts_made_by_surgery(whole, parts, tmp_path):
    start = merge_hand(write(tmp_path / "a.tar", whole), write(tmp_path / "h.tar", parts["hand"]))
    torch.save(start.content, tmp_path / "snapshot_0.pth.tar")
    found = import_hand4whole(tmp_path / "snapshot_0.pth.tar")
    gone = {"net.hand_position_net", "net.hand_rotation_net"}
    assert not any(name.startswith(tuple(gone)) for name in found.state_dict)
    assert start.copied == 318
    assert (
        found.notes[-1] == "a start, not a whole network: hand_position_net, hand_rotation_net are not in it"
    )

    simple = {k.removeprefix("backbone."): v for k, v in whole.items() if k.startswith("backbone.")}
    torch.save({**simple, "deconv_layers.0.weight": torch.zeros(1)}, tmp_path / "simple.tar")
    torch.save(convert_simple(tmp_path / "simple.tar").content, tmp_path / "snapshot_1.pth.tar")
    found = import_hand4whole(tmp_path / "snapshot_1.pth.tar")
    assert {name.split(".")[1] for name in found.state_dict} == {"backbone"}
    assert any("1 entries of a 2D pose network's head" in note for note in found.notes)


@pytest.mark.parametrize("part", MAKE)
def test_single_parts(part, parts, tmp_path):
    extra = {f"{m}_layer.shapedirs": torch.zeros(1) for m in ("smpl", "mano", "flame")}
    found = import_pose2pose(write(tmp_path / "s.tar", {**parts[part], **extra}), part)
    assert [*found.state_dict] == [f"net.{name}" for name in parts[part]]
    assert found.method == f"pose2pose/{part}"
    old = {f"{part}_{name}": value for name, value in parts[part].items()}
    assert [*import_pose2pose(write(tmp_path / "old.tar", old)).state_dict] == [*found.state_dict]
    other = "face" if part == "hand" else "hand"
    with pytest.raises(DataError, match=f"of Pose2Pose's {part}, not of its {other}"):
        import_pose2pose(tmp_path / "s.tar", other)


def test_another_backbone_is_recognised(tmp_path):
    with torch.device("meta"):
        small = state_of(Pose2PoseHand(ResNet("resnet18")))
        whole = state_of(Hand4WholeNet(ResNet("resnet50"), ResNet("resnet18"), ResNet("resnet18")))
    found = import_pose2pose(write(tmp_path / "hand.tar", small))
    assert found.overrides == {"method.module.net.backbone.name": "resnet18"}
    found = import_hand4whole(write(tmp_path / "whole.tar", whole))
    assert found.overrides == {"method.module.net.hand_backbone.name": "resnet18"}
    cut = {name: value for name, value in small.items() if "layer3" not in name}
    with pytest.raises(DataError, match="is no ResNet of"):
        import_pose2pose(write(tmp_path / "cut.tar", cut))


def test_files_of_others(whole, parts, tmp_path):
    with pytest.raises(DataError, match="no snapshot of Pose2Pose"):
        import_pose2pose(write(tmp_path / "whole.tar", whole))
    with pytest.raises(DataError, match="unexpected position_net"):
        import_hand4whole(write(tmp_path / "hand.tar", parts["hand"]))
    files = UntrustedFiles(tmp_path, "network", ".pth.tar")
    for path in files:
        for read in (import_hand4whole, import_pose2pose):
            with pytest.raises(DataError, match=path.name.split(".")[0]):
                read(path)
    assert not files.harmed
