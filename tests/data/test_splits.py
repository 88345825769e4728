import numpy as np
import pytest

from carpus.data.splits import SPLITS, LeaveOneSubjectOut, Published, parse_split, sample
from carpus.errors import ConfigError


@pytest.mark.parametrize(
    ("split", "count"),
    [("minitrain", 1000), ("minitest", 1000), ("smalltrain", 2000), ("smallval", 5000), ("tinytrain", 1000)],
)
def test_sub_splits_have_their_sizes_and_no_frame_twice(split, count):
    base, size = parse_split(split)
    positions = np.arange(100, 20_100)
    drawn = sample(positions, base, size)
    assert len(set(drawn.tolist())) == len(drawn) == count
    assert np.isin(drawn, positions).all()
    np.testing.assert_array_equal(drawn, sample(positions, base, size))
    assert not (np.diff(drawn) > 0).all()


def test_fewer_frames_than_asked_give_all():
    np.testing.assert_array_equal(sample(np.arange(30), "train", "mini"), np.arange(30))


def test_every_name_parses_and_others_name_the_nearest():
    assert {parse_split(name)[0] for name in SPLITS} == {"train", "val", "test"}
    with pytest.raises(ConfigError, match="did you mean 'minitest'"):
        parse_split("minitset")
    with pytest.raises(ConfigError):
        parse_split("tinyval")


class Columns:
    folder = "store"

    def __init__(self, **columns):
        self.columns = columns

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def column(self, name):
        return self.columns[name]


def test_leave_one_subject_out_has_no_frame_on_both_sides():
    store = Columns(subject=np.repeat([0, 1, 2, 3], [5, 4, 3, 2]))
    fold = LeaveOneSubjectOut(test_subject=1)
    np.testing.assert_array_equal(fold.positions("test", store), [5, 6, 7, 8])
    np.testing.assert_array_equal(fold.positions("val", store), [5, 6, 7, 8])
    np.testing.assert_array_equal(fold.positions("train", store), [0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
    held = LeaveOneSubjectOut(test_subject=1, val_subject=2)
    np.testing.assert_array_equal(held.positions("val", store), [9, 10, 11])
    np.testing.assert_array_equal(held.positions("train", store), [0, 1, 2, 3, 4, 12, 13])
    assert (held.center_mode("val"), fold.center_mode("val")) == ("train", "test")
    with pytest.raises(ConfigError, match="no subject 7"):
        LeaveOneSubjectOut(test_subject=7).positions("train", store)
    with pytest.raises(ConfigError, match="test subject"):
        LeaveOneSubjectOut(test_subject=3, val_subject=3)


def test_a_held_out_share_is_the_end_of_train():
    store = Columns(line=np.arange(10))
    assert Published().store_of("val") == "test"
    held = Published(val_fraction=0.2)
    assert held.store_of("val") == "train"
    np.testing.assert_array_equal(held.positions("val", store), [8, 9])
    np.testing.assert_array_equal(held.positions("train", store), np.arange(8))
    np.testing.assert_array_equal(held.positions("test", store), np.arange(10))
    with pytest.raises(ConfigError, match="share"):
        Published(val_fraction=2)
