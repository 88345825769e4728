"""The 28 published models, each one row: input × net × guide × decoder × loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from torch import nn

from carpus.errors import ConfigError, unknown
from carpus.nets.depth_cr.guides import GuideSpec, InputSpec, guide_spec, input_spec
from carpus.nets.depth_cr.net import depth_net
from carpus.nets.depth_cr.spec import NetSpec, net_spec

LOSSES = ("pose", "pose_map", "pose_map_unit", "map_unit", "pose_ce", "ce", "anchor2", "anchor3")
DECODERS = ("coord", "udir2_top5", "vxudir_top5", "vox_argmax", "anchor2", "anchor3")


@dataclass(frozen=True)
class Composition:
    """One model; making one checks that its parts fit.

    Args:
        name: the published name, or one's own.
        label: printed in tables and plots.
        input: what the network sees.
        net: the network.
        guide: what its maps are asked to be.
        decoder: how its outputs become joints, or the cube of a locator.
        loss: which terms are optimised.
    """

    name: str
    label: str
    input: InputSpec
    net: NetSpec
    guide: GuideSpec
    decoder: str
    loss: str

    def __post_init__(self) -> None:
        for kind, given, allowed in (("decoder", self.decoder, DECODERS), ("loss", self.loss, LOSSES)):
            if given not in allowed:
                raise ConfigError(f"model {self.name}: {unknown(kind, given, allowed)}")
        _check_input(self)
        _check_guide(self)
        _check_ends(self)

    @property
    def module(self) -> str:
        """Where the published code keeps the model."""
        for suffix, shared in (("_inres", "base_inres"), ("_hg", "base_hourglass")):
            if self.name.endswith(suffix):
                return f"model.{shared}"
        return f"model.{self.name}"

    @property
    def locates(self) -> bool:
        """Whether the model finds a cube instead of joints."""
        return self.net.head == "anchors"

    def build_net(self, joints: int, dropout: float = 0.5) -> nn.Module:
        """The network for J joints."""
        return depth_net(self.net, joints, self.input.channels, self.input.side, dropout)

    def with_parts(
        self,
        name: str | None = None,
        input: str | InputSpec | None = None,  # noqa: A002 - the group is called input
        net: str | NetSpec | None = None,
        guide: str | GuideSpec | None = None,
        decoder: str | None = None,
        loss: str | None = None,
    ) -> Composition:
        """This model with other parts; a decoder or loss that is not given follows from net and guide.

        Raises:
            ConfigError: if the parts do not fit.
        Example:
            >>> COMPOSITIONS["super_edt2"].with_parts(net="BH", guide="none").loss
            'pose'
        """
        new_net = net_spec(net) if isinstance(net, str) else net or self.net
        new_guide = guide_spec(guide) if isinstance(guide, str) else guide or self.guide
        end, terms = ending(new_net, new_guide)
        kept = net is None and guide is None
        return replace(
            self,
            name=name or self.name,
            input=input_spec(input) if isinstance(input, str) else input or self.input,
            net=new_net,
            guide=new_guide,
            decoder=decoder or (self.decoder if kept else end),
            loss=loss or (self.loss if kept else terms),
        )


def ending(net: NetSpec, guide: GuideSpec) -> tuple[str, str]:
    """Decoder and loss that suit a network and a guide.

    Example:
        >>> ending(net_spec("VD"), guide_spec("vxlab_32"))
        ('vox_argmax', 'ce')
    """
    units, labels = "direction" in guide.parts, "label" in guide.parts
    if net.head == "anchors":
        return f"anchor{net.dim}", f"anchor{net.dim}"
    if net.head == "maps":
        return (
            ("vox_argmax", "ce") if labels else (f"{'udir2' if net.dim == 2 else 'vxudir'}_top5", "map_unit")
        )
    if not guide.parts:
        return "coord", "pose"
    return "coord", "pose_ce" if labels else "pose_map_unit" if units else "pose_map"


def composition(name: str) -> Composition:
    """The published model of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in COMPOSITIONS:
        raise ConfigError(unknown("model", name, COMPOSITIONS))
    return COMPOSITIONS[name]


def _check_input(model: Composition) -> None:
    given, net = model.input, model.net
    if given.dim != net.dim:
        raise ConfigError(
            f"model {model.name}: input {given.name} has {given.dim} axes, net {net.name} works on {net.dim}"
        )
    if net.head == "anchors" and (given.channels, given.side) != (net.in_channels, net.side):
        raise ConfigError(
            f"model {model.name}: input {given.name} has side {given.side}, net {net.name} needs {net.side}"
        )


def _check_guide(model: Composition) -> None:
    net, guide = model.net, model.guide
    if net.head == "anchors":
        if guide.name != f"anchor{net.dim}":
            raise ConfigError(
                f"model {model.name}: net {net.name} needs guide anchor{net.dim}, not {guide.name}"
            )
        return
    features = net.features(model.input.channels, model.input.side)
    if net.head == "pullout" and (features.side < 4 or features.side % 4):
        raise ConfigError(
            f"model {model.name}: {features} reach the pullout of net {net.name} from input "
            f"{model.input.name}; its side must be a multiple of 4"
        )
    if not guide.parts:
        return
    if not net.guided:
        raise ConfigError(
            f"model {model.name}: net {net.name} predicts no maps for guide {guide.name}; use guide=none"
        )
    predicted = (net.dim, net.map_side(model.input.side), net.channels_per_joint)
    asked = (guide.dim, guide.side, guide.channels_per_joint)
    if predicted != asked:
        raise ConfigError(
            f"model {model.name}: net {net.name} on {model.input.name} predicts maps of {_maps(*predicted)}, "
            f"guide {guide.name} has {_maps(*asked)}"
        )


def _check_ends(model: Composition) -> None:
    decoder, loss = ending(model.net, model.guide)
    if model.net.head == "maps" and not model.guide.parts:
        raise ConfigError(
            f"model {model.name}: net {model.net.name} has only maps, guide=none leaves no target"
        )
    if loss == "map_unit" and "direction" not in model.guide.parts:
        raise ConfigError(
            f"model {model.name}: joints cannot be read from maps of guide {model.guide.name} alone; "
            f"net {model.net.name} needs a guide with directions or labels"
        )
    if model.decoder != decoder:
        raise ConfigError(
            f"model {model.name}: net {model.net.name} with guide {model.guide.name} is decoded by "
            f"{decoder}, not by {model.decoder}"
        )
    allowed = {loss} | ({"pose"} if decoder == "coord" else set())
    allowed |= {"pose_map"} if loss == "pose_map_unit" else set()
    if model.loss not in allowed:
        raise ConfigError(
            f"model {model.name}: loss {model.loss} does not suit net {model.net.name} with guide "
            f"{model.guide.name}; possible: {', '.join(sorted(allowed))}"
        )


def _maps(dim: int, side: int, per_joint: int) -> str:
    return f"{side}{'²³'[dim - 2]}, {per_joint} per joint"


_ROWS = """
super_edt3      |EDT3                                |pcnt3_32    |E3  |vxedt_16   |coord      |pose_map
super_ov3edt2m  |MV-CR w/ surface distance (weighted)|ortho3_128  |OV  |ov3edt2m   |coord      |pose_map
super_ov3dist2  |MV-CR w/ Euclidean distance         |ortho3_128  |OV  |ov3dist2   |coord      |pose_map
super_ov3edt2   |MV-CR w/ surface distance           |ortho3_128  |OV  |ov3edt2    |coord      |pose_map
super_edt2m     |2D CR w/ surface distance (weighted)|clean_128   |S32 |edt2m      |coord      |pose_map
super_edt2      |2D CR w/ surface distance           |clean_128   |S32 |edt2       |coord      |pose_map
super_dist3     |3D CR w/ Euclidean distance         |pcnt3_64    |D3  |dist3_32   |coord      |pose_map
voxel_regre     |3D CR w/ offset                     |pcnt3_64    |VR  |vxudir_16  |coord      |pose_map_unit
voxel_offset    |3D offset regression                |pcnt3_64    |VO  |vxudir_16  |vxudir_top5|map_unit
super_vxhit     |3D CR w/ detection                  |vxhit_64    |VH  |vxlab_32   |coord      |pose_ce
voxel_detect    |Moon et al. (CVPR'18)               |vxhit_64    |VD  |vxlab_32   |vox_argmax |ce
super_dist2     |2D CR w/ Euclidean distance         |clean_128   |S128|dist2      |coord      |pose_map
super_udir2     |2D CR w/ offset                     |clean_64    |U64 |udir2      |coord      |pose_map_unit
super_hmap2     |2D CR w/ heatmap                    |clean_128   |S32 |hmap2      |coord      |pose_map
dense_regre     |2D offset regression                |clean_128   |DR  |hmap2_udir2|udir2_top5 |map_unit
direc_tsdf      |Ge et al. (CVPR'17)                 |tsdf3_64    |C3  |none       |coord      |pose
trunc_dist      |3D truncated Euclidean distance     |truncd_64   |C3  |none       |coord      |pose
base_conv3      |3D CR                               |pcnt3_64    |C3  |none       |coord      |pose
base_conv3_inres|3D CR w/ inception-resnet           |pcnt3_64    |C3R |none       |coord      |pose
ortho3view      |Ge et al. (CVPR'16)                 |ortho3_128  |O3  |none       |coord      |pose
base_clean      |2D CR                               |clean_128   |B   |none       |coord      |pose
base_regre      |2D CR-background                    |crop2_128   |B   |none       |coord      |pose
base_clean_inres|2D CR w/ inception-resnet           |clean_128   |BR  |none       |coord      |pose
base_regre_inres|2D CR-background w/ inception-resnet|crop2_128   |BR  |none       |coord      |pose
base_clean_hg   |2D CR w/ hourglass                  |clean_128   |BH  |none       |coord      |pose
base_regre_hg   |2D CR-background w/ hourglass       |crop2_128   |BH  |none       |coord      |pose
localizer3      |3D localizer                        |scene_vox_32|L3  |anchor3    |anchor3    |anchor3
localizer2      |2D localizer                        |frame_256   |L2  |anchor2    |anchor2    |anchor2
"""


def _row(line: str) -> Composition:
    name, label, seen, net, guide, decoder, loss = (cell.strip() for cell in line.split("|"))
    return Composition(name, label, input_spec(seen), net_spec(net), guide_spec(guide), decoder, loss)


COMPOSITIONS = MappingProxyType({row.name: row for row in map(_row, _ROWS.strip().splitlines())})
"""The 28 models by name, in the published order."""
