"""The ``carpus`` command. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence

from carpus.errors import CarpusError

_EXAMPLE = """examples:
  carpus synth msra --out data/msra_synthetic     a small world in MSRA's own format
  carpus pack msra                                published tree -> LMDB store
  carpus runs                                     what has been trained, and how well
  carpus score predictions.txt labels.mat --protocol nyu
  carpus demo 2e8c frame.png --camera 588.04,587.08,320,240

Training and testing have their own scripts: python train.py, python test.py."""

COMMANDS = {
    "synth": "write a synthetic dataset in its published format",
    "pack": "pack a published tree into an LMDB store; verify or describe one",
    "runs": "list experiments",
    "show": "one experiment: configuration, numbers, files",
    "compare": "several experiments side by side",
    "score": "score a published prediction file against ground truth",
    "demo": "joints and pictures of your own depth images",
    "import": "make an experiment of published weights",
}


def build_parser() -> argparse.ArgumentParser:
    """The parser; each command adds its own arguments in :mod:`carpus.commands`."""
    parser = argparse.ArgumentParser(
        prog="carpus",
        description="Hand- and body-pose experiments: data, results and demonstrations.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        module = _module(name)
        sub = commands.add_parser(
            name, help=text, description=text, epilog=module.EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def _module(name: str) -> object:
    return importlib.import_module(f"carpus.commands.{name}_command")


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; failure is exit code 1 and one sentence."""
    arguments = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], None] = arguments.run
    try:
        run(arguments)
    except CarpusError as error:
        sys.stderr.write(f"carpus {arguments.command}: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
