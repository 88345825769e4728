"""ImageNet weights for a backbone, from a published file or through timm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import timm
from torch import Tensor, nn

from carpus.errors import ConfigError, DataError
from carpus.nets.backbones.features import FeatureMaps
from carpus.nets.backbones.rgb import Normalised, RgbBackbone
from carpus.nets.weight_file import load_untrusted, state_dict_of

TIMM = "timm"
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Filled:
    """What :func:`load_imagenet` did.

    Args:
        source: where the weights come from, for the user.
        loaded: number of entries taken.
        ignored: entries of the source the backbone has no place for, such as the classifier's.
    """

    source: str
    loaded: int
    ignored: list[str]


def load_imagenet(backbone: RgbBackbone | FeatureMaps, source: str | Path | None) -> Filled:
    """Fill a backbone with ImageNet weights.

    Args:
        backbone: of :func:`~carpus.nets.backbones.rgb.rgb_backbone` or
            :func:`~carpus.nets.backbones.features.feature_maps`.
        source: a file (``hrnet_w32-36af842e.pth``; ``.pt`` and ``.pth`` stand for each other), ``timm`` to
            let timm fetch its own, or None to train from random weights.
    Returns:
        What was loaded; entries that are not the backbone's are ignored.
    Raises:
        ConfigError: if the file is missing or timm cannot fetch its own.
        DataError: if the file cannot be read safely or lacks entries of the backbone.
    """
    if source is None:
        return Filled("random weights", 0, [])
    state = _from_timm(backbone.name) if str(source) == TIMM else _read(_existing(Path(source)))
    inner = backbone.backbone if isinstance(backbone, Normalised) else backbone
    target: nn.Module = getattr(inner, "features", inner)
    return _fill(target, state, str(source))


def _fill(target: nn.Module, state: Mapping[str, Tensor], source: str) -> Filled:
    own = target.state_dict()
    theirs = {_plain(name): name for name in state}
    names = {name: theirs[_plain(name)] for name in own if _plain(name) in theirs}
    needed = [name for name in own if not name.endswith(_COUNTER)]
    wrong = [
        f"{name} {tuple(own[name].shape)}"
        for name in needed
        if name not in names or state[names[name]].shape != own[name].shape
    ]
    if wrong:
        raise DataError(
            f"{source}: {len(wrong)} of {len(needed)} entries are missing or of another shape, "
            f"{', '.join(wrong[:4])}, …; ImageNet weights of this very backbone are needed"
        )
    target.load_state_dict({name: state[other] for name, other in names.items()}, strict=False)
    return Filled(source, len(names), sorted(set(state) - set(names.values())))


def _plain(name: str) -> str:
    """A name that does not depend on how timm nests: ``stages.0`` is ``stages_0`` in a feature network."""
    return name.replace("_", ".")


def _existing(path: Path) -> Path:
    """The file, or the one of the other usual suffix."""
    other = {".pt": ".pth", ".pth": ".pt"}.get(path.suffix)
    for candidate in (path, path.with_suffix(other) if other else path):
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"{path}: no such file with ImageNet weights; put the published one there, let timm fetch its own "
        "(imagenet=timm), or train from random weights (imagenet=null)"
    )


def _read(path: Path) -> dict[str, Tensor]:
    """Entries of a state dict without wrappers' prefixes; runs no code from the file."""
    state = state_dict_of(load_untrusted(path), path)
    return {name.removeprefix("module."): value for name, value in state.items()}


def _from_timm(name: str) -> dict[str, Tensor]:
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:  # what a failed download raises depends on the HTTP library timm finds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"timm cannot fetch weights of {name} ({reason}); give a file, or imagenet=null for random ones"
        ) from error
