"""Rendered Handpose Dataset (RHD_published_v2)."""

from carpus.data.sources.rhd.coco import export_coco
from carpus.data.sources.rhd.source import RHD

__all__ = ["RHD", "export_coco"]
