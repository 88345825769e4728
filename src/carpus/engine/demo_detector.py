"""People in photographs by torchvision's detector, whose weights are not part of Carpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from carpus.errors import ConfigError
from carpus.reports.people_found import DetectedBox

OWN = "torchvision"
"""What ``--detector`` says to take the weights from torchvision's cache, which fetches them if need be."""
_COUNTER = "num_batches_tracked"
PERSON, SCORE = 1, 0.5
"""COCO's class, and the least score that counts."""


class PersonDetector:
    """Boxes around people.

    Args:
        net: as torchvision's detectors are called: pictures in [0, 1] to ``boxes`` xyxy, ``labels`` and
            ``scores``.
        device: where it runs.
    """

    def __init__(self, net: nn.Module, device: str = "cpu") -> None:
        self.net, self.device = net.eval().to(device), device

    @classmethod
    def of_weights(cls, weights: str, device: str = "cpu") -> PersonDetector:
        """Torchvision's Faster R-CNN with a ResNet-50 and a feature pyramid.

        Args:
            weights: a file with its weights, or :data:`OWN`.
            device: where it runs.
        Raises:
            ConfigError: if there are no such weights.
        """
        from torchvision.models.detection import fasterrcnn_resnet50_fpn

        state = _published() if weights == OWN else _of_file(Path(weights))
        net = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        _fill(net, state, weights)
        return cls(net, device)

    def find(self, image: np.ndarray) -> list[DetectedBox]:
        """The people of a picture ``(H, W, 3)`` uint8 RGB, the surest first."""
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self.device)
        with torch.inference_mode():
            (found,) = self.net([pixels.permute(2, 0, 1).float() / 255])
        boxes, labels, scores = (found[name].float().cpu().numpy() for name in ("boxes", "labels", "scores"))
        keep = np.flatnonzero((labels == PERSON) & (scores >= SCORE))
        keep = keep[np.argsort(-scores[keep], kind="stable")]
        return [_detected(boxes[row].astype(np.float64), float(scores[row])) for row in keep]


def in_cache() -> bool:
    """Whether torchvision's cache has the weights, so that nothing need be fetched."""
    return (_cache() / Path(_own().url).name).is_file()


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _own() -> Any:
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

    return FasterRCNN_ResNet50_FPN_Weights.DEFAULT


def _detected(xyxy: np.ndarray, score: float) -> DetectedBox:
    return DetectedBox(np.array([*xyxy[:2], *(xyxy[2:] - xyxy[:2])]), "detector", score)


def _published() -> Mapping[str, torch.Tensor]:
    weights = _own()
    try:
        return weights.get_state_dict(progress=False, check_hash=True)
    except Exception as error:
        raise ConfigError(
            f"the detector's weights are not in {_cache()} and could not be fetched ({error}); download "
            f"{weights.url} elsewhere and say --detector FILE, or give boxes with --bbox"
        ) from None


def _of_file(path: Path) -> Mapping[str, torch.Tensor]:
    if not path.is_file():
        raise ConfigError(
            f"--detector {path}: no such file; '{OWN}' takes the weights of torchvision's cache"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A file of anything else makes the unpickler raise whatever it comes upon.
        raise ConfigError(f"--detector {path}: not a file of weights: {str(error)[:120]}") from None
    if not isinstance(state, Mapping):
        raise ConfigError(f"--detector {path}: weights by name are expected, found {type(state).__name__}")
    return state


def _fill(net: nn.Module, state: Mapping[str, torch.Tensor], said: str) -> None:
    # The published weights hold no counters, and belong to normalisation without an epsilon.
    own = {name: value for name, value in net.state_dict().items() if not name.endswith(_COUNTER)}
    wrong = [name for name in own if name not in state or state[name].shape != own[name].shape]
    if wrong:
        raise ConfigError(
            f"--detector {said}: {len(wrong)} of {len(own)} fasterrcnn_resnet50_fpn's weights are missing or "
            f"of another shape, such as {wrong[0]}"
        )
    net.load_state_dict({name: state[name] for name in own}, strict=False)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 0.0
