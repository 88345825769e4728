"""Published trees, one class per dataset."""

from carpus.data.sources.base import DepthSource, Source, source_class, source_options
from carpus.data.sources.hands17 import HANDS17
from carpus.data.sources.icvl import ICVL
from carpus.data.sources.itop import ITOP
from carpus.data.sources.msra import MSRA
from carpus.data.sources.nyu import NYU

__all__ = [
    "HANDS17",
    "ICVL",
    "ITOP",
    "MSRA",
    "NYU",
    "DepthSource",
    "Source",
    "source_class",
    "source_options",
]
