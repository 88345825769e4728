"""Multirun: every job its own process and key; failures show at once, finished jobs are never repeated."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carpus.engine.config import compose_config, parse_overrides
from carpus.engine.console import say
from carpus.engine.folder import RunFolder, now, write_json, write_text
from carpus.engine.identity import KEY_VARIABLE
from carpus.engine.keys import new_key
from carpus.errors import CarpusError, ConfigError
from carpus.reports.tables import seed_summary, text_table

_SWEEP_VARIABLE = "CARPUS_SWEEP"


@dataclass(frozen=True)
class Sweep:
    """``logs/sweeps/<key>/``: the command line, one JSON file and one console log per job."""

    folder: Path

    @property
    def key(self) -> str:
        """The sweep's key."""
        return self.folder.name

    def job_file(self, overrides: Sequence[str]) -> Path:
        """Where the state of the job with these overrides is kept."""
        digest = hashlib.sha1("\n".join(overrides).encode()).hexdigest()[:12]
        return self.folder / f"job_{digest}.json"

    def swept(self, overrides: Sequence[str]) -> list[str]:
        """What tells a job's overrides from those of the others."""
        fixed = set(json.loads((self.folder / "command.json").read_text()))
        return [o for o in overrides if o not in fixed]

    def jobs(self) -> list[dict[str, Any]]:
        """State of every job begun so far, in order of their start."""
        states = [json.loads(f.read_text()) for f in self.folder.glob("job_*.json")]
        return sorted(states, key=lambda job: job["start"])


def sweep(argv: Sequence[str]) -> None:
    """Run a multirun command line, or continue one with ``-m resume=<sweep key>``.

    Raises:
        CarpusError: at the end, if a job failed.
    """
    # Hydra composes each job too, and knows only those settings of parts that a recipe has.
    plain = [f"++{a}" if a.startswith("parts.") else a for a in argv if a not in ("-m", "--multirun")]
    overrides = parse_overrides([a for a in plain if not a.startswith("-")])
    logs = Path(compose_config([a for a in plain if a.startswith("paths.")]).paths.logs)
    chosen = {o.key_or_group: o.value() for o in overrides if not o.is_sweep_override()}
    if chosen.get("resume"):
        current = _find_sweep(str(chosen["resume"]), logs)
        plain = json.loads((current.folder / "command.json").read_text())
    else:
        current = Sweep(logs / "sweeps" / new_key(logs / "sweeps"))
        current.folder.mkdir(parents=True)
        write_json(current.folder / "command.json", plain)
    _check_every_choice(plain)
    say(f"sweep {current.key} in {current.folder}; continue it with: python train.py -m resume={current.key}")
    os.environ[_SWEEP_VARIABLE] = str(current.folder)
    sys.argv = [sys.argv[0], "-m", *plain, f"hydra.sweep.dir={current.folder}/launcher"]
    _launch()
    _finish(current, plain)


def run_job(overrides: Sequence[str]) -> float:
    """One job of a sweep in a process of its own.

    Args:
        overrides: the job's command line.

    Returns:
        The headline metric, or NaN if the job failed.
    """
    current = Sweep(Path(os.environ[_SWEEP_VARIABLE]))
    file = current.job_file(overrides)
    before = json.loads(file.read_text()) if file.is_file() else None
    text = " ".join(shlex.quote(o) for o in current.swept(overrides))
    if before and before["status"] == "done":
        say(f"job {before['key']} is done already: {text}")
        return float(before["score"])
    logs = current.folder.parent.parent
    run = RunFolder(logs / (before["key"] if before else new_key(logs)))
    command, environment = list(overrides), {**os.environ, KEY_VARIABLE: run.key}
    if before and run.last.is_file():
        command = [f"resume={run.key}", f"paths.logs={logs}"]
    job = {"key": run.key, "overrides": list(overrides), "start": before["start"] if before else now()}
    write_json(file, {**job, "status": "running", "score": float("nan")})
    say(f"job {run.key} starts: {text}")
    output = current.folder / f"{run.key}.log"
    with output.open("a") as stream:
        script = [sys.executable, str(Path(sys.argv[0]).resolve())]
        code = subprocess.run(
            [*script, *command], env=environment, stdout=stream, stderr=subprocess.STDOUT
        ).returncode
    score = _score(run) if code == 0 else float("nan")
    write_json(file, {**job, "status": "done" if code == 0 else "failed", "score": score, "end": now()})
    if code:
        tail = "\n".join(f"    {line}" for line in output.read_text().splitlines()[-12:])
        say(f"job {run.key} FAILED with exit code {code}: {text}\n{tail}\n  whole output: {output}")
    else:
        say(f"job {run.key} done: {score:.4g}")
    return score


def _launch() -> None:
    import hydra
    from hydra.core.hydra_config import HydraConfig

    from carpus.engine.paths import conf_dir

    def job(_: Any) -> float:
        return run_job([o for o in HydraConfig.get().overrides.task if not o.startswith("hydra.")])

    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(job)()


def _score(run: RunFolder) -> float:
    meta = run.read_meta()
    result = run.read_result(str(meta.get("scored", "test"))) or {}
    return float(result.get(result.get("headline", ""), float("nan")))


def _find_sweep(prefix: str, logs: Path) -> Sweep:
    matches = [f for f in (logs / "sweeps").glob(f"{prefix}*") if (f / "command.json").is_file()]
    if len(matches) != 1:
        raise ConfigError(
            f"{'several sweeps begin' if matches else 'no sweep begins'} with '{prefix}' in {logs}/sweeps"
        )
    return Sweep(matches[0])


def _check_every_choice(plain: Sequence[str]) -> None:
    """Compose once per swept value: a typing error shows before the first job, not after the tenth.

    What is not varied has its first value, as in a job: other settings may depend on it.
    """
    parsed = parse_overrides([a for a in plain if not a.startswith("-")])
    values = [
        [f"{o.get_key_element()}={value}" for value in o.sweep_string_iterator()]
        if o.is_sweep_override()
        else [o.input_line or ""]
        for o in parsed
        if not o.key_or_group.startswith("hydra")
    ]
    first = [choices[0] for choices in values]
    compose_config(first)
    for place, choices in enumerate(values):
        for value in choices[1:]:
            compose_config([*first[:place], value, *first[place + 1 :]])


def _finish(current: Sweep, plain: Sequence[str]) -> None:
    """The table over repetitions and the list of failures."""
    jobs = current.jobs()
    cfg = compose_config([a for a in plain if a.startswith("sweep.")])
    rows = [_row(current, job, cfg.sweep.metric) for job in jobs]
    metrics = [name for name in dict.fromkeys(row.pop("metric") for row in rows) if name] or ["score"]
    constant = {
        n for n in rows[0] if n not in ("key", "status", *metrics) and len({r.get(n) for r in rows}) == 1
    }
    rows = [{n: v for n, v in row.items() if n not in constant} for row in rows]
    text = text_table(rows)
    for name in cfg.sweep.over:
        if any(name in row for row in rows):
            done = [{k: v for k, v in row.items() if k not in ("key", "status")} for row in rows]
            text += f"\n\nmean ± std over {name}\n" + text_table(seed_summary(done, metrics, over=name))
    write_text(current.folder / "table.txt", text + "\n")
    say(text)
    failed = [job for job in jobs if job["status"] != "done"]
    if failed:
        listed = "; ".join(f"{job['key']} ({' '.join(current.swept(job['overrides']))})" for job in failed)
        raise CarpusError(
            f"{len(failed)} of {len(jobs)} jobs failed: {listed}. Mend and type: -m resume={current.key}"
        )


def _row(current: Sweep, job: dict[str, Any], metric: str | None) -> dict[str, Any]:
    """One line of the table: key, what was swept, status, the metric's name and value if there is one."""
    run = RunFolder(current.folder.parent.parent / job["key"])
    result = run.read_result(str(run.read_meta().get("scored", "test"))) or {}
    name = metric or result.get("headline")
    swept = dict(o.lstrip("+").split("=", 1) for o in current.swept(job["overrides"]))
    value = {name: result.get(name)} if name else {}
    return {"key": job["key"], **swept, "status": job["status"], **value, "metric": name}
