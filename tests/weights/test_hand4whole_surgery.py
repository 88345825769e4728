"""Surgery between the stages: the published tools' results, from files of both kinds, and what is refused."""

from __future__ import annotations

import argparse
import json

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from carpus.commands import surgery_command
from carpus.errors import DataError
from carpus.weights.hand4whole_files import read_snapshot, write_checkpoint
from carpus.weights.hand4whole_surgery import convert_simple, first_epoch, merge_hand, reset_epoch
from golden_cases import HERE, golden_paths
from untrusted_files import UntrustedFiles

TRAINING = golden_paths("hand4whole", "training", ".json")
WHOLE = ["backbone.conv1.weight", "hand_roi_net.backbone.conv1.weight", "hand_position_net.conv.0.weight"]
HAND = ["backbone.conv1.weight", "position_net.conv.0.weight"]


def tensors(names, value):
    return {name: torch.full((2,), float(value)) for name in names}


def published(path, names, value, epoch=6, prefix="module."):
    content = {"epoch": epoch, "network": tensors([prefix + n for n in names], value), "optimizer": {"lr": 1}}
    torch.save(content, path)
    return path


def of_a_run(path, names, value):
    state = tensors([f"net.{name}" for name in names], value)
    torch.save({"state_dict": state, "global_step": 9, "epoch": 6, "optimizer_states": [], "loops": {}}, path)
    return path


@pytest.mark.parametrize("path", TRAINING)
def test_published_results(path, tmp_path):
    golden = json.loads(path.read_text())["surgery"]
    merging = golden["merge_hand_to_all"]
    whole = published(
        tmp_path / "all.pth.tar", merging["input"]["keys_all"], 1, merging["input"]["epoch"], ""
    )
    hand = published(tmp_path / "hand.pth.tar", merging["input"]["keys_hand"], 2, prefix="")
    found = merge_hand(whole, hand)
    origin = {name: ("all", "hand")[int(value[0]) - 1] for name, value in found.content["network"].items()}
    assert {"epoch": found.content["epoch"], "network": origin} == merging["output"]
    counts = [*origin.values()].count("hand"), [*origin.values()].count("all")
    assert (found.copied, found.kept) == counts
    assert found.dropped == sum(
        "hand_position" in n or "hand_rotation" in n for n in merging["input"]["keys_all"]
    )

    simple = golden["convert_simple"]
    torch.save(tensors(simple["input_keys"], 3), tmp_path / "simple.pth.tar")
    found = convert_simple(tmp_path / "simple.pth.tar")
    assert [*found.content["network"]] == simple["output"]["network"]
    assert found.content["epoch"] == simple["output"]["epoch"]
    assert 0 < found.copied < found.copied + found.kept == len(simple["input_keys"])

    reset = golden["reset_epoch"]
    found = reset_epoch(published(tmp_path / "six.pth.tar", WHOLE, 1, reset["input"]["epoch"]))
    assert found.content["epoch"] == reset["output"]["epoch"]
    assert set(found.content) == {"epoch", "network", "optimizer"}

    after = golden["after_continue"]
    assert first_epoch({"epoch": after["checkpoint_epoch"]}) == after["first_trained_epoch"]


@pytest.mark.parametrize("path", TRAINING)
def test_rates_of_the_step_schedule(path):
    for setting, wanted in json.loads(path.read_text())["lr_schedule"].items():
        base, epochs, end = setting.split("|")
        config = OmegaConf.load(HERE.parent / "conf/scheduler/step.yaml")
        config.milestones = json.loads(epochs)
        optimizer = torch.optim.Adam([torch.zeros(1)], lr=float(base))
        schedule, found = instantiate(config)(optimizer), []
        for _ in range(int(end)):
            found += schedule.get_last_lr()
            optimizer.step()
            schedule.step()
        assert found == pytest.approx(wanted, rel=1e-12)


def test_runs_and_published_files_in_any_mixture(tmp_path):
    whole = of_a_run(tmp_path / "all.ckpt", WHOLE, 1), published(tmp_path / "all.pth.tar", WHOLE, 1)
    old = [name.replace("backbone", "hand_backbone") for name in HAND]
    hands = (
        *(of_a_run(tmp_path / "hand.ckpt", HAND, 2), published(tmp_path / "hand.pth.tar", HAND, 2)),
        published(tmp_path / "old.pth.tar", old, 2),
    )
    for hand in hands:
        for body, key, prefix in zip(whole, ("state_dict", "network"), ("net.", "module."), strict=True):
            found = merge_hand(body, hand)
            assert (found.copied, found.dropped, found.kept) == (1, 1, 1)
            state = found.content[key]
            assert [*state] == [prefix + name for name in WHOLE[:2]]
            assert [float(value[0]) for value in state.values()] == [1, 2]
    found = reset_epoch(whole[0])
    assert found.content.keys() == {"state_dict", "global_step", "epoch"}
    assert (found.content["epoch"], found.content["global_step"]) == (0, 0)
    assert "left out: loops, optimizer_states" in found.describe()
    assert [*convert_simple(of_a_run(tmp_path / "s.ckpt", ["conv1.weight"], 1)).content["state_dict"]] == [
        "net.backbone.conv1.weight"
    ]


def test_what_does_not_fit_is_refused(tmp_path):
    whole, hand = published(tmp_path / "all.tar", WHOLE, 1), published(tmp_path / "hand.tar", HAND, 2)
    other = published(tmp_path / "other.tar", ["rotation_net.conv.0.weight"], 1)
    with pytest.raises(DataError, match=r"none of its 1 tensors begins with hand_backbone\. or backbone"):
        merge_hand(whole, other)
    with pytest.raises(DataError, match=r"none of its 2 tensors begins with hand_roi_net\.backbone"):
        merge_hand(hand, hand)
    with pytest.raises(DataError, match="is a snapshot of the whole-body network"):
        merge_hand(whole, whole)
    body = {"epoch": 0, "network": {"position_net.conv.0.weight": torch.zeros(200, 1, 1, 1)}}
    torch.save(body, tmp_path / "body.tar")
    with pytest.raises(DataError, match="Pose2Pose's body; one of Pose2Pose's hand"):
        merge_hand(whole, tmp_path / "body.tar")
    less = published(tmp_path / "less.tar", ["backbone.bn1.weight"], 1)
    with pytest.raises(DataError, match=r"conv1\.weight is missing"):
        merge_hand(whole, less)
    torch.save({"network": {"backbone.conv1.weight": torch.zeros(3)}}, tmp_path / "wide.tar")
    with pytest.raises(DataError, match=r"has shape \(3,\) instead of \(2,\)"):
        merge_hand(whole, tmp_path / "wide.tar")
    with pytest.raises(DataError, match="none of its 1 tensors is a ResNet's"):
        convert_simple(other)
    torch.save(tensors(WHOLE, 1), tmp_path / "bare.tar")
    with pytest.raises(DataError, match="no epoch beside its tensors"):
        reset_epoch(tmp_path / "bare.tar")
    torch.save({"network": {}}, tmp_path / "empty.tar")
    with pytest.raises(DataError, match="no tensors at all"):
        reset_epoch(tmp_path / "empty.tar")


def test_files_from_elsewhere_run_no_code(tmp_path):
    files = UntrustedFiles(tmp_path, "network", ".pth.tar")
    for path in files:
        with pytest.raises(DataError, match=path.name.split(".")[0]):
            read_snapshot(path)
    assert not files.harmed


def test_the_command(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    surgery_command.add_arguments(parser)
    whole, hand = published(tmp_path / "all.tar", WHOLE, 1), published(tmp_path / "hand.tar", HAND, 2)
    target = tmp_path / "new" / "snapshot_0.pth.tar"
    line = ["merge-hand", str(whole), str(hand), "--out", str(target)]
    surgery_command.run(parser.parse_args(line))
    said = capsys.readouterr().out
    assert "1 tensors copied, 1 dropped, 1 kept" in said
    assert "go on in epoch 1" in said
    assert set(read_snapshot(target).entries) == set(WHOLE[:2])
    with pytest.raises(DataError, match="exists; choose another"):
        surgery_command.run(parser.parse_args(line))
    surgery_command.run(parser.parse_args([*line, "--overwrite"]))
    surgery_command.run(parser.parse_args(["reset-epoch", str(whole), "--out", str(tmp_path / "a.tar")]))
    assert "epoch 6 becomes 0" in capsys.readouterr().out
    torch.save(tensors(["conv1.weight", "final.bias"], 1), tmp_path / "simple.tar")
    line = ["convert-simple", str(tmp_path / "simple.tar"), "--out", str(tmp_path / "b.tar")]
    surgery_command.run(parser.parse_args(line))
    assert "1 tensors copied, 0 dropped, 1 kept" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        write_checkpoint({"epoch": 0}, tmp_path / "file" / "x.tar")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
