import numpy as np
import pytest

from carpus.errors import DataError
from carpus.reports.angles import read_view_angles


def test_angles_are_taken_by_packed_place_or_by_place_in_the_split(tmp_path):
    file = tmp_path / "angles.txt"
    file.write_text("".join(f"{i} {-i}\n" for i in range(6)))
    whole = read_view_angles(file, np.array([0, 2]), 3, np.array([1, 5]), 6)
    assert whole["yaw"].tolist() == [1, 5]
    assert whole["pitch"].tolist() == [-1, -5]
    split = read_view_angles(file, np.array([4, 0]), 6, np.array([40, 0]), 60)
    assert split["yaw"].tolist() == [4, 0]


def test_angles_of_another_release_are_refused(tmp_path):
    file = tmp_path / "angles.txt"
    file.write_text("1 2\n3 4\n")
    with pytest.raises(DataError, match="2 lines; expected 60"):
        read_view_angles(file, np.array([0]), 3, np.array([0]), 60)
