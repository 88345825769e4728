"""DIGIT: two interacting hands in 2.5D from one image, helped by their part segmentation."""
