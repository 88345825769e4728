"""A tree in NYU's published format around the one real frame in tests/samples/nyu.

python tests/real_nyu.py data/nyu_real
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import scipy.io

from carpus.data.sources.nyu import EVALUATED_OF_36
from carpus.geometry import Camera

SAMPLES = Path(__file__).parent / "samples" / "nyu"
CAMERA = Camera(588.036865, 587.075073, 320.0, 240.0)


def make_nyu_tree(root: Path) -> Path:
    """Test frame 1 with its published labels and centre, as the only frame of both splits."""
    joints_uvd = scipy.io.loadmat(SAMPLES / "labels" / "nyu_keypointsUVD_test.mat")["keypoints3D"][0]
    center_uvd = scipy.io.loadmat(SAMPLES / "labels" / "nyu_center_test.mat")["centre_pixel"][0].reshape(3)
    y_up = np.array([1.0, -1.0, 1.0])
    joints = np.zeros((3, 1, 36, 3))
    joints[0, 0, EVALUATED_OF_36] = CAMERA.uvd_to_xyz(joints_uvd.astype(np.float64)) * y_up
    center = CAMERA.uvd_to_xyz(center_uvd.astype(np.float64)) * y_up
    (root / "center").mkdir(parents=True)
    for split in ("train", "test"):
        (root / split).mkdir()
        shutil.copy(SAMPLES / "dataset" / "test" / "depth_1_0000001.png", root / split)
        scipy.io.savemat(root / split / "joint_data.mat", {"joint_xyz": joints, "joint_uvd": joints})
        line = " ".join(f"{value:.6f}" for value in center)
        (root / "center" / f"center_{split}_refined.txt").write_text(line + "\n")
    return root


if __name__ == "__main__":
    make_nyu_tree(Path(sys.argv[1]))
