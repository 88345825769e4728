"""Result files of AGORA as a scored run writes them: true parameters give the published joints."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from agora_tree import shared_tree
from carpus.bodies.library import body_models
from carpus.data.results.agora_check import AgoraResults, check_agora_results
from carpus.data.sources.agora import AGORA
from carpus.data.whole_body_dataset import WholeBodyDataset
from carpus.data.whole_body_splits import PersonSplits
from carpus.engine.folder import RunFolder
from carpus.engine.people_files import write_people_files
from carpus.methods.hand4whole.module import Hand4Whole
from carpus.metrics.collector import Collected
from hand4whole_golden import small_net

GENDERS = ("neutral", "male", "female")
POSES = {"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45, "jaw_pose": 3}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return shared_tree(tmp_path_factory)


class Gendered:
    """A library whose neutral body is that of a gender: labels are of gendered bodies, results of neutral."""

    def __init__(self, gender):
        self.models, self.gender = body_models("nowhere", standin=True), gender

    def smplx(self, variant, device=None):
        assert variant == "neutral"
        return self.models.smplx(self.gender)


def told(records):
    """What a method that knows the truth says of people in pictures: whole bodies before a pinhole camera."""
    fields = [record.fields for record in records]
    pose = np.stack([field["model_pose"] for field in fields])
    parts = np.split(pose, np.cumsum(list(POSES.values()))[:-1], axis=1)
    camera = np.stack([field["camera"] for field in fields]).astype(np.float32)
    named = {"shape": "model_shape", "expr": "model_expr", "cam_trans": "model_trans_m"}
    return {
        **dict(zip(POSES, parts, strict=True)),
        **{name: np.stack([field[key] for field in fields]) for name, key in named.items()},
        **{"focal_px": camera[:, :2], "princpt_px": camera[:, 2:]},
    }


@pytest.mark.parametrize("resolution", ["2160x3840", "720x1280"])
def test_true_parameters_are_written_as_the_published_joints(tree, tmp_path, resolution):
    splits = PersonSplits(train="train", val="val", test="val")
    source = partial(AGORA, resolution=resolution)
    dataset = WholeBodyDataset("agora", tree, source, tmp_path / "packs", splits)
    module = Hand4Whole(small_net(), {}, lambda _: None, standin=True)
    experiment, count = SimpleNamespace(module=module, dataset=dataset), 0
    samples = dataset.open("train")
    for number, gender in enumerate(GENDERS):
        records = [
            r for r in (samples[i] for i in range(len(samples))) if r.fields["person_gender"] == number
        ]
        if not records:
            continue
        module.bodies = Gendered(gender)
        keys = np.array([record.key for record in records])
        run = RunFolder(tmp_path / f"a0{number}").create()
        lines = write_people_files(
            experiment, run, "test", "train", Collected(keys, body_params=told(records))
        )
        archive = run.result / "test_agora.zip"
        assert str(archive) in lines[0]
        assert check_agora_results(archive) == []
        results = AgoraResults(archive)
        named = {member.rsplit("/", 1)[1]: results.read(member).content for member in results.people()}
        assert len(named) == len(records)
        for record in records:
            folder, image, person = record.key.split("/")
            truth = np.load(tree / "data" / "gt_joints" / folder / f"{image}.npz")["gt_joints_2d"][
                int(person)
            ]
            found = named[f"{image}_personId_{person}.pkl"]
            assert (found["joints"].shape, found["joints"].dtype) == ((144, 2), np.float32)
            off = np.linalg.norm(found["joints"][: len(truth)] - truth, axis=1)
            assert off.max() < 1.0, "pixels of 3840 x 2160"
            np.testing.assert_allclose(
                found["params"]["transl"][0], record.fields["model_trans_m"], atol=1e-6
            )
            count += 1
    assert count == len(samples) > 5
