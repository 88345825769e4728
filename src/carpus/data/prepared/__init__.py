"""The prepared types of the depth CR family: a graph of pure functions of one frame, computed when asked for.

``prepare(frame, ["clean_128", "edt2m_32"])`` computes those arrays and what they need; nothing is stored.
Where storing pays, :mod:`.making` makes LMDB stores, :mod:`.stores` reads them, :mod:`.estimate` tells their
cost beforehand, and :mod:`.hdf5` writes the published layout.
"""

from carpus.data.prepared.frame import Frame, MovedFrame, published_order
from carpus.data.prepared.graph import deps_text, order_of_work, prepare, prereq_text
from carpus.data.prepared.keys import Key, key_of, parse_key
from carpus.data.prepared.nodes import NODES, Node

__all__ = [
    "NODES",
    "Frame",
    "Key",
    "MovedFrame",
    "Node",
    "deps_text",
    "key_of",
    "order_of_work",
    "parse_key",
    "prepare",
    "prereq_text",
    "published_order",
]
