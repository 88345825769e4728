"""Datasets of whole bodies as their configurations describe them: what they build, offer and mix."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from carpus.data.person_inputs import PersonInputs
from carpus.data.whole_body_dataset import WholeBodyDataset
from carpus.engine.build import build
from carpus.engine.config import compose_config
from carpus.engine.mixed_config import grouped
from carpus.errors import DataError
from whole_body_trees import (
    write_3dhp,
    write_human36m,
    write_json,
    write_mpii,
    write_mscoco,
    write_picture,
    write_pw3d,
)

WRITERS = {
    "mscoco": write_mscoco,
    "mscoco_hands": write_mscoco,
    "mpii": write_mpii,
    "human36m": lambda root: write_human36m(root, (1, 5, 6, 7, 8, 9, 11), range(6)),
    "mpi_inf_3dhp": write_3dhp,
    "mscoco_face": write_mscoco,
    "mscoco_smpl": write_mscoco,
    "mpii_smpl": write_mpii,
    "human36m_smpl": lambda root: write_human36m(root, (1, 5, 6, 7, 8, 9, 11), range(6)),
    "mpi_inf_3dhp_smpl": write_3dhp,
    "pw3d": lambda root: [write_pw3d(root, split) for split in ("train", "validation", "test")],
}
PROTOCOLS = {
    "human36m": "Human36mProtocol",
    "human36m_smpl": "Human36mProtocol",
    "pw3d": "PW3DProtocol",
    "ehf": "EHFProtocol",
    "freihand_mano": "FreiHANDMeshProtocol",
    "interhand26m_mano": "InterHandMeshProtocol",
}
REPOSITORY = Path(__file__).parents[2]
SPACE = {"human36m", "mpi_inf_3dhp", "pw3d", "ehf", "freihand_mano", "interhand26m_mano"}
SPACE |= {"human36m_smpl", "mpi_inf_3dhp_smpl"}
PARTS = {"mscoco_hands": "hand", "mscoco_face": "face"}
NAMES = (*WRITERS, "ehf", "freihand_mano", "interhand26m_mano", "ffhq", "people")


@pytest.mark.parametrize("name", NAMES)
def test_configurations_build_datasets_and_protocols(name, tmp_path):
    cfg = compose_config([f"dataset={name}", f"paths.data={tmp_path}"]).dataset
    dataset = build(cfg.spec)
    assert isinstance(dataset, WholeBodyDataset)
    assert (dataset.kind, dataset.skeleton.name, len(dataset.skeleton)) == (
        "whole_body",
        cfg.skeleton,
        cfg.joints,
    )
    assert dataset.source_type.skeleton == dataset.skeleton
    assert dataset.splits.store_of("test") in dataset.stores
    assert {"rgb", "bbox_xywh_px"} <= dataset.offers
    assert cfg.labels_3d == (name in SPACE)
    protocol = build(cfg.protocol)
    assert type(protocol).__name__ == PROTOCOLS.get(name, "PeopleJointsProtocol")
    with pytest.raises(DataError, match=r"docs/datasets/\w+\.md") as missing:
        dataset.tree.make()
    (page,) = re.findall(r"docs/datasets/\w+\.md", str(missing.value))
    assert (REPOSITORY / page).is_file()


@pytest.mark.parametrize("name", WRITERS)
def test_trees_open_by_configuration_and_records_have_what_is_offered(name, tmp_path):
    WRITERS[name](tmp_path / "tree")
    settings = [f"dataset={name}", f"dataset.root={tmp_path}/tree", f"paths.packs={tmp_path}/packs"]
    if "val_fraction" in compose_config(settings[:1]).dataset:
        settings.append("dataset.val_fraction=0.5")
    dataset = build(compose_config(settings).dataset.spec)
    records = list(dataset.open("train"))
    offered = set().union(*({*record.fields, *record.images} for record in records))
    assert dataset.offers <= offered
    part = PARTS.get(name, "body" if name.endswith("_smpl") else "whole_body")
    samples = [PersonInputs(dataset.skeleton, part)(r, np.random.default_rng(0), True) for r in records]
    for sample in samples:
        assert {k: np.shape(v) for k, v in sample.items()} == {k: np.shape(v) for k, v in samples[0].items()}


def test_people_open_by_configuration(tmp_path):
    write_picture(tmp_path / "photos/me.png")
    write_json(tmp_path / "photos/boxes.json", {"me.png": [[3, 4, 20, 30]]})
    settings = [f"dataset.root={tmp_path}/photos", "dataset.annotation=boxes.json", "dataset.part=right_hand"]
    cfg = compose_config(["dataset=people", f"paths.packs={tmp_path}/packs", *settings])
    (record,) = build(cfg.dataset.spec).open("test")
    sample = PersonInputs("smplx_137", "whole_body")(record, np.random.default_rng(0), False)
    assert sample["rgb"].shape == (512, 384, 3)


@pytest.mark.parametrize("order", [("mscoco", "human36m", "mpii"), ("human36m", "mscoco", "mpii")])
def test_sets_in_space_and_in_pixels_are_grouped_by_themselves(order):
    settings = ["method=hand4whole", "mix=same_len_3d2d"]
    cfg = compose_config([*settings, f"datasets=[{','.join(order)}]"])
    assert list(map(list, cfg.datasets)) == [["human36m"], ["mscoco", "mpii"]]
    assert grouped(cfg.datasets, cfg.mix) == [["human36m"], ["mscoco", "mpii"]]
    alone = compose_config([*settings, "datasets=[mscoco,mpii]"])
    assert list(map(list, alone.datasets)) == [["mscoco", "mpii"]]
