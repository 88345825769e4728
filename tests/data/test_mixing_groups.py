"""3D and 2D datasets together: who is in which group, and the published order of their samples."""

from __future__ import annotations

import json
import random

import pytest

from carpus.data.mixing import Mixture, by_dimension
from golden_cases import golden_paths


def places(mixture):
    return [mixture.place(0, index) for index in range(len(mixture))]


class InPublishedDraws(Mixture):
    """A mixture whose draws are those of the published program: Python's, one after the other."""

    def drawn(self, epoch, index, length):
        return self.published.randint(0, length - 1)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "training", ".json"))
def test_groups_in_space_and_in_pixels_come_in_the_published_order(path):
    for case in json.loads(path.read_text())["mix"]:
        kinds = {
            f"{dimension}/{number}": {"labels_3d": dimension == "3d"}
            for dimension in ("2d", "3d")
            for number in range(len(case[f"lens_{dimension}"]))
        }
        names = list(kinds)
        groups = [[names.index(name) for name in group] for group in by_dimension(names, kinds)]
        lengths = [case[f"lens_{name[:2]}"][int(name[3:])] for name in names]
        mixture = InPublishedDraws(lengths, groups)
        object.__setattr__(mixture, "published", random.Random(case["random_seed"]))
        assert len(mixture) == case["length"]
        found = [(names[part], position) for part, position in places(mixture)]
        assert found == [(f"{dimension}/{part}", at) for dimension, part, at in case["items"]]


def test_one_group_alone_is_taken_as_it_is():
    kinds = {"mpii": {"labels_3d": False}, "mscoco": {"labels_3d": False}}
    assert by_dimension(list(kinds), kinds) == [["mpii", "mscoco"]]
    assert places(Mixture([2, 3], [[0, 1]])) == places(Mixture.concat([2, 3]))
