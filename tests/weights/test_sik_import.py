"""Published files of the hand model's stage, for training it alone."""

from __future__ import annotations

import pytest
import torch

from carpus.engine.checkpoints import load_weights
from carpus.errors import DataError
from carpus.methods.handflow2d.sik_net import SikAlone
from carpus.nets.handflow2d import SeedNet, SIKNet
from carpus.weights import import_weights


@pytest.mark.parametrize("method", ["handflow2d/sik_pretrain", "handflow2d/sik_offline"])
@pytest.mark.parametrize("prefix", ["", "module.", "siknet."])
def test_the_stage_is_read_without_the_ones_before(tmp_path, method, prefix):
    torch.manual_seed(1)
    weights = SIKNet().state_dict()
    published = {f"{prefix}{name}": value for name, value in weights.items()}
    published[f"{prefix}mano_layer.th_faces"] = torch.zeros(4, 3)
    file = tmp_path / "ckp_siknet_synth.pth.tar"
    torch.save({"epoch": 7, "state_dict": published}, file)
    imported = import_weights(file, method)
    module = torch.nn.Module()
    module.net = SikAlone(SIKNet())
    assert load_weights(module, imported.state_dict, str(file)) == []
    for name, value in weights.items():
        assert torch.equal(module.net.siknet.state_dict()[name], value)
    assert any("1 entries of the hand model" in note for note in imported.notes)


def test_another_stage_is_refused(tmp_path):
    file = tmp_path / "ckp_seednet_all.pth.tar"
    torch.save(SeedNet().state_dict(), file)
    with pytest.raises(DataError, match="holds seed, not the stage sik"):
        import_weights(file, "handflow2d/sik_pretrain")
