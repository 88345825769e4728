"""Feature lists of timm networks: timm's own values, safe weights, clear refusals."""

from __future__ import annotations

import pytest
import timm
import torch

from carpus.errors import ConfigError, DataError
from carpus.nets.backbones.features import TokenFeatures, feature_maps
from carpus.nets.backbones.pretrained import load_imagenet


def test_stages_are_timms():
    net = feature_maps("resnet18").eval()
    full = timm.create_model("resnet18", features_only=True).eval()
    full.load_state_dict(net.state_dict(), strict=False)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for found, expected in zip(net(image), full(image)[1:4], strict=True):
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("name", "prefix"), [("deit_tiny_distilled_patch16_224", 2), ("cait_xxs24_224", 1)])
def test_tokens_are_timms(name, prefix):
    net = feature_maps(name, image_px=64, blocks=2).eval()
    behind = {"depth_token_only": 0} if name.startswith("cait") else {}
    full = timm.create_model(name, img_size=64, depth=2, num_classes=0, **behind).eval()
    full.load_state_dict(net.state_dict(), strict=False)
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        # CaiT's class token enters behind its blocks.
        tokens = full.forward_features(image)[:, prefix:]
        torch.testing.assert_close(net(image)[0], tokens.transpose(1, 2).reshape(2, -1, 4, 4))
    assert (net.normed, net.image_px, net.strides) == (True, 64, (16,))


def test_trunk_is_timms():
    net = feature_maps("efficientnet_b0").eval()
    full = timm.create_model("efficientnet_b0").eval()
    full.load_state_dict(net.state_dict(), strict=False)
    x = full.bn1(full.conv_stem(torch.ones(1, 3, 64, 64)))
    torch.testing.assert_close(net(torch.ones(1, 3, 64, 64))[0], full.blocks[:6](x))


@pytest.mark.parametrize(("name", "blocks"), [("resnet18", None), ("deit_tiny_distilled_patch16_224", 2)])
def test_weights_of_whole_networks_fill_them(name, blocks, tmp_path):
    full = timm.create_model(name)
    torch.save({f"module.{k}": v for k, v in full.state_dict().items()}, tmp_path / "imagenet.pth")
    net = feature_maps(name, blocks=blocks)
    filled = load_imagenet(net, tmp_path / "imagenet.pth")
    assert filled.loaded == len(net.state_dict())
    assert any("fc.weight" in entry or "head.weight" in entry for entry in filled.ignored)
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, full.state_dict()[key], rtol=0, atol=0)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(timm.create_model("resnet34").state_dict(), tmp_path / "resnet34.pth")
    with pytest.raises(DataError, match="missing or of another shape"):
        load_imagenet(feature_maps("resnet50"), tmp_path / "resnet34.pth")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet81", "did you mean"),
        ("hrnet_w18", "no plain row of stages"),
        ("swin_tiny_patch4_window7_224", "no plain row of stages"),
        ("deit_tiny_distilled_patch16_224", "say how many of its blocks"),
        ("vit_base_patch16_clip_224", "say how many of its blocks"),
    ],
)
def test_networks_that_do_not_fit_are_refused(name, said):
    with torch.device("meta"), pytest.raises(ConfigError, match=said):
        feature_maps(name)


def test_transformers_with_other_parts_are_refused():
    with torch.device("meta"), pytest.raises(ConfigError, match="no plain transformer"):
        TokenFeatures("vit_base_patch16_clip_224", blocks=2)


def test_image_sizes_are_checked():
    with torch.device("meta"):
        net, tokens = feature_maps("resnet18"), feature_maps("vit_tiny_patch16_224", blocks=2)
    assert net.sides(384) == (96, 48, 24)
    with pytest.raises(ConfigError, match="multiples of 16 px, not 250"):
        net.sides(250)
    with pytest.raises(ConfigError, match="images of 224 px, not 256"):
        tokens.sides(256)
