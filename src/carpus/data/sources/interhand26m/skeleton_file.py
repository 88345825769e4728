"""``skeleton.txt``: the publisher's table of joints, compared with ours."""

from __future__ import annotations

from pathlib import Path

from carpus.errors import DataError
from carpus.skeletons import INTERHAND, INTERHAND_PUBLISHED


def read_skeleton(path: Path) -> list[tuple[str, int]]:
    """Names and parents in the order of their numbers.

    Args:
        path: lines ``name number parent``; empty lines and those that begin with ``#`` do not count.
    Raises:
        DataError: naming the line that is not of this form.
    """
    joints: dict[int, tuple[str, int]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            name, place, parent = words
            joints[int(place)] = name, int(parent)
        except ValueError:
            raise DataError(f"{path}, line {number}: 'name number parent' expected, not '{line}'") from None
    if sorted(joints) != list(range(len(joints))):
        raise DataError(f"{path}: the joints' numbers are not 0 to {len(joints) - 1}")
    return [joints[place] for place in sorted(joints)]


def check_skeleton(path: Path) -> None:
    """Refuse a table of other joints than the program's.

    Raises:
        DataError: naming the first difference.
    """
    found, wanted = read_skeleton(path), list(zip(INTERHAND_PUBLISHED, INTERHAND.parents, strict=True))
    if len(found) != len(wanted):
        raise DataError(f"{path}: {len(found)} joints, InterHand2.6M has {len(wanted)}")
    for number, (given, ours) in enumerate(zip(found, wanted, strict=True)):
        if given != ours:
            raise DataError(
                f"{path}: joint {number} is '{given[0]}' with parent {given[1]}, here it is '{ours[0]}' with "
                f"parent {ours[1]}"
            )
