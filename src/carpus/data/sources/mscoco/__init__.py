"""MS COCO with the key points of COCO-WholeBody and the fits of NeuralAnnot: people, or hands."""

from carpus.data.sources.mscoco.body import MSCOCO
from carpus.data.sources.mscoco.hands import MSCOCOHands

__all__ = ["MSCOCO", "MSCOCOHands"]
