"""Joint sets of the depth hand datasets, in their published order."""

from __future__ import annotations

from carpus.skeletons.skeleton import Colour, from_chains

WRIST_COLOUR: Colour = (230, 230, 0)
FINGER_SHADES: dict[str, tuple[Colour, ...]] = {
    "thumb": ((255, 153, 153), (255, 102, 102), (255, 51, 51), (255, 0, 0)),
    "index": ((153, 255, 153), (102, 255, 102), (51, 255, 51), (0, 255, 0)),
    "middle": ((255, 204, 153), (255, 178, 102), (255, 153, 51), (255, 128, 0)),
    "ring": ((153, 204, 255), (102, 178, 255), (51, 153, 255), (0, 128, 255)),
    "little": ((255, 153, 255), (255, 102, 255), (255, 51, 255), (255, 0, 255)),
}
FINGERS = ("index", "middle", "ring", "little", "thumb")


def _fingers(order: tuple[str, ...], parts: tuple[str, ...]) -> list[str]:
    return [f"{finger}_{part}" for finger in order for part in parts]


def _chains(root: str, parts: tuple[str, ...]) -> list[str]:
    return [" ".join([root, *(f"{finger}_{part}" for part in parts)]) for finger in FINGERS]


_MANUAL = ("thumb", "index", "middle", "ring", "little")
_FOUR = ("mcp", "pip", "dip", "tip")

MSRA = from_chains(
    "msra",
    ["wrist", *_fingers(FINGERS, _FOUR)],
    _chains("wrist", _FOUR),
    FINGER_SHADES,
    WRIST_COLOUR,
)

HANDS17 = from_chains(
    "hands17",
    ["wrist", *(f"{finger}_mcp" for finger in _MANUAL), *_fingers(_MANUAL, ("pip", "dip", "tip"))],
    _chains("wrist", _FOUR),
    FINGER_SHADES,
    WRIST_COLOUR,
)

ICVL = from_chains(
    "icvl",
    ["palm", *_fingers(_MANUAL, ("root", "mid", "tip"))],
    _chains("palm", ("root", "mid", "tip")),
    FINGER_SHADES,
    WRIST_COLOUR,
)

NYU = from_chains(
    "nyu",
    [
        *_fingers(("little", "ring", "middle", "index", "thumb"), ("tip", "mid")),
        *("thumb_root", "wrist_back", "wrist", "palm"),
    ],
    [
        "palm wrist",
        "palm wrist_back",
        "palm thumb_root thumb_mid thumb_tip",
        *(f"palm {finger}_mid {finger}_tip" for finger in ("index", "middle", "ring", "little")),
    ],
    FINGER_SHADES,
    WRIST_COLOUR,
)
