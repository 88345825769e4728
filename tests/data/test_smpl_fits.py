"""Fits of SMPL instead of SMPL-X: read, never mixed up, and part of what a store is."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from carpus.data.person_inputs import PersonInputs
from carpus.data.sources.human36m import Human36M
from carpus.data.sources.mpi_inf_3dhp import MPIINF3DHP
from carpus.data.sources.mpii import MPII
from carpus.data.sources.mscoco import MSCOCO
from carpus.data.whole_body_splits import PersonSplits
from carpus.errors import ConfigError, DataError, StoreError
from whole_body_trees import CAMERA, dataset_of, write_3dhp, write_human36m, write_mpii, write_mscoco

WRITERS = {
    Human36M: lambda root: write_human36m(root, (1, 5, 6, 7, 8), range(6)),
    MPIINF3DHP: write_3dhp,
    MPII: write_mpii,
    MSCOCO: write_mscoco,
}
FILES = {
    Human36M: "annotations/Human36M_subject1_{}_NeuralAnnot.json",
    MPIINF3DHP: "data/MPI-INF-3DHP_{}_NeuralAnnot.json",
    MPII: "data/annotations/MPII_train_{}_NeuralAnnot.json",
    MSCOCO: "annotations/MSCOCO_train_{}_NeuralAnnot.json",
}
IN_WORLD = (Human36M, MPIINF3DHP)


@pytest.fixture(params=WRITERS, ids=lambda source: source.name)
def tree(request, tmp_path):
    """A source, its tree, and what is published there."""
    return request.param, tmp_path / "tree", WRITERS[request.param](tmp_path / "tree")


def smpl_file(source, root):
    return root / FILES[source].format("SMPL")


def smplx_file(source, root):
    return root / FILES[source].format("SMPLX_all" if source is MSCOCO else "SMPLX")


def published_of(source, made, people, index):
    """The parameters written for a record, None where the person has none."""
    columns = people.columns(index)
    if source is Human36M:
        return made[str(columns["subject"])]["smpl"][str(columns["frame"])]
    if source is MPIINF3DHP:
        return made["smpl"][str(columns["frame"])]
    return made["smpl"].get(str(columns["annot_id"]), {}).get("smpl_param")


def test_all_rotations_and_joints_of_smpl_count(tree):
    source, root, made = tree
    people, fitted = source(root, "train", fits="smpl"), 0
    for index in range(len(people)):
        fields, expected = people[index].fields, published_of(source, made, people, index)
        if expected is None:
            assert "model" not in fields
            continue
        fitted += 1
        assert fields["model"] == "smpl"
        for name, own in (("pose", "model_pose"), ("shape", "model_shape"), ("trans", "model_trans_m")):
            np.testing.assert_allclose(fields[own], expected[name], rtol=1e-6)
        assert fields["model_pose_valid"].tolist() == [True] * 24
        assert fields["model_joint_valid"].tolist() == [True] * 33
        assert not {"model_expr", "model_part_valid"} & set(fields)
        assert ("model_rotation" in fields) == (source in IN_WORLD)
        if source not in IN_WORLD:
            np.testing.assert_allclose(fields["model_camera"], [*CAMERA["focal"], *CAMERA["princpt"]])
    assert fitted


def test_only_a_body_of_smpl_learns_from_them(tree):
    source, root, _ = tree
    rng = np.random.default_rng(0)
    for fits, part, expected in (
        ("smpl", "body", True),
        ("smplx", "body", False),
        ("smplx", "whole_body", True),
        ("smpl", "whole_body", False),
        (False, "body", False),
    ):
        people = source(root, "train", fits=fits)
        inputs = PersonInputs(people.skeleton, part)
        samples = [inputs(people[index], rng, True) for index in range(len(people))]
        assert any(bool(sample["model_valid"]) for sample in samples) == expected, (fits, part)


def test_smplx_is_the_default_and_what_older_configurations_mean_by_true(tree):
    source, root, _ = tree
    people = (source(root, "train"), source(root, "train", fits="smplx"), source(root, "train", fits=True))
    kinds = [{record.fields.get("model") for record in records} - {None} for records in people]
    assert kinds == [{"smplx"}] * 3
    with pytest.raises(ConfigError, match=rf"dataset\.fits of {source.name} 'smlp'.*did you mean 'smpl'"):
        source(root, "train", fits="smlp")


@pytest.mark.parametrize("wanted", ["smpl", "smplx"])
def test_a_file_of_the_other_model_is_refused(tree, wanted):
    source, root, _ = tree
    smpl, smplx = smpl_file(source, root), smplx_file(source, root)
    target, content = (smpl, smplx.read_text()) if wanted == "smpl" else (smplx, smpl.read_text())
    target.write_text(content)
    with pytest.raises(DataError) as failed:
        source(root, "train", fits=wanted)
    other, found = ("smplx", "SMPL-X") if wanted == "smpl" else ("smpl", "SMPL")
    needed = "(69) are needed" if wanted == "smpl" else "(63) are needed"
    for words in (str(target), f"has {found} parameters", needed, f"dataset.fits={other}"):
        assert words in str(failed.value)
    assert "\n" not in str(failed.value)


def test_a_missing_file_is_named_with_the_choices(tree):
    source, root, _ = tree
    smpl_file(source, root).unlink()
    with pytest.raises(DataError, match=r"SMPL_NeuralAnnot\.json is missing.*dataset\.fits=false") as failed:
        source(root, "train", fits="smpl")
    assert str(smpl_file(source, root)) in str(failed.value)
    assert len(source(root, "train"))
    smplx_file(source, root).unlink()
    assert len(source(root, "train", fits=False))


def test_a_store_of_other_fits_is_refused_and_packed_again(tree, tmp_path):
    source, root, _ = tree
    splits = PersonSplits("train", "train", "train", 0.5)

    def dataset(fits, name=source.name):
        chosen = partial(source, fits=fits)
        return dataset_of(chosen, root, tmp_path / "packs", splits, name=name, images="tree")

    def kinds(opened):
        records = [record for split in ("train", "val") for record in opened.open(split)]
        return {record.fields["model"] for record in records if "model" in record.fields}

    assert kinds(dataset("smplx")) == {"smplx"}
    with pytest.raises(StoreError, match="packed with fits='smplx', the configuration says 'smpl'; pack it"):
        dataset("smpl").open("train")
    # A store under a name of its own leaves the other alone.
    assert kinds(dataset("smpl", f"{source.name}_smpl")) == {"smpl"}
    assert kinds(dataset("smplx")) == {"smplx"}
    dataset("smpl").pack("train")
    assert kinds(dataset("smpl")) == {"smpl"}
    path = smpl_file(source, root)
    path.write_text(json.dumps(json.loads(path.read_text())) + " ")
    with pytest.raises(StoreError, match=path.name):
        dataset("smpl").open("train")


def test_fits_that_are_not_read_may_come_and_go(tree, tmp_path):
    source, root, _ = tree
    smpl = smpl_file(source, root)
    content = smpl.read_text()
    smpl.unlink()
    dataset = dataset_of(partial(source, fits="smplx"), root, tmp_path / "packs", images="tree")
    packed = (dataset.pack("train") / "meta.json").stat().st_mtime_ns
    smpl.write_text(content)
    assert len(dataset.open("train"))
    assert (dataset.pack("train") / "meta.json").stat().st_mtime_ns == packed
    alone = dataset_of(partial(source, fits=False), root, tmp_path / "packs", name="bare", images="tree")
    assert len(alone.open("train"))
    for file in (smpl, smplx_file(source, root)):
        file.write_text(file.read_text() + " ")
    assert len(alone.open("train"))
    with pytest.raises(StoreError, match=smplx_file(source, root).name):
        dataset.open("train")
