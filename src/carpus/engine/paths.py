"""Where the configuration tree lies."""

from __future__ import annotations

import os
from pathlib import Path

from carpus.errors import ConfigError


def project_root() -> Path:
    """The folder that holds ``conf/``: ``$CARPUS_ROOT``, this checkout, or the working directory.

    Raises:
        ConfigError: if none of them has one.
    """
    named = os.environ.get("CARPUS_ROOT")
    candidates = [Path(named)] if named else [Path(__file__).resolve().parents[3], Path.cwd()]
    for folder in candidates:
        if (folder / "conf" / "config.yaml").is_file():
            return folder
    tried = ", ".join(str(folder) for folder in candidates)
    raise ConfigError(f"no conf/config.yaml in {tried}: set CARPUS_ROOT to a checkout of Carpus")


def conf_dir() -> Path:
    """The Hydra tree."""
    return project_root() / "conf"
