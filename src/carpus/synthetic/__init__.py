"""Small synthetic worlds, written in every dataset's own published on-disk format."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.errors import ConfigError, unknown

if TYPE_CHECKING:
    from carpus.synthetic.tree import Progress

DATASETS = (
    "msra",
    "icvl",
    "nyu",
    "hands17",
    "itop",
    "interhand26m",
    "rhd",
    "stb",
    "freihand",
    "sik1m",
    "sik_offline",
    "human36m",
    "mpii",
    "mscoco",
    "mpi_inf_3dhp",
    "pw3d",
    "ehf",
    "ffhq",
    "agora",
)


def make(
    dataset: str,
    out: str | Path,
    frames: int | None = None,
    subjects: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: bool,
) -> Path:
    """Write a synthetic tree in a dataset's published format, centre files included.

    The tree appears under its name only when it is complete, and says in ``SYNTHETIC.json`` what it was made
    from; if it is there already with the same arguments, nothing is done. The same arguments give the same
    bytes.

    Args:
        dataset: one of :data:`DATASETS`.
        out: the tree's folder.
        frames: for MSRA frames per gesture and subject (default 10: 1,530 in all); elsewhere frames of the
            training split (default 400; ITOP 300 per view; InterHand2.6M 600 images, FreiHAND 1,600, four of
            every pose); the test split has a quarter of it, and so has InterHand2.6M's val; STB's, whose
            sequences are equally long, a fifth. EHF is a test set of 100 pictures, 3DPW's test split has 160
            and its training split as many; MPII, MPI-INF-3DHP and FFHQ only train; AGORA has 21
            training pictures of several people.
        subjects: people: MSRA 9, NYU 4, RHD 20, FreiHAND 32, STB 1, the others 8 unless given; outside MSRA
            and STB the last quarter of them is kept for the test split. Of whole bodies and faces: MPII 40,
            MS COCO 48, 3DPW 24, FFHQ 80, EHF 1; Human3.6M's are always the publisher's seven.
        seed: of everything drawn.
        progress: called with frames done and frames in all.
        options: what a dataset has beside: ``stereo=True`` writes the pictures of STB's stereo rig.
    Returns:
        ``out``.
    Raises:
        ConfigError: for an unknown dataset, or an option that it does not have.
        DataError: if ``out`` holds something else, or a number makes no sense.
    """
    if dataset not in DATASETS:
        raise ConfigError(unknown("synthetic dataset", dataset, DATASETS))
    from carpus.synthetic.tree import VERSION, fresh_tree, read_marker

    writer = import_module(f"carpus.synthetic.{dataset}")
    out = Path(out)
    frames = writer.FRAMES if frames is None else frames
    subjects = writer.SUBJECTS if subjects is None else subjects
    chosen = _chosen(dataset, getattr(writer, "OPTIONS", {}), options)
    made_from = {"dataset": dataset, "frames": frames, "subjects": subjects, "seed": seed, **chosen}
    if read_marker(out) == {"carpus_synthetic": VERSION, **made_from}:
        return out
    with fresh_tree(out, made_from) as root:
        writer.write(root, frames, subjects, seed, progress, **chosen)
    return out


def _chosen(dataset: str, known: dict[str, bool], given: dict[str, bool]) -> dict[str, bool]:
    """A dataset's options, those that are not given as they are by default."""
    for name in given:
        if not known:
            raise ConfigError(f"the synthetic {dataset} has no option '{name}', nor any other")
        if name not in known:
            raise ConfigError(unknown(f"option of the synthetic {dataset}", name, tuple(known)))
    return known | given
