"""The two releases of MSRA that circulate, and how to tell them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

RELEASES: Mapping[str, tuple[int, ...]] = {
    "newer": (8499, 8499, 8406, 8498, 8500, 8497, 8498, 8498, 8496),
    "older": (8499, 8492, 8412, 8488, 8500, 8497, 8497, 8498, 8492),
}
"""Frames of P0 … P8. The published centre files and V2V's numbers belong to the newer one."""


def release_of(counts: Sequence[int]) -> str:
    """In words, the release whose frames per subject these are.

    Example:
        >>> release_of([8499, 8492, 8412, 8488, 8500, 8497, 8497, 8498, 8492])
        'the older release (76,375 frames)'
    """
    for name, published in RELEASES.items():
        if tuple(counts) == published:
            return f"the {name} release ({sum(published):,} frames)"
    return f"neither release ({sum(counts):,} frames)"


def release_of_centres(lines: int, subject: int, mode: str) -> str:
    """In words, the release a centre file of that many lines belongs to.

    Args:
        lines: lines of the file.
        subject: the fold's test subject.
        mode: ``train`` or ``test``.
    """
    for name, published in RELEASES.items():
        if not 0 <= subject < len(published):
            break
        test = published[subject]
        if lines == (test if mode == "test" else sum(published) - test):
            return f"the {name} release"
    folds = [
        f"fold {s}"
        for s, test in enumerate(RELEASES["newer"])
        if lines == (test if mode == "test" else sum(RELEASES["newer"]) - test)
    ]
    return " or ".join(folds) if folds else "no published fold"
