"""Meshes over pictures: what hides what, where edges lie, what stays untouched; mesh files."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.geometry.camera import Camera
from carpus.render.mesh import draw_box, draw_meshes, read_obj, write_obj

CAMERA = Camera(100.0, 100.0, 19.5, 14.5)
SQUARE = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])
RED, BLUE = (255, 0, 0), (0, 0, 255)


def grey(width=40, height=30):
    return np.full((height, width, 3), 77, np.uint8)


def square(size, x, y, depth):
    return SQUARE * [size, size, 1] + [x, y, depth]


def test_the_nearer_mesh_hides_the_farther_in_any_order():
    near, far = square(0.05, 0.0, 0.0, 1.0), square(0.1, 0.05, 0.0, 1.5)
    one = draw_meshes(grey(), [near, far], FACES, CAMERA, colours=(RED, BLUE))
    two = draw_meshes(grey(), [far, near], FACES, CAMERA, colours=(BLUE, RED))
    np.testing.assert_array_equal(one, two)
    assert one[15, 20, 0] > 0
    assert one[15, 20, 2] == 0
    assert one[15, 27, 2] > 0
    assert one[15, 27, 0] == 0


def test_pixels_covered_are_those_of_the_projection():
    picture = draw_meshes(grey(), [square(0.05, 0.0, 0.0, 1.0)], FACES, CAMERA)
    changed = (picture != 77).any(-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 19, 15, 24)
    assert changed.sum() == 100


def test_a_tilted_surface_is_darker_than_one_that_faces_the_lamp():
    def shade(turn):
        c, s = np.cos(turn), np.sin(turn)
        mesh = SQUARE * 0.05 @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]).T + [0, 0, 1.0]
        return draw_meshes(grey(), [mesh], FACES, CAMERA, colours=((200, 100, 50),))[14, 20].astype(float)

    towards, away = shade(0.5), shade(-0.9)
    assert towards[0] > away[0] + 30
    np.testing.assert_allclose(towards / towards[0], [1, 0.5, 0.25], atol=0.02)
    np.testing.assert_allclose(shade(0.4), shade(0.4 + np.pi), atol=1)


@pytest.mark.parametrize(
    "mesh",
    [square(0.05, 5.0, 0.0, 1.0), square(0.05, 0.0, 0.0, -1.0), np.full((4, 3), np.nan)],
    ids=["outside", "behind", "not finite"],
)
def test_what_cannot_be_seen_changes_nothing(mesh):
    image = grey()
    np.testing.assert_array_equal(draw_meshes(image, [mesh], FACES, CAMERA), image)
    np.testing.assert_array_equal(draw_meshes(image, [], FACES, CAMERA), image)


def test_a_mesh_half_outside_is_cut_at_the_border():
    whole = Camera(100.0, 100.0, 59.5, 54.5)
    mesh = square(0.2, -0.15, 0.1, 1.0)
    large = draw_meshes(grey(120, 110), [mesh], FACES, whole)
    small = draw_meshes(grey(), [mesh], FACES, CAMERA)
    np.testing.assert_array_equal(small, large[40:70, 40:80])


def test_opacity_mixes_and_the_image_given_stays():
    image, mesh = grey(), square(0.05, 0.0, 0.0, 1.0)
    solid = draw_meshes(image, [mesh], FACES, CAMERA).astype(float)
    half = draw_meshes(image, [mesh], FACES, CAMERA, opacity=0.5).astype(float)
    np.testing.assert_allclose(half, (solid + 77) / 2, atol=1)
    np.testing.assert_array_equal(draw_meshes(image, [mesh], FACES, CAMERA, opacity=0.0), image)
    assert (image == 77).all()


def test_more_rays_smooth_outlines_and_keep_their_place():
    mesh = square(0.0523, 0.0031, -0.0017, 1.0)
    solid = draw_meshes(np.zeros((30, 40, 3), np.uint8), [mesh], FACES, CAMERA)
    smooth = draw_meshes(np.zeros((30, 40, 3), np.uint8), [mesh], FACES, CAMERA, samples=8)
    full = smooth.max()
    assert len(np.unique(smooth[..., 0])) > 4
    area = smooth[..., 0].sum() / full
    assert area == pytest.approx((2 * 5.23) ** 2, rel=0.02)
    columns = np.arange(40) @ smooth[..., 0].sum(0) / smooth[..., 0].sum()
    assert columns == pytest.approx(CAMERA.cx + 0.31, abs=0.03)
    assert len(np.unique(solid[..., 0])) == 2


def test_wrong_arguments_are_named():
    mesh = square(0.05, 0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"\(30, 40, 3\) float64, \(H, W, 3\) of uint8"):
        draw_meshes(grey() / 255, [mesh], FACES, CAMERA)
    with pytest.raises(ValueError, match=r"\(4, 2\)"):
        draw_meshes(grey(), [mesh[:, :2]], FACES, CAMERA)
    with pytest.raises(ValueError, match="opacity 2"):
        draw_meshes(grey(), [mesh], FACES, CAMERA, opacity=2)


def test_a_box_is_drawn_where_it_is_also_beyond_the_border():
    drawn = (draw_box(grey(), np.array([5.0, 6.0, 10.0, 8.0])) != 77).any(-1)
    assert drawn[6, 5:16].all()
    assert drawn[14, 5:16].all()
    assert drawn[6:15, 5].all()
    assert drawn[6:15, 15].all()
    assert drawn.sum() == 11 * 2 + 7 * 2
    assert (draw_box(grey(), np.array([-5.0, -5.0, 60.0, 60.0])) == 77).all()


def test_mesh_files_have_the_published_form(tmp_path):
    vertices = np.random.default_rng(0).normal(0, 1, (50, 3))
    faces = np.random.default_rng(1).integers(0, 50, (80, 3))
    path = write_obj(tmp_path / "output.obj", vertices, faces)
    lines = path.read_text().splitlines()
    assert len(lines) == 130
    assert lines[0].split()[0] == "v"
    a, b, c = faces[0] + 1
    assert lines[50] == f"f {a}/{a} {b}/{b} {c}/{c}"
    again, triangles = read_obj(path)
    np.testing.assert_allclose(again, vertices, rtol=1e-6)
    np.testing.assert_array_equal(triangles, faces)
    with pytest.raises(ValueError, match=r"of 40"):
        write_obj(path, vertices[:40], faces)
