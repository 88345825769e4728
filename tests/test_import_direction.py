"""Imports point one way, heavy libraries stay where they belong, files and functions stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "carpus"
LEVELS = [
    {"errors", "types", "skeletons", "__init__"},
    {"geometry"},
    {"codecs", "bodies"},
    {"render"},
    {"data"},
    {"synthetic"},
    {"nets"},
    {"losses", "metrics"},
    {"methods"},
    {"weights", "reports"},
    {"engine"},
    {"commands"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
# Parts on different levels that all the same must not know each other.
STRANGERS = {
    ("nets", "data"),
    ("nets", "render"),
    ("nets", "synthetic"),
    ("nets", "codecs"),
    ("metrics", "synthetic"),
}
ONLY_IN = {
    "hydra": ("engine",),
    "omegaconf": ("engine", "commands"),
    "lmdb": ("data/store.py",),
    "smplx": ("bodies",),
    "wandb": ("engine/loggers.py",),
}
FILES = sorted(SOURCE.rglob("*.py"))


def imported(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.append(node.module)
            if node.module == "carpus":
                names += [f"carpus.{alias.name}" for alias in node.names]
    return names


def relative(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_imports_point_one_way(file):
    part = relative(file).split("/")[0].removesuffix(".py")
    for name in imported(ast.parse(file.read_text())):
        words = name.split(".")
        if words[0] == "carpus" and len(words) > 1:
            other = words[1]
            assert LEVEL[other] <= LEVEL[part], (
                f"{relative(file)} imports {name}: {part} comes before {other}"
            )
            assert (part, other) not in STRANGERS, f"{relative(file)} imports {name}"
            if part == other == "methods" and len(words) > 2 and relative(file).count("/") > 1:
                own = relative(file).split("/")[1]
                assert words[2] in {own, "base", "ensemble", "fitted"}, (
                    f"{relative(file)} imports another method: {name}"
                )
        allowed = ONLY_IN.get(words[0])
        if allowed is not None:
            assert relative(file).startswith(allowed), (
                f"{relative(file)} imports {words[0]}; only {allowed} may"
            )


def test_every_part_has_a_level():
    parts = {relative(f).split("/")[0].removesuffix(".py") for f in FILES}
    assert parts <= set(LEVEL), f"say where {parts - set(LEVEL)} stand in LEVELS"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_files_and_functions_stay_small(file):
    text = file.read_text()
    assert len(text.splitlines()) <= 500, f"{relative(file)} has {len(text.splitlines())} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 80, f"{relative(file)}: {node.name} has {length} lines"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_public_functions_are_documented_and_typed(file):
    for node in ast.parse(file.read_text()).body:
        members = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        for member in members:
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                where = f"{relative(file)}: {member.name}"
                assert ast.get_docstring(member), f"{where} has no docstring"
                assert member.returns is not None, f"{where} has no return type"
