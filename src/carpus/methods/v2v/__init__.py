"""V2V-PoseNet: voxels in, one heat-map volume per joint out."""
