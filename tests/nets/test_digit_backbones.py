"""RGB backbones: any timm network as one map, and ImageNet weights read safely."""

from __future__ import annotations

import pytest
import timm
import torch

from carpus.errors import ConfigError, DataError
from carpus.nets.backbones.pretrained import load_imagenet
from carpus.nets.backbones.pyramid import Pyramid
from carpus.nets.backbones.rgb import rgb_backbone

SMALL = "hrnet_w18_small"


@pytest.mark.parametrize(
    ("name", "channels", "expected"),
    [
        ("hrnet_w32", None, 32),
        ("hrnet_w18", None, 18),
        ("resnet50", 32, 32),
        ("convnext_tiny", 24, 24),
        ("mobilenetv3_large_100", None, 64),
        ("efficientnet_b0", 40, 40),
    ],
)
def test_every_backbone_gives_one_map_at_a_quarter(name, channels, expected):
    with torch.device("meta"):
        net = rgb_backbone(name, channels)
        out = net.eval()(torch.zeros(2, 3, 256, 192))
    assert (net.channels, net.stride, tuple(out.shape)) == (expected, 4, (2, expected, 64, 48))


def test_an_hrnet_equals_timms_own_branch():
    net = rgb_backbone(SMALL, init_std=None).eval()
    full = timm.create_model(SMALL, features_only=True, feature_location="").eval()
    full.load_state_dict(net.state_dict(), strict=False)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(image), full(image)[1])


def test_published_initialisation():
    weights = [p.detach() for p in rgb_backbone(SMALL).parameters() if p.ndim == 4]
    assert torch.cat([w.flatten() for w in weights]).std() == pytest.approx(0.001, rel=0.01)


def test_gradients_reach_every_parameter():
    for name in (SMALL, "resnet18"):
        net = rgb_backbone(name)
        net(torch.rand(2, 3, 64, 64)).square().mean().backward()
        assert all(p.grad is not None for p in net.parameters()), name


def test_normalised_input():
    net = rgb_backbone("resnet18", 8, normalise=True).eval()
    grey = torch.tensor([0.485, 0.456, 0.406])[:, None, None].expand(1, 3, 64, 64)
    torch.testing.assert_close(net(grey), net.backbone(torch.zeros(1, 3, 64, 64)))
    assert {name.split(".")[0] for name in net.state_dict()} == {"backbone"}


@pytest.mark.parametrize("name", [SMALL, "resnet18", "convnext_atto"])
@pytest.mark.parametrize("normalise", [False, True])
def test_a_classifiers_file_fills_a_backbone(name, normalise, tmp_path):
    full = timm.create_model(name)
    state = {f"module.{k}": v for k, v in full.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save({"state_dict": state}, tmp_path / "imagenet.pt")
    net = rgb_backbone(name, normalise=normalise)
    report = load_imagenet(net, tmp_path / "imagenet.pth")
    inner = net.backbone if normalise else net
    trunk = inner.features if isinstance(inner, Pyramid) else inner
    source = {k.replace("_", "."): v for k, v in full.state_dict().items()}
    for entry, value in trunk.state_dict().items():
        if not entry.endswith("num_batches_tracked"):
            assert torch.equal(value, source[entry.replace("_", ".")]), entry
    assert report.loaded + len(report.ignored) == len(state)
    assert report.ignored


class UnreachableError(Exception):
    """What an HTTP library raises that Python does not know."""


def test_timms_own_weights_are_the_second_source(monkeypatch):
    full = timm.create_model("resnet18")
    asked = []

    def create(name, pretrained=False, **settings):
        asked.append((name, pretrained))
        return full

    net = rgb_backbone("resnet18")
    monkeypatch.setattr("carpus.nets.backbones.pretrained.timm.create_model", create)
    load_imagenet(net, "timm")
    assert asked == [("resnet18", True)]
    assert torch.equal(net.features.conv1.weight, full.conv1.weight)

    def offline(*_, **__):
        raise UnreachableError("no route to host")

    monkeypatch.setattr("carpus.nets.backbones.pretrained.timm.create_model", offline)
    with pytest.raises(ConfigError, match=r"no route to host.*imagenet=null"):
        load_imagenet(net, "timm")


def test_random_weights_are_a_choice():
    net = rgb_backbone("resnet18")
    before = net.features.conv1.weight.clone()
    assert load_imagenet(net, None).loaded == 0
    assert torch.equal(net.features.conv1.weight, before)


def test_what_cannot_be_loaded_is_refused(tmp_path):
    net = rgb_backbone("resnet18")
    with pytest.raises(ConfigError, match=r"absent\.pth: no such file.*imagenet=timm.*imagenet=null"):
        load_imagenet(net, tmp_path / "absent.pth")
    torch.save(timm.create_model("resnet10t").state_dict(), tmp_path / "small.pth")
    with pytest.raises(DataError, match=r"small\.pth: \d+ of \d+ entries are missing"):
        load_imagenet(net, tmp_path / "small.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(DataError, match="read safely"):
        load_imagenet(net, tmp_path / "text.pth")
    torch.save([1], tmp_path / "list.pth")
    with pytest.raises(DataError, match="neither a state dict"):
        load_imagenet(net, tmp_path / "list.pth")


def test_names_and_widths_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError, match="did you mean resnet50"):
        rgb_backbone("resnet5O")
    with pytest.raises(ConfigError, match="32 channels"), torch.device("meta"):
        rgb_backbone("hrnet_w32", 48)
    with pytest.raises(ConfigError, match="NCHW at 4, 8, 16, 32 is needed"), torch.device("meta"):
        rgb_backbone("vit_tiny_patch16_224")
    with pytest.raises(ConfigError, match="NHWC"), torch.device("meta"):
        rgb_backbone("swin_tiny_patch4_window7_224")
