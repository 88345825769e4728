"""The z-buffer against analytic surfaces and a plain NumPy one."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.geometry.camera import Camera
from carpus.render import rasterize

CAMERA = Camera(120.0, 110.0, 31.5, 24.25)
SIZE = (64, 48)


def brute_force(vertices, faces, camera, size, pixel_center=0.0, near=1e-6, far=np.inf):
    """Every pixel against every face, in face order; only a nearer face replaces an earlier one."""
    width, height = size
    u, v = np.meshgrid(np.arange(width) + pixel_center, np.arange(height) + pixel_center)
    face, depth = np.full((height, width), -1), np.zeros((height, width))
    for index, corners in enumerate(vertices[faces]):
        if (corners[:, 2] <= 0).any():
            continue
        a, b, c = camera.project(corners)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0:
            continue
        w0 = ((b[0] - u) * (c[1] - v) - (b[1] - v) * (c[0] - u)) / area
        w1 = ((c[0] - u) * (a[1] - v) - (c[1] - v) * (a[0] - u)) / area
        w2 = 1 - w0 - w1
        z = 1 / np.maximum(w0 / corners[0, 2] + w1 / corners[1, 2] + w2 / corners[2, 2], 1e-12)
        hit = (w0 >= -1e-9) & (w1 >= -1e-9) & (w2 >= -1e-9) & (z > near) & (z < far)
        hit &= (face < 0) | (z < depth * (1 - 1e-9))
        face[hit], depth[hit] = index, z[hit]
    return face, depth


def random_mesh(seed, faces=25):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform((-150, -120, 150), (150, 120, 600), (30, 3))
    return vertices, rng.integers(0, 30, (faces, 3))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pixel_center", [0.0, 0.5])
def test_random_meshes_equal_a_brute_force_z_buffer(seed, pixel_center):
    vertices, faces = random_mesh(seed)
    seen = rasterize(vertices, faces, CAMERA, SIZE, pixel_center=pixel_center, near=200, far=550)
    face, depth = brute_force(vertices, faces, CAMERA, SIZE, pixel_center, 200, 550)
    assert (face >= 0).mean() > 0.2
    np.testing.assert_array_equal(seen.face, face)
    np.testing.assert_allclose(seen.depth, depth, rtol=1e-6)


def test_barycentrics_give_back_the_seen_point():
    vertices, faces = random_mesh(3)
    seen = rasterize(vertices, faces, CAMERA, SIZE, barycentric=True)
    rows, cols = np.nonzero(seen.seen)
    points = np.einsum("nk,nkc->nc", seen.barycentric[rows, cols], vertices[faces[seen.face[rows, cols]]])
    rays = CAMERA.unproject(np.stack([cols, rows], 1).astype(float), seen.depth[rows, cols].astype(float))
    np.testing.assert_allclose(points, rays, rtol=1e-4, atol=1e-2)
    assert (seen.barycentric[~seen.seen] == 0).all()


def test_tilted_plane_has_its_analytic_depth_in_every_pixel():
    normal, offset = np.array([0.2, -0.3, 1.0]), 500.0
    corners = np.array([[-400.0, -400.0], [400.0, -400.0], [400.0, 400.0], [-400.0, 400.0]])
    vertices = np.column_stack([corners, offset - corners @ normal[:2]])
    seen = rasterize(vertices, np.array([[0, 1, 2], [2, 3, 0]]), CAMERA, SIZE)
    u, v = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    expected = offset / (
        normal[0] * (u - CAMERA.cx) / CAMERA.fx + normal[1] * (v - CAMERA.cy) / CAMERA.fy + 1
    )
    assert seen.seen.all()
    np.testing.assert_allclose(seen.depth, expected, rtol=1e-6)


def sphere(center, radius, rings=80, sides=160):
    theta, phi = np.meshgrid(np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, sides), indexing="ij")
    unit = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], -1)
    index = np.arange(rings * sides).reshape(rings, sides)
    a, b, c, d = (x.reshape(-1) for x in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return unit.reshape(-1, 3) * radius + center, faces


def test_fine_sphere_has_its_analytic_depth():
    center, radius = np.array([20.0, -10.0, 400.0]), 60.0
    seen = rasterize(*sphere(center, radius), CAMERA, SIZE)
    u, v = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    ray = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, np.ones(u.shape)], -1)
    aa, bb, cc = (ray**2).sum(-1), ray @ center, center @ center - radius**2
    inside = bb**2 - aa * cc
    expected = (bb - np.sqrt(np.maximum(inside, 0))) / aa
    # The rim of a polyhedron lies a little inside the sphere's: compare well within.
    core = inside > 0.05 * inside.max()
    assert (inside <= 0)[seen.seen].sum() == 0
    np.testing.assert_allclose(seen.depth[core], expected[core], atol=0.35)


def test_lower_face_wins_at_equal_depth_and_both_orientations_are_drawn():
    triangle = np.array([[-50.0, -50.0, 300.0], [60.0, -40.0, 310.0], [0.0, 60.0, 290.0]])
    there, back = np.array([[0, 1, 2]]), np.array([[2, 1, 0]])
    single = rasterize(triangle, there, CAMERA, SIZE)
    flipped = rasterize(triangle, back, CAMERA, SIZE)
    np.testing.assert_array_equal(single.face, flipped.face)
    both = rasterize(triangle, np.concatenate([back, there]), CAMERA, SIZE)
    assert set(np.unique(both.face)) == {-1, 0}


def test_shared_edges_leave_no_hole():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.linspace(-300, 300, 40), np.linspace(-300, 300, 40)), -1).reshape(-1, 2)
    vertices = np.column_stack([grid + rng.uniform(-4, 4, grid.shape), 400 + rng.uniform(-5, 5, len(grid))])
    a = (np.arange(39)[:, None] * 40 + np.arange(39)).reshape(-1)
    faces = np.concatenate([np.stack([a, a + 1, a + 40], 1), np.stack([a + 1, a + 41, a + 40], 1)])
    assert rasterize(vertices, faces, CAMERA, SIZE).seen.all()


def test_faces_reaching_behind_the_camera_are_left_out():
    vertices = np.array([[-50.0, -50.0, 300.0], [60.0, -40.0, -10.0], [0.0, 60.0, 290.0]])
    assert not rasterize(vertices, np.array([[0, 1, 2]]), CAMERA, SIZE).seen.any()


@pytest.mark.parametrize(
    ("vertices", "faces", "options", "message"),
    [
        (np.zeros((3, 2)), np.array([[0, 1, 2]]), {}, r"\(V, 3\), got \(3, 2\)"),
        (np.zeros((3, 3)), np.array([[0, 1]]), {}, r"\(F, 3\), got \(1, 2\)"),
        (np.zeros((3, 3)), np.array([[0, 1, 3]]), {}, r"vertices 0\.\.3, there are 3"),
        (np.zeros((3, 3)), np.array([[0, 1, 2]]), {"near": 9.0, "far": 3.0}, "near 9.0 and far 3.0"),
    ],
)
def test_wrong_arguments_are_named(vertices, faces, options, message):
    with pytest.raises(ValueError, match=message):
        rasterize(vertices, faces, CAMERA, SIZE, **options)


def test_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="0x48"):
        rasterize(np.zeros((3, 3)), np.array([[0, 1, 2]]), CAMERA, (0, 48))
