"""``carpus pack --types``: cost, making, questions, removal and the published layout."""

import pytest

SMALL = ("dataset.synth.frames=24", "dataset.center_source=gt", "dataset.cube_mm=240")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def pack(here, data):
    def call(*arguments: str) -> tuple[int, str]:
        return here("carpus", "pack", "hands17_synthetic", *arguments, *SMALL, f"paths.data={data}")

    return call


def test_the_cost_is_shown_and_nothing_stored(pack, here, data, tmp_path):
    empty = f"paths.data={tmp_path}"
    code, output = here(
        "carpus", "pack", "hands17_synthetic", "train", "--types", "edt2_32", "--dry-run", empty
    )
    assert code == 1
    assert "carpus pack hands17_synthetic train" in output
    pack("train")
    code, output = pack(
        "train", "--model", "super_edt2m", "--types", "tsdf3_64", "--dry-run", "--processes", "2"
    )
    lines = {line.split()[0]: line.split() for line in output.splitlines() if line}
    assert code == 0
    for name, published in (("edt2m_32_from_clean_128", "19"), ("tsdf3_64", "336")):
        rows, ours, lzf, shown = lines[name][1:5]
        assert (rows, shown) == ("24", published)
        assert 0 < float(ours) < float(lzf)
    assert "with 2 processes" in output
    assert not (data / "packs/hands17_synthetic/prepared/train/tsdf3_64").exists()


def test_types_are_made_listed_verified_and_removed(pack, data):
    code, output = pack("--types", "edt2_32,clean_128")
    assert code == 0
    assert "train: edt2_32_from_clean_128: 24 rows" in output
    assert "maps are all zero" in output
    assert "test: left out. " in output
    code, output = pack("stats", "train")
    assert code == 0
    assert "train prepared clean_128: 24 rows" in output
    assert "half_mm 120.0" in output
    code, output = pack("verify", "train")
    assert code == 0
    assert "train edt2_32_from_clean_128: 24 rows, every checksum right" in output
    code, output = pack("train", "--types", "edt2_32", "dataset.depth_range_mm=[100,1000]")
    assert code == 1
    assert "stored [100, 1500], wanted [100, 1000]" in output
    code, output = pack("train", "--types", "all", "--delete")
    assert (code, output.count("removed")) == (0, 2)
    assert list((data / "packs/hands17_synthetic/prepared/train").iterdir()) == []


def test_a_model_is_exported_in_the_published_layout(pack, data):
    out = data / "exported"
    code, output = pack("train", "--model", "super_ov3dist2", "--hdf5", str(out))
    assert code == 0
    assert "24 of 24 frames kept" in output
    names = {path.name for path in out.iterdir()}
    published = {"pose_c", "clean_128", "ortho3_128", "pcnt3_32", "vxudir_32", "ov3dist2_32"}
    assert names == {"annotation", "annotation_test", *published}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--types", "edt3_32"], "did you mean 'edt2'"),
        (["--model", "super_edt4"], "did you mean 'super_edt"),
        (["--dry-run"], "name the prepared types"),
        (["--types", "edt2_32", "--dry-run", "--delete"], "--dry-run, --delete: give one of them"),
        (["--types", "all"], "only goes with --delete"),
        (["stats", "--types", "edt2_32"], "leave --types and --model out"),
        (
            ["test", "--types", "edt2_32", "dataset.center_source=com", "dataset.cube_mm=240"],
            "made from joints",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_answered_in_one_sentence(here, data, arguments, told):
    where = ("dataset.synth.frames=24", f"paths.data={data}")
    code, output = here("carpus", "pack", "hands17_synthetic", *arguments, *where)
    assert code == 1
    assert told in output.strip().splitlines()[-1]
