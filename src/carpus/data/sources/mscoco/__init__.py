"""MS COCO with the key points of COCO-WholeBody and the fits of NeuralAnnot: people, hands, or faces."""

from carpus.data.sources.mscoco.body import MSCOCO
from carpus.data.sources.mscoco.faces import MSCOCOFaces
from carpus.data.sources.mscoco.hands import MSCOCOHands

__all__ = ["MSCOCO", "MSCOCOFaces", "MSCOCOHands"]
