"""A model from its parts as the configuration names them, and the prepared types it reads."""

from __future__ import annotations

from carpus.data.prepared import Key, key_of, parse_key
from carpus.nets.depth_cr import Composition, GuideSpec, InputSpec, NetSpec, ending

AUTO = "auto"
_PREPARED = {"frame_256": "frame2_256", "scene_vox_32": "scene3_32"}
"""Inputs whose prepared type has another name."""
_MADE_ON_DEVICE = ("anchor",)


def compose(
    name: str,
    input: InputSpec,  # noqa: A002 - the group is called input
    net: NetSpec,
    guide: GuideSpec,
    decoder: str = AUTO,
    loss: str = AUTO,
    label: str = "",
) -> Composition:
    """A model of any parts that fit.

    Args:
        name: of the model, for messages.
        input: what the network sees.
        net: the network.
        guide: what its maps are asked to be.
        decoder: how outputs become joints; ``auto`` follows from net and guide.
        loss: which terms are optimised; ``auto`` likewise.
        label: for tables and pictures.
    Raises:
        ConfigError: naming the two parts that do not fit, with their shapes.
    """
    end, terms = ending(net, guide)
    return Composition(
        name=name,
        label=label or name,
        input=input,
        net=net,
        guide=guide,
        decoder=end if decoder == AUTO else decoder,
        loss=terms if loss == AUTO else loss,
    )


def input_key(model: Composition) -> Key:
    """The prepared type the network sees.

    Example:
        >>> from carpus.nets.depth_cr import COMPOSITIONS
        >>> input_key(COMPOSITIONS["localizer2"]).name
        'frame2_256'
    """
    return parse_key(_PREPARED.get(model.input.name, model.input.name))


def guide_keys(model: Composition) -> list[Key]:
    """The prepared types its maps are compared with, drawn from a crop of the input's side.

    Example:
        >>> from carpus.nets.depth_cr import COMPOSITIONS
        >>> [key.name for key in guide_keys(COMPOSITIONS["super_udir2"])]
        ['udir2_32_from_clean_64']
    """
    return [
        key_of(published.rpartition("_")[0], model.guide.side, model.input.side)
        for published in model.guide.prepared
    ]


def guide_maps(model: Composition) -> tuple[int, ...]:
    """Shape of the guide's target without its channels; empty for labels, anchors and no guide."""
    if not model.guide.parts or model.guide.parts[0] in ("label", *_MADE_ON_DEVICE):
        return ()
    return (model.guide.side,) * model.guide.dim
