import numpy as np
import pytest

from carpus.data.centers import center_of_mass, joint_center, read_centers, write_centers
from carpus.data.sources import MSRA
from carpus.errors import DataError


def test_a_centre_file_round_trips_with_invalid_lines(tmp_path):
    centers = np.array([[1.5, -2.25, 323.125], [np.nan] * 3, [0.1, 0.2, 1 / 3]])
    write_centers(tmp_path / "c.txt", centers)
    assert (tmp_path / "c.txt").read_text().splitlines()[1] == "invalid"
    np.testing.assert_allclose(read_centers(tmp_path / "c.txt"), centers, rtol=1e-13)


@pytest.mark.parametrize("line", ["1 2", "1 2 x", "", "1 2 nan", "1 2 3 4"])
def test_a_bad_centre_line_is_named(tmp_path, line):
    (tmp_path / "c.txt").write_text(f"1 2 3\n{line}\n4 5 6\n")
    with pytest.raises(DataError, match=r"c\.txt, line 2"):
        read_centers(tmp_path / "c.txt")


def test_a_missing_centre_file_says_what_else_there_is(tmp_path):
    with pytest.raises(DataError, match="center_source=com"):
        read_centers(tmp_path / "c.txt")


def test_the_published_msra_centres_parse(samples):
    assert read_centers(samples / "msra/center/center_test_3_refined.txt").shape == (8498, 3)


def test_centre_of_mass_ignores_a_distant_object():
    depth = np.zeros((240, 320), np.float32)
    depth[100:140, 150:190] = 400  # the hand
    depth[100:102, 10:20] = 650  # something else in range
    center = center_of_mass(depth, MSRA.camera, (100, 700), 200)
    expected = MSRA.camera.unproject(np.array([169.5, 119.5]), np.array(400.0))
    np.testing.assert_allclose(center, expected, atol=1e-4)
    # One round alone would have been pulled away.
    assert np.linalg.norm(center_of_mass(depth, MSRA.camera, (100, 700), 1e9) - expected) > 3


def test_nothing_in_range_gives_nan():
    assert np.isnan(center_of_mass(np.full((4, 4), 900.0), MSRA.camera, (100, 700), 200)).all()


def test_joint_centre_is_the_middle_of_the_extent():
    joints = np.array([[0, 0, 300], [10, 20, 340], [500, 500, 500]], np.float32)
    np.testing.assert_array_equal(joint_center(joints, np.array([True, True, False])), [5, 10, 320])
    assert np.isnan(joint_center(joints, np.zeros(3, bool))).all()
