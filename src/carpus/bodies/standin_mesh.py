"""Build closed surfaces from rings of points: what the stand-in models are made of."""

from __future__ import annotations

import heapq
from itertools import pairwise

import numpy as np


class MeshBuilder:
    """Vertices and faces so far; rings run right-handed about the direction in which their tube grows."""

    def __init__(self) -> None:
        self.vertices: list[np.ndarray] = []
        self.part: list[int] = []
        self.faces: list[tuple[int, int, int]] = []

    def add(self, points: np.ndarray, part: int = -1) -> np.ndarray:
        """Indices ``(n,)`` of new vertices.

        Args:
            points: ``(n, 3)``.
            part: a number that stays with them.
        """
        first = len(self.vertices)
        self.vertices.extend(points)
        self.part.extend([part] * len(points))
        return np.arange(first, first + len(points))

    def join(self, ring: np.ndarray, following: np.ndarray, leave_out: tuple[int, ...] = ()) -> None:
        """Two triangles between neighbouring points of two rings of one length, but for some."""
        for k in range(len(ring)):
            if k not in leave_out:
                after = (k + 1) % len(ring)
                self.faces.append((ring[k], ring[after], following[k]))
                self.faces.append((ring[after], following[after], following[k]))

    def close(self, ring: np.ndarray, apex: int) -> None:
        """A fan from a ring to a point ahead of it."""
        self.faces.extend((a, b, apex) for a, b in zip(ring, np.roll(ring, -1), strict=True))

    def merge(self, ring: np.ndarray, following: np.ndarray) -> None:
        """Triangles between rings of different length, in the order of angle about x."""
        a, b = self._by_angle(ring), self._by_angle(following)
        i = j = 0
        while i < len(ring) or j < len(following):
            near, far = a[0][i % len(ring)], b[0][j % len(following)]
            if j == len(following) or (i < len(ring) and a[1][i + 1] <= b[1][j + 1]):
                self.faces.append((near, a[0][(i + 1) % len(ring)], far))
                i += 1
            else:
                self.faces.append((near, b[0][(j + 1) % len(following)], far))
                j += 1

    def _by_angle(self, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A ring rotated to begin at its smallest angle; its angles, the first one again at the end."""
        angle = np.array([np.arctan2(self.vertices[v][2], self.vertices[v][1]) for v in ring])
        start = int(angle.argmin())
        turned = np.roll(angle, -start)
        return np.roll(ring, -start), np.append(turned, turned[0] + 2 * np.pi)

    def tube(self, rings: np.ndarray, ends: np.ndarray, part: int) -> None:
        """A closed tube.

        Args:
            rings: ``(R, S, 3)`` from one end to the other.
            ends: ``(2, 3)`` points before the first and after the last ring.
            part: a number that stays with its vertices.
        """
        start = self.add(ends[:1], part)[0]
        indices = [self.add(ring, part) for ring in rings]
        self.close(indices[0][::-1], start)
        for ring, following in pairwise(indices):
            self.join(ring, following)
        self.close(indices[-1], self.add(ends[1:], part)[0])

    def mirror(self, first_vertex: int, first_face: int, part: dict[int, int]) -> None:
        """Repeat everything from a vertex and a face on with x negated.

        Args:
            first_vertex, first_face: where the repeated part begins.
            part: the number of each repeated part's mirror image.
        """
        added = len(self.vertices) - first_vertex
        for vertex in range(first_vertex, first_vertex + added):
            self.add(self.vertices[vertex][None] * (-1.0, 1.0, 1.0), part[self.part[vertex]])
        for a, b, c in self.faces[first_face:]:
            self.faces.append((b + added, a + added, c + added))

    def split(self, index: int) -> None:
        """Put a vertex into a face."""
        a, b, c = self.faces[index]
        centre = self.add(np.mean([self.vertices[v] for v in (a, b, c)], axis=0)[None], self.part[a])[0]
        self.faces[index] = (a, b, centre)
        self.faces += [(b, c, centre), (c, a, centre)]

    def top_up(self, count: int, first_face: int = 0) -> None:
        """Split the largest faces from a face on until there are so many vertices.

        Raises:
            ValueError: if there are more already.
        """
        if len(self.vertices) > count:
            raise ValueError(f"top_up: {len(self.vertices)} vertices, {count} wanted")
        queue = [(-self._area(index), index) for index in range(first_face, len(self.faces))]
        heapq.heapify(queue)
        while len(self.vertices) < count:
            _, index = heapq.heappop(queue)
            self.split(index)
            for changed in (index, len(self.faces) - 2, len(self.faces) - 1):
                heapq.heappush(queue, (-self._area(changed), changed))

    def split_seam(self, count: int, seam: np.ndarray) -> None:
        """Put vertices into the longest edges of a line until there are so many; both its sides stay alike.

        Args:
            count: of all vertices.
            seam: vertices along the line, in order.
        Raises:
            ValueError: if there are more already, or the line has too few edges.
        """
        edges = [(int(a), int(b)) for a, b in pairwise(seam)]
        edges.sort(key=lambda e: -round(float(np.linalg.norm(self.vertices[e[0]] - self.vertices[e[1]])), 9))
        if not 0 <= count - len(self.vertices) <= len(edges):
            raise ValueError(f"split_seam: {len(self.vertices)} vertices, {count} wanted, {len(edges)} edges")
        for a, b in edges[: count - len(self.vertices)]:
            middle = (self.vertices[a] + self.vertices[b]) / 2
            self._split_edge(a, b, int(self.add(middle[None], self.part[a])[0]))

    def _split_edge(self, a: int, b: int, middle: int) -> None:
        """Cut both faces at an edge in two."""
        for index in [k for k, face in enumerate(self.faces) if a in face and b in face]:
            face = self.faces[index]
            corner = next(v for v in face if v not in (a, b))
            start = face.index(corner)
            one, two = face[(start + 1) % 3], face[(start + 2) % 3]
            self.faces[index] = (corner, one, middle)
            self.faces.append((corner, middle, two))

    def _area(self, index: int) -> float:
        a, b, c = (self.vertices[v] for v in self.faces[index])
        return round(float(np.linalg.norm(np.cross(b - a, c - a))), 12)


def limb(
    points: np.ndarray, radii: np.ndarray, rings: int, sides: int, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rings of a rounded limb along a polyline, for :meth:`MeshBuilder.tube`.

    Args:
        points: ``(P, 3)`` of its middle line, from tip to tip.
        radii: ``(P, 2)`` along ``first`` and across it, at each point.
        rings, sides: how many rings, of how many points.
        first: ``(3,)`` direction of the first point of a ring, roughly across the line.
    Returns:
        Rings ``(R, S, 3)`` and ends ``(2, 3)``.
    """
    reach = np.append(0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum())
    at = reach[-1] * (1 - np.cos(np.linspace(0, np.pi, rings + 2)[1:-1])) / 2
    line = np.stack([np.interp(at, reach, points[:, c]) for c in range(3)], axis=1)
    size = np.stack([np.interp(at, reach, radii[:, c]) for c in range(2)], axis=1)
    round_off = np.minimum(size.mean(1), reach[-1] / 2)
    inwards = np.clip(np.minimum(at, reach[-1] - at) / round_off, 0, 1)
    size = size * np.sqrt(1 - (1 - inwards) ** 2)[:, None]
    forward = np.gradient(line, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    one = first - (forward @ first)[:, None] * forward
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(forward, one)
    angle = np.arange(sides) * 2 * np.pi / sides
    around = size[:, :1, None] * np.cos(angle)[:, None] * one[:, None]
    around = around + size[:, 1:, None] * np.sin(angle)[:, None] * two[:, None]
    return line[:, None] + around, points[[0, -1]]


def ellipsoid(centre: np.ndarray, axes: np.ndarray, rings: int, sides: int) -> tuple[np.ndarray, np.ndarray]:
    """Rings of an ellipsoid from its lowest to its highest point, for :meth:`MeshBuilder.tube`.

    Args:
        centre: ``(3,)``.
        axes: ``(3,)`` half lengths along x, y and z.
        rings, sides: how many rings, of how many points.
    Returns:
        Rings ``(R, S, 3)`` and ends ``(2, 3)``.
    """
    height = np.linspace(0, np.pi, rings + 2)[1:-1, None]
    angle = np.arange(sides) * 2 * np.pi / sides
    unit = np.empty((rings, sides, 3))
    unit[..., 0] = np.sin(height) * np.sin(angle)
    unit[..., 1] = -np.cos(height)
    unit[..., 2] = np.sin(height) * np.cos(angle)
    pole = np.array([0.0, 1, 0])
    return centre + axes * unit, centre + axes * np.stack([-pole, pole])
