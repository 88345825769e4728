"""The page tells what the arrays hold, and loads nothing from anywhere."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from carpus.metrics.collector import Collected
from carpus.reports.build import build_comparison, build_report
from carpus.reports.numbers import FrameErrors, success
from carpus.skeletons import ITOP, MSRA

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tags(HTMLParser):
    """Every tag with its attributes, and the content of styles and of the data element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = dict(attrs).get("id") or tag

    def handle_data(self, data):
        self.texts[self._open] = self.texts.get(self._open, "") + data


@pytest.fixture(scope="module")
def angles():
    rng = np.random.default_rng(1)
    return {"yaw": rng.uniform(-40, 40, 60), "pitch": rng.uniform(-10, 90, 60)}


@pytest.fixture(scope="module")
def page(tmp_path_factory, collected, depth_of, meta, history, angles):
    config = "method:\n  name: v2v # <b>&\n"
    options = {"k_worst": 4, "k_best": 2, "k_random": 3}
    folder = tmp_path_factory.mktemp("run")
    path = build_report(folder, collected, MSRA, meta, depth_of, history, angles, config, **options)
    assert path == folder / "report_test.html"
    return path


def data_of(path) -> dict:
    return json.loads(Tags(path.read_text("utf-8")).texts["data"])


def test_page_loads_nothing_from_outside(page):
    parsed = Tags(page.read_text("utf-8"))
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "srcset", "action", "poster"):
            value = attributes.get(name) or ""
            assert not re.match(r"(?i)\s*(https?:)?//", value), f"<{tag} {name}={value[:80]}>"
            assert tag == "a" or not value or value.startswith("data:")
    assert not re.search(r"url\(|@import", parsed.texts["style"])
    assert not re.search(r"\b(fetch|import)\s*\(|XMLHttpRequest|WebSocket", parsed.texts["script"])
    assert page.stat().st_size < 6e6


def test_page_names_run_and_worst_frames(page, collected, meta):
    text = page.read_text("utf-8")
    for fact in (meta.key, meta.command, meta.commit, meta.checkpoint, "com", "single model"):
        assert fact in text
    gallery = text[text.index('class="gallery"') : text.index("<h2>Per joint")]
    errors = FrameErrors(collected.errors_mm())
    order = np.argsort(errors.mean)[::-1][:4]
    assert re.findall(r"<code>(.*?)</code>", gallery) == [str(collected.keys[i]) for i in order]
    assert re.findall(r"<b>([\d.]+) mm</b>", gallery) == [f"{errors.mean[i]:.1f}" for i in order]
    assert "method:\n  name: v2v # &lt;b&gt;&amp;" in text


def test_headline_numbers_are_those_of_the_arrays(page, collected, meta):
    cards = {card["name"]: card["value"] for card in data_of(page)["cards"]}
    errors = collected.errors_mm()
    assert float(cards["mean error"]) == pytest.approx(np.nanmean(errors), abs=0.006)
    assert float(cards["median error"]) == pytest.approx(np.nanmedian(errors), abs=0.006)
    assert float(cards["mean-pose baseline"]) == meta.baseline_mm
    whole = 100 * (np.nanmax(errors, axis=1) <= 20).mean()
    assert float(cards["frames wholly ≤ 20 mm"]) == pytest.approx(whole, abs=0.06)


def test_scrubber_holds_the_arrays_of_its_samples(page, collected):
    data = data_of(page)
    assert [s["group"] for s in data["samples"]] == ["worst"] * 4 + ["best"] * 2 + ["random"] * 3
    for sample in data["samples"]:
        i = list(collected.keys).index(sample["key"])
        assert sample["index"] == i
        np.testing.assert_allclose(sample["pred"], collected.joints_cam_mm[i], atol=0.006)
        np.testing.assert_allclose(sample["target"], collected.target_cam_mm[i], atol=0.006)
        np.testing.assert_array_equal(sample["valid"], collected.joint_valid[i])
        assert sample["max"] == pytest.approx(np.nanmax(collected.errors_mm()[i]), abs=1e-3)


def test_cloud_of_a_sample_is_the_depth_image_in_space(page, collected, depth_of):
    sample = data_of(page)["samples"][0]
    steps = np.frombuffer(base64.b64decode(sample["cloud"]["data"]), "<i2").reshape(-1, 3)
    points = steps * sample["cloud"]["step"] + np.array(sample["center"])
    fx, fy, cx, cy = collected.camera[sample["index"]]
    u, v = points[:, 0] / points[:, 2] * fx + cx, points[:, 1] / points[:, 2] * fy + cy
    depth = depth_of(sample["index"])[np.round(v).astype(int), np.round(u).astype(int)]
    assert len(points) > 500
    np.testing.assert_allclose(points[:, 2], depth, atol=0.01)
    assert np.abs(points - collected.center_mm[sample["index"]]).max() <= 100.01


def test_curves_of_the_page_equal_direct_computation(page, collected, angles):
    data, errors = data_of(page), FrameErrors(collected.errors_mm())
    at = np.array(data["scores"]["thresholds"])
    np.testing.assert_allclose(data["scores"]["curves"]["max_frame"], success(errors.max, at), atol=0.006)
    np.testing.assert_allclose(data["scores"]["per_joint"], errors.per_joint, atol=1e-3)
    assert sum(data["scores"]["histogram"]["share"]) == pytest.approx(100, abs=0.05)
    yaw = next(c for c in data["viewpoint"] if c["name"] == "yaw")
    inside = 2 * np.round(angles["yaw"] / 2) == yaw["x"][20]
    assert yaw["count"][20] == inside.sum()


def test_training_curves_come_from_the_log(page, history):
    panels = {panel["title"]: panel["series"] for panel in data_of(page)["history"]}
    assert list(panels) == ["loss", "mean mm"]
    train = next(s for s in panels["loss"] if s["name"] == "train")
    assert train["y"] == [row["train/loss"] for row in history if row.get("train/loss") not in (None, "")]
    assert [s["name"] for s in panels["loss"]] == ["train", "val"]


def test_files_beside_the_page_are_complete(page):
    analysis = {p.name for p in (page.parent / "analysis" / "test").iterdir()}
    assert analysis == {
        *("error_curve.png", "error_histogram.png", "joint_accuracy.png", "joint_errors.png"),
        *("training.png", "viewpoint.png"),
    }
    vis = sorted(p.name for p in (page.parent / "vis" / "test").iterdir())
    assert [n for n in vis if n.startswith("worst")] == [f"worst_0{k}.png" for k in (1, 2, 3, 4)]
    assert all(p.read_bytes()[:4] == b"\x89PNG" for p in page.parent.rglob("*.png"))
    assert not list(page.parent.rglob("*.part"))


def test_second_report_leaves_no_pictures_of_the_first(tmp_path, collected, depth_of, meta):
    build_report(tmp_path, collected, MSRA, meta, depth_of, k_worst=2, k_best=1, k_random=1)
    (tmp_path / "vis" / "test" / "mine_01.png").write_bytes(b"kept")
    build_report(tmp_path, collected, MSRA, meta, depth_of, k_worst=1, k_best=0, k_random=0)
    names = sorted(p.name for p in (tmp_path / "vis" / "test").iterdir())
    assert names == ["mine_01.png", "views_worst_01.png", "worst_01.png"]


def test_hostile_strings_stay_text(tmp_path, collected, meta):
    keys = collected.keys.astype("<U60").copy()
    keys[:] = [f"</script><img src=x>{i}" for i in range(len(keys))]
    made = replace(collected, keys=keys)
    path = build_report(
        tmp_path, made, MSRA, replace(meta, command="a<b && c"), history=[{"train/<i>": 1.0, "step": 1}]
    )
    parsed = Tags(path.read_text("utf-8"))
    assert [tag for tag, _ in parsed.tags].count("script") == 2
    assert not [a for tag, a in parsed.tags if tag == "img" and a.get("src") == "x"]
    assert data_of(path)["samples"][0]["key"].startswith("</script>")


def test_without_ground_truth_there_are_pictures_only(tmp_path, collected, depth_of, meta):
    blind = replace(collected, target_cam_mm=None, joint_valid=None)
    path = build_report(tmp_path, blind, MSRA, meta, depth_of, k_random=3)
    data = data_of(path)
    assert data["scores"] is None
    assert [s["group"] for s in data["samples"]] == ["random"] * 3
    assert data["samples"][0]["target"] is None
    assert len(list((tmp_path / "vis" / "test").glob("random_*.png"))) == 3
    assert not list((tmp_path / "analysis" / "test").glob("*"))
    assert "NaN" not in Tags(path.read_text("utf-8")).texts["data"]


def test_frames_without_any_valid_joint_are_counted_not_scored(tmp_path, collected, meta):
    valid = collected.joint_valid.copy()
    valid[[3, 9]] = False
    path = build_report(tmp_path, replace(collected, joint_valid=valid), MSRA, meta, k_worst=60)
    data = data_of(path)
    assert next(c for c in data["cards"] if c["name"] == "frames")["note"] == "2 without ground truth"
    assert {3, 9}.isdisjoint(s["index"] for s in data["samples"] if s["group"] == "worst")


def test_bodies_get_distances_of_their_size(tmp_path, meta):
    rng = np.random.default_rng(0)
    target = rng.normal(0, 300, (8, 15, 3)) + np.array([0.0, 0.0, 2500.0])
    pred = target + np.array([60.0, 80.0, 0.0])  # 100 mm
    body = Collected(
        keys=np.array([f"side/{i}" for i in range(8)]),
        joints_cam_mm=pred,
        target_cam_mm=target,
        joint_valid=np.ones((8, 15), bool),
        center_mm=target.mean(axis=1),
        camera=np.tile([285.7, 285.7, 160.0, 120.0], (8, 1)),
    )
    data = data_of(build_report(tmp_path, body, ITOP, replace(meta, dataset="itop", cube_mm=2000.0)))
    cards = {card["name"]: card["value"] for card in data["cards"]}
    assert (cards["mean error"], cards["frames wholly ≤ 200 mm"]) == ("100.00", "100.0")
    assert data["scores"]["thresholds"][-1] == 250
    assert "≤ 50 mm %" in (tmp_path / "report_test.html").read_text("utf-8")


def test_wrong_angles_and_empty_predictions_are_refused(tmp_path, collected, meta):
    with pytest.raises(ValueError, match="59 values of yaw for 60 frames"):
        build_report(tmp_path, collected, MSRA, meta, angles={"yaw": np.zeros(59)})
    with pytest.raises(ValueError, match="'roll' is unknown; allowed: yaw, pitch"):
        build_report(tmp_path, collected, MSRA, meta, angles={"roll": np.zeros(60)})
    empty = replace(collected, keys=collected.keys[:0])
    with pytest.raises(ValueError, match="no frame"):
        build_report(tmp_path, empty, MSRA, meta)
    assert not list(tmp_path.rglob("*.html"))


def test_comparison_writes_both_pictures(tmp_path, collected):
    paths = build_comparison(tmp_path, {"a": collected, "b": collected}, MSRA)
    assert [p.name for p in paths] == ["comparison.png", "joints.png"]
    assert all(p.stat().st_size > 5000 for p in paths)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_page_draws_itself_in_a_browser(page, tmp_path):
    """Charts appear, the canvas has skeleton colours, a click on the gallery selects that frame."""
    at_once = "<head><script>window.requestAnimationFrame = (paint) => { paint(0); return 0; };</script>"
    probe = """<script>{
      const c = document.getElementById("hand"), g = c.getContext("2d");
      const p = g.getImageData(0, 0, c.width, c.height).data;
      let red = 0;
      for (let i = 0; i < p.length; i += 4) red += p[i] === 255 && p[i + 1] === 0 && p[i + 2] === 0;
      document.querySelectorAll("[data-sample]")[2].click();
      document.title = JSON.stringify({ red, now: document.querySelector("#now code").textContent,
        charts: [...document.querySelectorAll(".chart")].filter((e) => e.querySelector("svg")).length,
        all: document.querySelectorAll(".chart").length, wide: document.documentElement.scrollWidth });
    }</script></body>"""
    copy = tmp_path / "probe.html"
    text = page.read_text("utf-8").replace("<head>", at_once, 1).replace("</body>", probe)
    copy.write_text(text, "utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    )
    flags += " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=3000"
    command = [CHROMIUM, *flags.split(), "--window-size=900,1200", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", copy.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert "CONSOLE" not in done.stderr
    seen = json.loads(re.search(r"<title>(.*?)</title>", done.stdout).group(1))
    assert seen["red"] > 20
    assert seen["now"] == data_of(page)["samples"][2]["key"]
    assert seen["charts"] == seen["all"] >= 8
    assert seen["wide"] <= 900  # nothing sticks out at the side
