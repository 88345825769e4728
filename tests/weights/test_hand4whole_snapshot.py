"""A snapshot with the names the published program writes: it fills the configured method completely."""

from __future__ import annotations

import pytest
import torch
import torchvision

from carpus.engine.build import build_module
from carpus.engine.config import compose_config
from carpus.weights.hand4whole import import_hand4whole
from golden_cases import golden_paths
from hand4whole_golden import NETWORKS, layout

BACKBONES = {"backbone": "resnet50", "hand_roi_net": "resnet50", "face_roi_net": "resnet18"}


def published_entries(spec):
    """Names behind ``module.`` of the file, one number each; those of the ResNets are torchvision's."""
    entries = {}
    for network in NETWORKS:
        if network not in BACKBONES:
            shapes = spec[network]["state_dict"].items()
        else:
            with torch.device("meta"):
                state = torchvision.models.get_model(BACKBONES[network], weights=None).state_dict()
            inside = "" if network == "backbone" else "backbone."
            shapes = [(inside + name, v.shape) for name, v in state.items() if not name.startswith("fc.")]
            assert len(shapes) == spec[network]["state_dict"]["n_tensors"]
        for name, shape in shapes:
            whole = torch.int64 if name.endswith("num_batches_tracked") else torch.float32
            value = torch.tensor(len(entries) + 1, dtype=whole)
            entries[f"module.{network}.{name}"] = value.expand(tuple(shape))
    return entries


@pytest.mark.parametrize("path", golden_paths("hand4whole", "params", ".json"))
def test_a_published_snapshot_leaves_nothing_of_the_method_unfilled(path, tmp_path):
    entries = published_entries(layout(path))
    file = tmp_path / "snapshot_6.pth.tar"
    torch.save({"epoch": 6, "network": entries, "optimizer": {"state": {}, "param_groups": []}}, file)
    found = import_hand4whole(file)
    with torch.device("meta"):
        module = build_module(
            compose_config(["method=hand4whole", "dataset=human36m", "method.module.standin=true"])
        )
    answer = module.load_state_dict(found.state_dict, strict=True, assign=True)
    assert not answer.missing_keys
    assert not answer.unexpected_keys
    assert not found.overrides
    filled = module.net.state_dict()
    assert set(filled) == {name.removeprefix("module.") for name in entries}
    for name, value in filled.items():
        assert value.flatten()[0] == entries[f"module.{name}"].flatten()[0], name
