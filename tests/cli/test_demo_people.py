"""``carpus demo`` of whole bodies, hands and faces: files, numbers that re-project, and what can go wrong."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from carpus.bodies.library import body_models
from carpus.engine.config import compose_config, save_config
from carpus.engine.demo_detector import PersonDetector
from carpus.engine.folder import RunFolder
from carpus.geometry import Camera
from carpus.methods.hand4whole.module import packed
from carpus.render.mesh import draw_meshes, read_obj
from demo_runs import POSES, RUNS, SIZES, make_run, posed

WIDTH, HEIGHT = 300, 400
BOX = (60, 20, 180, 360)


@pytest.fixture(scope="module")
def runs(world):
    """Runs of narrow networks with random weights: what they see is wrong, what is written of it is not."""
    return {kind: make_run(world, key, words) for kind, (key, words) in RUNS.items()}


@pytest.fixture(scope="module")
def body(world):
    """The picture of a stand-in body."""
    layer = body_models(world.folder / "nowhere", True).smplx("neutral")
    sizes = {n: torch.zeros(1, s) for n, s in zip(POSES["smplx"], SIZES["smplx"], strict=True)}
    sizes["root_pose"][0, 0] = np.pi  # upright where y points down
    vertices = layer(**packed({**sizes, "shape": torch.zeros(1, 10), "expr": torch.zeros(1, 10)})).vertices_m
    mesh = vertices[0].numpy() + np.array([0, -0.3, 6.0])
    ground = np.full((HEIGHT, WIDTH, 3), (70, 110, 90), np.uint8)
    picture = draw_meshes(ground, [mesh], layer.faces, Camera(1100, 1100, WIDTH / 2, HEIGHT / 2))
    file = world.folder / "body.png"
    Image.fromarray(picture).save(file)
    return file


@pytest.fixture
def demo(here, world, runs, tmp_path):
    """``demo(kind, image, *options) -> (exit code, output, folder)``."""

    def call(kind, image, *options):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        where = ["--logs", str(world.logs), "--out", str(out)]
        return *here("carpus", "demo", RUNS[kind][0], str(image), *where, *options), out

    return call


def told(file):
    return json.loads(file.read_text())


def words(box):
    return ",".join(str(value) for value in box)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("smplx", ()), ("smpl", ()), ("mano", ()), ("mano", ("--hand", "left")), ("flame", ())],
)
def test_the_parameters_project_to_the_same_joints(demo, world, body, kind, options):
    code, output, out = demo(kind, body, "--bbox", words(BOX), *options)
    assert code == 0, output
    files = {file.name for file in (out / "body").iterdir()}
    assert files == {"output.obj", "params.json", "render_cropped_img.jpg", "render_original_img.jpg"}
    content = told(out / "body" / "params.json")
    assert [len(content[name]) for name in POSES[kind]] == SIZES[kind]
    assert content["image_wh"] == [WIDTH, HEIGHT]
    assert content["bbox_xywh_px"] == list(BOX)
    assert content["standin"] is True
    vertices, joints = posed(kind, content, world)
    camera = Camera(*content["focal_px"], *content["princpt_px"])
    np.testing.assert_allclose(camera.project(joints), content["joints_px"], atol=0.5)
    np.testing.assert_allclose(1000 * joints, content["joints_cam_mm"], atol=0.05)
    mesh, faces = read_obj(out / "body" / "output.obj")
    np.testing.assert_allclose(mesh, vertices, atol=1e-4)
    assert faces.max() < len(mesh)
    lines = (out / "body" / "output.obj").read_text().splitlines()
    assert lines[len(mesh)] == "f " + " ".join(f"{i}/{i}" for i in faces[0] + 1)
    page = (out / "people.html").read_text("utf-8")
    assert '"cloud":' in page
    assert "stand-in" in page


def test_renders_show_the_mesh_where_the_joints_are(demo, body):
    code, output, out = demo("smplx", body, "--bbox", words(BOX))
    assert code == 0, output
    content = told(out / "body" / "params.json")
    before = np.asarray(Image.open(body)).astype(int)
    after = np.asarray(Image.open(out / "body" / "render_original_img.jpg")).astype(int)
    assert after.shape == before.shape
    changed = np.abs(after - before).max(-1) > 40
    joints = np.round(np.array(content["joints_px"])[:25]).astype(int)
    joints = joints[((joints >= 0) & (joints < (WIDTH, HEIGHT))).all(1)]
    assert len(joints) > 5
    near = [changed[max(v - 4, 0) : v + 5, max(u - 4, 0) : u + 5].any() for u, v in joints]
    assert np.mean(near) > 0.6
    top = after[BOX[1], BOX[0] + 10 : BOX[0] + 100]
    assert (top[:, 0] > top[:, 1] + 60).mean() > 0.8  # the box
    crop = Image.open(out / "body" / "render_cropped_img.jpg")
    assert crop.size == (192, 256)


def test_a_left_hand_is_a_mirrored_right_one(demo, body, tmp_path):
    mirrored = tmp_path / "mirrored.png"
    Image.fromarray(np.ascontiguousarray(np.asarray(Image.open(body))[:, ::-1])).save(mirrored)
    box = (WIDTH - BOX[0] - BOX[2], *BOX[1:])
    _, _, out = demo("mano", body, "--bbox", words(BOX), "--hand", "right")
    right, mesh = told(out / "body" / "params.json"), read_obj(out / "body" / "output.obj")
    _, _, out = demo("mano", mirrored, "--bbox", words(box), "--hand", "left")
    left = told(out / "mirrored" / "params.json")
    there, back = read_obj(out / "mirrored" / "output.obj"), np.array([-1, 1, 1])
    # Both crops begin at the same pixel only up to one: published boxes lose their last one.
    np.testing.assert_allclose(there[0] * back, mesh[0], atol=0.05)
    np.testing.assert_array_equal(there[1], mesh[1][:, ::-1])
    axes = np.array(left["hand_pose"]).reshape(-1, 3) * (1, -1, -1)
    np.testing.assert_allclose(axes.reshape(-1), right["hand_pose"], atol=0.1)
    assert (right["hand"], left["hand"]) == ("right", "left")


def test_several_boxes_a_folder_and_no_box(demo, body, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(body, folder / "a.png")
    shutil.copy(body, folder / "b.png")
    (folder / "c.jpg").write_bytes(b"no picture")
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"a.png": [list(BOX), [-30, 10, 200, 70]]}))
    code, output, out = demo("smpl", folder, "--bbox-file", str(file))
    assert code == 1
    assert "1 of 3 photographs cannot be used" in output
    assert "c.jpg" in output
    assert {f.name for f in (out / "a").glob("params*")} == {"params.json", "params_2.json"}
    assert told(out / "b" / "params.json")["bbox_source"] == "whole image"
    (folder / "c.jpg").unlink()
    code, output, _ = demo("smpl", folder, "--bbox-file", str(file))
    assert code == 0, output
    assert "a.png box 2: the box lies partly outside the picture" in output
    assert "a.png box 2: the box covers 18 % of the picture's height" in output
    assert "b.png: no box, the whole image is taken for it" in output
    assert "stand-in" in output


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("smplx", ["--bbox", "900,10,50,50"], "body.png: box 900,10,50,50 lies outside"),
        ("smplx", ["--hand", "left"], "hand4whole does not look at single hands"),
        ("mano", ["--hand", "both"], "give right or left"),
        ("mano", ["--detector", "w.pth"], "looks at a hand: give --bbox"),
        ("smplx", ["--detector", "gone.pth"], "--detector gone.pth: no such file"),
        ("smplx", ["--detector", "w.pth", "--bbox", "1,2,3,4"], "--bbox and --detector"),
        ("smplx", ["--all-persons"], "nothing without --detector"),
        ("smplx", ["--camera", "1,2,3,4"], "--camera: for other runs"),
        ("smplx", ["--wrist-depth", "900,900"], "--wrist-depth: for runs that read a pair of hands"),
    ],
)
def test_a_wrong_option_is_answered_in_one_line(demo, body, kind, options, message):
    code, output, out = demo(kind, body, *options)
    assert code == 1
    line = output.strip().splitlines()[-1]
    assert message in line
    assert not out.exists()


class Found(nn.Module):
    """A detector's answer: two people, a dog, and somebody it is not sure of."""

    def forward(self, pictures):
        self.seen = pictures[0]
        boxes = torch.tensor([[5.0, 6, 60, 300], [60, 20, 240, 380], [0, 0, 9, 9], [1, 1, 50, 50]])
        scores, labels = torch.tensor([0.7, 0.9, 0.99, 0.49]), torch.tensor([1, 1, 18, 1])
        return [{"boxes": boxes, "labels": labels, "scores": scores}]


def test_the_detector_finds_people(demo, body, monkeypatch):
    net = Found()
    monkeypatch.setattr(PersonDetector, "of_weights", classmethod(lambda cls, *_: cls(net)))
    code, output, out = demo("smpl", body, "--detector", "torchvision")
    assert code == 0, output
    content = told(out / "body" / "params.json")
    assert content["bbox_xywh_px"] == [60, 20, 180, 360]
    assert content["bbox_score"] == pytest.approx(0.9)
    np.testing.assert_allclose(net.seen[:, 0, 0].numpy() * 255, np.asarray(Image.open(body))[0, 0], atol=0.01)
    assert not (out / "body" / "params_2.json").exists()
    code, output, out = demo("smpl", body, "--detector", "torchvision", "--all-persons")
    assert told(out / "body" / "params_2.json")["bbox_xywh_px"] == [5, 6, 55, 294]
    assert len(list((out / "body").glob("params*"))) == 2


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """A cache of torchvision with the detector's weights."""
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(PersonDetector, "of_weights", classmethod(lambda cls, *_: cls(Found())))


@pytest.mark.parametrize(
    ("kind", "options", "box"),
    [
        ("smplx", [], [60, 20, 180, 360]),
        ("smplx", ["--detector", "none"], [0, 0, WIDTH, HEIGHT]),
        ("smplx", ["--bbox", "50,10,200,380"], [50, 10, 200, 380]),
        ("mano", [], [0, 0, WIDTH, HEIGHT]),
    ],
)
def test_bodies_are_looked_for_unasked_where_the_weights_are_at_hand(demo, body, cached, kind, options, box):
    code, output, out = demo(kind, body, *options)
    assert code == 0, output
    assert told(out / "body" / "params.json")["bbox_xywh_px"] == box
    assert ("boxes are those of torchvision's detector" in output) == (box[0] == 60)


def test_weights_that_are_not_there_are_not_fetched_unasked(demo, body):
    code, output, out = demo("smplx", body)
    assert code == 0, output
    assert told(out / "body" / "params.json")["bbox_xywh_px"] == [0, 0, WIDTH, HEIGHT]
    assert "no box, the whole image is taken for it: give --bbox x,y,w,h, or --detector" in output


def test_a_run_of_another_kind_refuses_people(here, world, body):
    run = RunFolder(world.logs / "e0e0e0009").create()
    save_config(compose_config(["experiment=quickstart"]), run.config_file)
    code, output = here("carpus", "demo", run.key, str(body), "--detector", "w", "--logs", str(world.logs))
    shutil.rmtree(run.path)
    assert code == 1
    assert "--detector: for photographs, but this run reads depth" in output
