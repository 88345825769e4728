"""Errors whose message is all a user needs: what was given, where, what is allowed, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CarpusError(Exception):
    """A problem the user can mend; the command line prints its message and exits with code 1."""


class ConfigError(CarpusError):
    """A configuration that names something unknown or combines what cannot work together."""


class DataError(CarpusError):
    """A file whose content is not what its format promises."""


class StoreError(DataError):
    """A packed store that is missing, damaged, of another version or packed with other options."""


def unknown(kind: str, given: str, allowed: Iterable[str]) -> str:
    """One sentence for a name nobody knows, with the nearest one that exists.

    Example:
        >>> unknown("joint", "wirst", ["wrist", "palm"])
        "unknown joint 'wirst': did you mean 'wrist'? Allowed: palm, wrist"
    """
    names = sorted({str(name) for name in allowed})
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown {kind} '{given}': {hint}Allowed: {', '.join(names)}"
