"""Tables: alignment, widths, means over seeds."""

from __future__ import annotations

import math

import pytest

from carpus.reports.tables import comparison_rows, markdown_table, runs_rows, seed_summary, text_table

ROWS = [
    {"run": "2e8c5136b", "method": "v2v", "mean_mm": 9.5, "seed": 1},
    {"run": "77d1aa001", "method": "depth_cr/super_edt2m", "mean_mm": 11.25, "seed": 2},
    {"run": "0a0a0a0a0", "method": "v2v", "mean_mm": float("nan")},
]


def test_columns_are_aligned_and_missing_cells_are_dashes():
    lines = text_table(ROWS, digits=2).splitlines()
    assert len(lines) == 5
    end = lines[0].index("mean_mm") + len("mean_mm")
    assert lines[2][:end].endswith(" 9.50")
    assert lines[3][:end].endswith("11.25")
    assert lines[4].split() == ["0a0a0a0a0", "v2v", "–", "–"]


def test_narrow_terminal_shortens_the_widest_text_column_only():
    text = text_table(ROWS, width=44, digits=2)
    assert max(len(line) for line in text.splitlines()) <= 44
    assert "…" in text
    assert "11.25" in text
    assert "2e8c5136b" in text


def test_markdown_escapes_bars_and_sets_numbers_right():
    text = markdown_table([{"what": "a|b", "mm": 1.0}])
    assert text.splitlines() == ["| what | mm |", "|:---|---:|", "| a\\|b | 1.000 |"]


def test_empty_tables_are_empty():
    assert text_table([]) == ""


def test_seeds_are_averaged_per_remaining_columns():
    rows = [
        {"method": m, "lr": lr, "seed": s, "mm": v}
        for m, lr, s, v in [
            ("a", 1e-3, 1, 8.0),
            ("a", 1e-3, 2, 10.0),
            ("a", 1e-4, 1, 5.0),
            ("b", 1e-3, 1, math.nan),
        ]
    ]
    made = seed_summary(rows, ["mm"], digits=2)
    assert [(r["method"], r["lr"], r["n"], r["mm"]) for r in made] == [
        ("a", 1e-3, 2, "9.00 ± 1.41"),
        ("a", 1e-4, 1, "5.00"),
        ("b", 1e-3, 1, "–"),
    ]


def test_comparison_knows_the_better_run_and_the_difference():
    runs = {
        "x": {"mean_mm": 10.0, "success_20mm": 60.0, "f1": 0.6, "only_x": 1.0},
        "y": {"mean_mm": 8.0, "success_20mm": 50.0, "f1": 0.5},
    }
    rows = {r["metric"]: r for r in comparison_rows(runs, {"f1": False})}
    assert rows["mean_mm"]["difference"] == pytest.approx(-2.0)
    assert rows["mean_mm"]["best"] == "y"
    assert rows["success_20mm"]["best"] == rows["f1"]["best"] == "x"
    assert "best" not in rows["only_x"]


def test_runs_without_the_metric_come_last():
    assert [r["run"][0] for r in runs_rows(ROWS, "mean_mm", descending=True)] == ["7", "2", "0"]
    assert runs_rows(ROWS) == ROWS
