"""What the documentation says is true of the program: links lead somewhere, commands compose and parse."""

from __future__ import annotations

import re
import shlex
import shutil
from functools import cache
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from carpus.cli import parse
from carpus.data.splits import parse_split
from carpus.engine.config import (
    _walk,
    choices,
    compose_config,
    groups,
    load_config,
    parse_overrides,
    save_config,
)
from carpus.engine.other_dataset import load_for_scoring

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PAGES += sorted((ROOT / "src" / "carpus" / "methods").rglob("README.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?<=\n\n)(?:    .*\n)+")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
COMMAND = re.compile(r"(carpus |(python|srun|torchrun) .*?\b(train|test)\.py)")
RUNS = ("key", "resume", "init_from", "load_ckpt", "load_from")
SHELLS = ("bash", "")


def code_lines(text: str) -> list[str]:
    """Lines of shell blocks, continuation lines joined; blocks in other languages are left out."""
    text = re.sub(r"\s*\\\n\s*", " ", text)
    fenced = [body for language, body in FENCE.findall(text) if language in SHELLS]
    indented = INDENTED.findall(FENCE.sub("", text))
    return [line.strip() for body in (*fenced, *indented) for line in body.splitlines()]


def commands(text: str) -> list[tuple[str, ...]]:
    """``train.py``, ``test.py`` and ``carpus`` command lines, as words from the program's name on."""
    found = []
    for line in code_lines(text):
        if not COMMAND.match(line):
            continue
        # What follows at a distance explains the command; it may hold apostrophes.
        words = shlex.split(re.split(r"\s{3,}", line)[0], comments=True)
        starts = [i for i, word in enumerate(words) if word in ("train.py", "test.py")]
        if words and words[0] == "carpus":
            starts = [0]
        if starts:
            found.append(tuple(words[starts[0] :]))
    return found


CASES = [
    pytest.param(words, id=f"{page.relative_to(ROOT)}: {' '.join(words)}")
    for page in PAGES
    for words in commands(page.read_text())
]
SCRIPTS = [case for case in CASES if case.values[0][0] != "carpus"]
CLI = [case for case in CASES if case.values[0][0] == "carpus"]


@cache
def keys_of(chosen: tuple[str, ...]) -> frozenset[str]:
    """Every key of the configuration with these choices of groups; composed once, as composing is slow."""
    return frozenset(_walk(OmegaConf.to_container(compose_config(list(chosen)))))


def check_overrides(overrides: list[str]) -> None:
    """Groups compose and keys exist, or the program's own error is raised."""
    parsed = parse_overrides(overrides)
    chosen = tuple(o.input_line for o in parsed if o.key_or_group in groups())
    known = {*groups(), *keys_of(chosen)}
    if any(o.key_or_group not in known and not o.is_add() for o in parsed):
        compose_config(overrides)


def check_changes(overrides: list[str], saved: Path) -> None:
    """A saved run accepts the changes, or the program's own error is raised."""
    dataset = next((o.value() for o in parse_overrides(overrides) if o.key_or_group == "dataset"), None)
    if dataset is not None:
        own = {"rgb_hand": "digit", "whole_body": "hand4whole"}
        kind = compose_config([f"dataset={dataset}"]).dataset.kind
        save_config(compose_config([f"method={own.get(kind, 'v2v')}", f"dataset={dataset}"]), saved)
        load_for_scoring(saved, overrides)
    elif any(
        o.key_or_group not in keys_of(()) or o.key_or_group in groups() for o in parse_overrides(overrides)
    ):
        load_config(saved, overrides)


@pytest.fixture(scope="module")
def default_config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    save_config(compose_config([]), folder / "config.yaml")
    return folder


@pytest.fixture
def saved(tmp_path, default_config) -> Path:
    """The saved configuration of a run, as ``key=`` and ``resume=`` find it."""
    for file in default_config.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "config.yaml"


def jobs(overrides: list[str]) -> set[tuple[str, ...]]:
    """Command lines of a sweep in which every swept value of a group, and one of every key, occurs."""
    values = [
        [f"{o.key_or_group}={value}" for value in o.sweep_string_iterator()]
        if o.is_sweep_override()
        else [o.input_line]
        for o in parse_overrides(overrides)
    ]
    kept = [v if v[0].split("=")[0] in groups() else v[:1] for v in values]
    return {tuple(v[i % len(v)] for v in kept) for i in range(max(map(len, kept), default=0))}


def check_script(words: tuple[str, ...], saved: Path) -> None:
    """What the program does with a command line up to the moment it would read data."""
    flags = [w for w in words[1:] if w.startswith("-")]
    plain = [w for w in words[1:] if not w.startswith("-") and w != "job"]  # --cfg job
    named = {o.key_or_group: o for o in parse_overrides(plain)}
    runs = [name for name in RUNS if name in named]
    rest = [w for w in plain if w.split("=")[0] not in RUNS and not w.startswith("hydra")]
    if "eval_on" in named:
        parse_split(named["eval_on"].value())
    if words[0] == "test.py":
        assert len(runs) == 1, "test.py scores one thing: key, load_ckpt or load_from"
    elif "-m" not in flags:
        swept = [w for w, o in zip(plain, named.values(), strict=True) if o.is_sweep_override()]
        assert not swept, f"a sweep needs -m: {swept}"
    if set(runs) & {"key", "load_ckpt", "resume"} and "-m" not in flags:
        check_changes(rest, saved)
    elif "-m" in flags:
        for job in jobs(rest):
            check_overrides(list(job))
    else:
        check_overrides(rest)


@pytest.mark.parametrize("words", SCRIPTS)
def test_a_printed_training_or_test_command_composes(words, saved):
    check_script(words, saved)


@pytest.mark.parametrize("words", CLI)
def test_a_printed_carpus_command_parses(words):
    arguments = parse(list(words[1:]))
    extra = [w for w in getattr(arguments, "overrides", []) if "=" in w]
    named = getattr(arguments, "dataset", None)
    if arguments.command in ("pack", "import") and named:
        check_overrides([f"dataset={named}", *extra])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.relative_to(ROOT)} links to {target}"
        if anchor:
            assert anchor in anchors(file), (
                f"{page.relative_to(ROOT)} links to {target}, which has no such heading"
            )


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as the usual renderers make them."""
    titles = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_dataset_has_a_page_that_the_index_names():
    index = (ROOT / "docs" / "index.md").read_text()
    for name in choices("dataset"):
        if not name.endswith("_synthetic"):
            # One tree, one page, whatever a record of it is.
            page = f"datasets/{re.sub(r'_(tenths|mano|hands|face|smpl)$', '', name)}.md"
            assert (ROOT / "docs" / page).is_file(), f"docs/{page} is missing"
            assert page in index


def test_the_configuration_page_names_every_group_and_choice():
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    # Groups that only one method has are listed on its own page, to which this one leads.
    page += (ROOT / "src" / "carpus" / "methods" / "depth_cr" / "README.md").read_text()
    for group in groups():
        listed = [name.removesuffix("_synthetic").rpartition("/")[2] for name in choices(group)]
        missing = [name for name in (group, *listed) if f"`{name}`" not in page]
        assert not listed or not missing, f"docs/reference/configuration.md does not name {missing}"


def test_every_page_is_reached_from_the_readme():
    todo, seen = [ROOT / "README.md"], set()
    while todo:
        page = todo.pop()
        seen.add(page)
        for target in LINK.findall(page.read_text()):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.is_file() and file not in seen:
                todo.append(file)
    lost = [str(page.relative_to(ROOT)) for page in PAGES if page not in seen]
    assert not lost, f"no link leads to {', '.join(lost)}"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("python train.py trainer.max_epoch=3", "max_epochs"),
        ("python train.py dataset=msr", "msra"),
        ("python train.py -m loss=gauss,integrall", "integral"),
        ("python test.py key=2e8c traner.precision=32-true", "trainer"),
        ("python train.py resume=2e8c loss=integral", "init_from"),
        ("python test.py key=2e8c eval_on=minitset", "minitest"),
    ],
)
def test_a_wrong_command_would_be_noticed(line, wrong, saved):
    (words,) = commands(f"```bash\n{line}   # comment\n```\n")
    with pytest.raises(Exception, match=wrong):
        check_script(words, saved)


def test_a_wrong_option_would_be_noticed():
    (words,) = commands("```bash\ncarpus pack msra --procesess 4\n```\n")
    with pytest.raises(Exception, match="procesess"):
        parse(list(words[1:]))
