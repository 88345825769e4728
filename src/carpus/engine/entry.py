"""What ``train.py`` and ``test.py`` do with a command line."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Sequence

from carpus.engine.config import compose_config, parse_overrides
from carpus.engine.console import complain, say
from carpus.errors import CarpusError

_SHOW_FLAGS = {"--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--info", "-i"}
_TREE_FLAGS = {"--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"}
_HYDRA_FLAGS = _SHOW_FLAGS | _TREE_FLAGS | {"--shell-completion", "-sc"}


def train_main() -> None:
    """Fit one experiment and test it; ``-m`` sweeps."""
    argv = sys.argv[1:]
    if {"-m", "--multirun"} & set(argv):
        from carpus.engine.sweep import sweep

        guarded(lambda: sweep(argv))
    elif _HYDRA_FLAGS & set(argv):
        _show_with_hydra()
    else:
        guarded(lambda: _train(argv))


def test_main() -> None:
    """Score a saved experiment or imported weights."""
    argv = sys.argv[1:]
    if _HYDRA_FLAGS & set(argv):
        _show_with_hydra()
    else:
        guarded(lambda: _test(argv))


def quiet() -> None:
    """Keep Lightning's advertisements and restatements of the obvious from the user's screen."""
    import logging

    for name in ("pytorch_lightning.utilities.rank_zero", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("pytorch_lightning.accelerators").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric.utilities.distributed").setLevel(logging.WARNING)
    for text in (
        ".*It is recommended to use `self.log.*",
        ".*LeafSpec.*deprecated.*",
        ".*does not have many workers.*",
        ".*exists and is not empty.*",
        ".*is smaller than the logging interval.*",
    ):
        warnings.filterwarnings("ignore", text)


def guarded(task: Callable[[], None]) -> None:
    """Run a task; what the user can mend ends in one sentence and exit code 1, not in a traceback."""
    quiet()
    try:
        task()
    except CarpusError as error:
        complain(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(130)
    except Exception:
        complain(traceback.format_exc())
        sys.exit(1)


def _train(argv: Sequence[str]) -> None:
    from carpus.engine.fit import fit, resume

    if not argv:
        say("nothing chosen: running experiment=quickstart, a reduced V2V on synthetic hands")
        argv = ["experiment=quickstart"]
    chosen = {o.key_or_group: o.value() for o in parse_overrides(argv)}
    if chosen.get("resume"):
        rest = [o for o in argv if not o.startswith("resume=")]
        resume(str(chosen["resume"]), rest)
    else:
        fit(compose_config(argv), argv)


def _test(argv: Sequence[str]) -> None:
    from carpus.engine.testing import test

    test(argv)


def _show_with_hydra() -> None:
    """Hydra's own flags, such as ``--cfg job`` and ``--help``."""
    import hydra

    from carpus.engine.paths import conf_dir

    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(lambda _: None)()
