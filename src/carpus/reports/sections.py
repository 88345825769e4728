"""The parts of the HTML page, each a function from data to markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from carpus.reports.tables import cell

if TYPE_CHECKING:
    from carpus.reports.page import ReportMeta

Html = str
_GROUPS = {"worst": "Worst", "best": "Best", "random": "Random", "frame": "Frames"}


def body_of(
    meta: ReportMeta, data: Mapping[str, Any], joint_table: Sequence[Mapping[str, Any]], config_text: str
) -> Html:
    """Everything between ``<body>`` and the scripts."""
    parts = [
        cards(data["cards"]),
        notes(meta.notes) if meta.notes else "",
        viewer(data["samples"], scored=bool(data["scores"])) if data["samples"] else "",
        charts(data, meta) if data["scores"] else "",
        history(data["history"]) if data["history"] else "",
        gallery(data["samples"], data["frames"], meta.unit),
        joints(joint_table, data["skeleton"], data["scores"], meta) if data["scores"] else "",
        protocol(meta.metrics) if meta.metrics else "",
        config(config_text) if config_text else "",
    ]
    usual = "millimetres in the camera frame" if meta.unit == "mm" else "pixels of the published image"
    space = data.get("space") or usual
    foot = f"<footer>{data['frames']:,} frames · {space} · Carpus</footer>"
    return f'<div class="wrap">{header(meta)}<main id="main">{"".join(parts)}</main>{foot}</div>'


def header(meta: ReportMeta) -> Html:
    """Title, key, facts and the command."""
    facts = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in meta.facts().items())
    command = (
        f'<div class="command"><code id="command">{escape(meta.command)}</code>'
        '<button id="copy" type="button">Copy</button></div>'
        if meta.command
        else ""
    )
    return (
        f'<header><div class="title"><h1>{escape(meta.title)}</h1><span class="key">{escape(meta.key)}</span>'
        '<button id="theme" class="theme" type="button" aria-label="Switch light and dark">Dark</button>'
        "</div>"
        f'<dl class="facts">{facts}</dl>{command}</header>'
    )


def cards(entries: Sequence[Mapping[str, Any]]) -> Html:
    """Headline numbers: ``{name, value, unit, note, bad, main}``."""
    made = []
    for e in entries:
        note = f"<em{' class=bad' if e.get('bad') else ''}>{escape(e['note'])}</em>" if e.get("note") else ""
        made.append(
            f'<div class="card{" main" if e.get("main") else ""}"><span>{escape(e["name"])}</span>'
            f"<b>{escape(e['value'])}<small> {escape(e.get('unit', ''))}</small></b>{note}</div>"
        )
    return f'<div class="cards">{"".join(made)}</div>'


def notes(sentences: Sequence[str]) -> Html:
    """What a reader must know of the numbers."""
    items = "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in sentences)
    return f'<section id="notes"><h2>How to read the numbers</h2>{items}</section>'


def viewer(samples: Sequence[Mapping[str, Any]], scored: bool) -> Html:
    """The 3D hand with its scrubber and picture; the picture alone where joints have no depth."""
    groups = list(dict.fromkeys(s["group"] for s in samples))
    chosen = "".join(
        f'<button type="button" data-group="{g}" aria-pressed="false">{_GROUPS[g]}</button>' for g in groups
    )
    shown = [("pred", "Prediction", True)]
    shown += [("target", "Ground truth", True)] if samples[0]["target"] else []
    shown += [("cloud", "Points", True)] if any("cloud" in s for s in samples) else []
    shown += [("errors", "Error lines", False)] if samples[0]["target"] else []
    toggles = "".join(
        f'<button type="button" data-show="{name}" aria-pressed="{str(on).lower()}">{label}</button>'
        for name, label, on in shown
    )
    head = "<span>Ground truth</span><span>Prediction</span>" if scored else "<span>Prediction</span>"
    single = " hidden" if len(samples) == 1 else ""
    # Without joints in space the canvas stays, out of sight, as the script draws on it.
    flat = not in_space(samples)
    hidden, columns = (" hidden", ' style="grid-template-columns:minmax(0,1fr)"') if flat else ("", "")
    picture = f'<div class="pairhead">{head}</div><img class="pair" id="pair" alt="">'
    title = f'"Samples{"" if flat else " in 3D"}"'
    return (
        f'<section id="samples" aria-label={title}><h2>Samples</h2>'
        f'<div class="bar"{single}>{chosen}'
        '<button id="previous" type="button" aria-label="Previous sample">←</button>'
        '<button id="next" type="button" aria-label="Next sample">→</button></div>'
        f'<input id="scrub" type="range" min="0" value="0" aria-label="Sample"{single}>'
        f'<div class="viewer"{columns}><div{hidden}><div class="stage">'
        '<canvas id="hand" tabindex="0" role="img" '
        'aria-label="Hand in 3D; arrow keys turn it, plus and minus zoom"></canvas>'
        "<p>drag or arrow keys turn · click, then wheel zooms</p></div>"
        f'<div class="bar">{toggles}<button id="home" type="button">Reset view</button></div></div>'
        f'<div><div class="now" id="now" aria-live="polite"></div>'
        f"{picture if any('pair' in s for s in samples) else ''}"
        f"{'<div class=chart id=sample-joints></div>' if scored else ''}</div></div></section>"
    )


def in_space(samples: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any sample has predicted joints with depth."""
    return any(sample["pred"] for sample in samples)


def _chart(name: str, title: str, sub: str = "", legend: bool = False) -> Html:
    under = f'<p class="sub">{escape(sub)}</p>' if sub else ""
    key = f'<div class="legend" id="{name}-legend"></div>' if legend else ""
    return f'<section><h2>{escape(title)}</h2>{under}{key}<div class="chart" id="{name}"></div></section>'


def charts(data: Mapping[str, Any], meta: ReportMeta) -> Html:
    """Error curve, bars, histogram, accuracy per joint, viewpoint curves."""
    limit, unit = f"{meta.threshold_limit:g}", meta.unit
    rows = [
        _chart("curve", "Success over the error threshold", "share with an error at or below it", legend=True)
        + _chart("joints", "Mean error per joint", "millimetres" if unit == "mm" else "pixels"),
        _chart(
            "histogram",
            "Distribution of joint errors",
            f"the last bar also holds what lies beyond {limit} {unit}",
        )
        + _chart("accuracy", "Accuracy per joint", "each joint in its colour; point at a curve for its name"),
    ]
    views = "".join(
        _chart(f"view-{curve['name']}", f"Error over {curve['name']}", "mean over the joints, bins of 2°")
        for curve in data["viewpoint"]
    )
    return "".join(f'<div class="two">{row}</div>' for row in [*rows, views] if row)


def history(panels: Sequence[Mapping[str, Any]]) -> Html:
    """Training curves as small multiples."""
    colours = {"train": "var(--s1)", "val": "var(--s2)"}
    stages = list(dict.fromkeys(s["name"] for p in panels for s in p["series"]))
    key = "".join(f'<span><i style="background:{colours[s]}"></i>{s}</span>' for s in stages)
    small = "".join(
        f'<div><h3>{escape(p["title"])}</h3><div class="chart" id="history-{k}"></div></div>'
        for k, p in enumerate(panels)
    )
    return (
        f'<section><h2>Training</h2><div class="legend">{key}</div><div class="small">{small}</div></section>'
    )


def gallery(samples: Sequence[Mapping[str, Any]], frames: int, unit: str = "mm") -> Html:
    """Thumbnails of the worst frames; without ground truth, of those that were chosen."""
    worst = [(i, s) for i, s in enumerate(samples) if s["group"] == "worst" and "thumb" in s]
    shown = worst or [(i, s) for i, s in enumerate(samples) if "thumb" in s]
    if len(shown) < 2 and not worst:
        return ""
    tiles = "".join(
        f'<button type="button" data-sample="{i}"><img src="{s["thumb"]}" alt="" loading="lazy"><div>'
        + _frame_error(s, unit)
        + f"<code>{escape(s['key'])}</code></div></button>"
        for i, s in shown
    )
    title = f"The {len(worst)} worst of {frames:,} frames" if worst else "Frames"
    where = " in 3D" if in_space(samples) else ""
    sub = f"Ground truth in white over the prediction; a click opens the frame{where}." if worst else ""
    return f'<section><h2>{title}</h2><p class="sub">{sub}</p><div class="gallery">{tiles}</div></section>'


def _frame_error(sample: Mapping[str, Any], unit: str) -> Html:
    if sample.get("mean") is None:
        return ""
    return f"<b>{sample['mean']:.1f} {unit}</b> mean, {sample['max']:.1f} worst joint"


def joints(
    table: Sequence[Mapping[str, Any]],
    skeleton: Mapping[str, Any],
    scores: Mapping[str, Any],
    meta: ReportMeta,
) -> Html:
    """Numbers of every joint."""
    colour = dict(zip(skeleton["joints"], skeleton["colours"], strict=True))
    rows = "".join(
        f'<tr><td><i style="background:{colour[r["joint"]]}"></i>{escape(r["joint"].replace("_", " "))}</td>'
        + "".join(f"<td>{cell(float(r[name]), 2)}</td>" for name in ("mean", "median", "p95"))
        + "".join(f"<td>{cell(float(v), 1)}</td>" for v in r["within"])
        + "</tr>"
        for r in table
    )
    unit = meta.unit
    heads = ("joint", *(f"{name} {unit}" for name in ("mean", "median", "95 %")))
    heads += tuple(f"≤ {at:g} {unit} %" for at in meta.within)
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    mean = "–" if scores["mean"] is None else f"{scores['mean']:.2f}"
    foot = f'<tr><td>all joints</td><td>{mean}</td><td colspan="5"></td></tr>'
    return (
        '<section><h2>Per joint</h2><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"<tfoot>{foot}</tfoot></table></div></section>"
    )


def protocol(metrics: Mapping[str, float]) -> Html:
    """The protocol's own numbers, under the names runs are ranked by."""
    rows = "".join(f"<tr><td>{escape(k)}</td><td>{cell(float(v), 3)}</td></tr>" for k, v in metrics.items())
    return (
        "<section><details><summary>All metrics of the protocol</summary>"
        f'<div class="scroll"><table><tbody>{rows}</tbody></table></div></details></section>'
    )


def config(text: str) -> Html:
    """The resolved configuration, folded away."""
    return f"<section><details><summary>Configuration</summary><pre>{escape(text)}</pre></details></section>"
