"""Result files: the published text formats and their sidecars, converters, means, third-party files."""

from carpus.data.results.ensemble import mean_joints, mean_results
from carpus.data.results.files import (
    ResultFile,
    ResultHeader,
    convert_results,
    read_header,
    read_results,
    sidecars,
    write_results,
)
from carpus.data.results.foreign import ForeignJoints, load_joints
from carpus.data.results.spaces import CONVENTIONS, SPACES, Convention, convention, from_cam_mm, to_cam_mm
from carpus.data.results.text import Table, read_table, write_table

__all__ = [
    "CONVENTIONS",
    "SPACES",
    "Convention",
    "ForeignJoints",
    "ResultFile",
    "ResultHeader",
    "Table",
    "convention",
    "convert_results",
    "from_cam_mm",
    "load_joints",
    "mean_joints",
    "mean_results",
    "read_header",
    "read_results",
    "read_table",
    "sidecars",
    "to_cam_mm",
    "write_results",
    "write_table",
]
