"""The ``carpus`` command. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from carpus.errors import CarpusError, ConfigError, unknown

_EXAMPLE = """examples:
  carpus synth msra --out data/msra_synthetic     a small world in MSRA's own format
  carpus pack msra                                published tree -> LMDB store
  carpus runs                                     what has been trained, and how well
  carpus score predictions.txt labels.mat --protocol nyu
  carpus demo 2e8c frame.png --camera 588.04,587.08,320,240
  carpus demo 77d1 photo.jpg --bbox 812,340,620,580

Training and testing have their own scripts: python train.py, python test.py."""

COMMANDS = {
    "synth": "write a synthetic dataset in its published format",
    "pack": "pack a published tree into an LMDB store; verify or describe one",
    "parts": "render part masks of InterHand2.6M's hands",
    "runs": "list experiments",
    "show": "one experiment: configuration, numbers, files",
    "compare": "several experiments side by side",
    "score": "score a published prediction file against ground truth",
    "demo": "joints and pictures of your own depth images, photographs and videos",
    "track": "joints of the hand in every frame of a depth stream",
    "centers": "a localiser's centre files for a dataset",
    "agora": "annotation and crops of AGORA's people",
    "bodies": "body model files: which are there, copies without chumpy, stand-ins",
    "sik": "joints a lifting network finds in a dataset, to train the hand-model stage on",
    "export": "a dataset's annotation in the form other programs read",
    "import": "make an experiment of published weights",
    "surgery": "checkpoints between the stages of Hand4Whole",
    "models": "list the models of the depth CR family",
    "prereq": "the prepared data a depth CR model needs",
    "deps": "which prepared data is made from which",
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """The parser; each command adds its own arguments in :mod:`carpus.commands`."""
    parser = _Parser(
        prog="carpus",
        description="Hand- and body-pose experiments: data, results and demonstrations.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        module = _module(name)
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def _module(name: str) -> object:
    return importlib.import_module(f"carpus.commands.{name}_command")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command line.

    Raises:
        ConfigError: for an unknown command or option, or a missing one.
    """
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise ConfigError(unknown("command", argv[0], COMMANDS))
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    # argparse takes overrides only before the first option; people also write them after it.
    if any(word.startswith("-") for word in rest) or (rest and "overrides" not in arguments):
        parser.error(f"{arguments.command}: unknown argument {' '.join(rest)}")
    if rest:
        arguments.overrides = [*arguments.overrides, *rest]
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; failure is exit code 1 and one sentence."""
    name = "carpus"
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        name = f"carpus {arguments.command}"
        arguments.run(arguments)
    except CarpusError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
