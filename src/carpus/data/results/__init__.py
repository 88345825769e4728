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
from carpus.data.results.hdf5 import (
    PredictionFile,
    PredictionHeader,
    find_predictions,
    is_predictions,
    predictions_to_text,
    read_prediction_text,
    read_predictions,
    text_to_predictions,
    write_predictions,
)
from carpus.data.results.index import check_index, frame_numbers
from carpus.data.results.spaces import CONVENTIONS, SPACES, Convention, convention, from_cam_mm, to_cam_mm
from carpus.data.results.text import Table, read_table, write_table

__all__ = [
    "CONVENTIONS",
    "SPACES",
    "Convention",
    "ForeignJoints",
    "PredictionFile",
    "PredictionHeader",
    "ResultFile",
    "ResultHeader",
    "Table",
    "check_index",
    "convention",
    "convert_results",
    "find_predictions",
    "frame_numbers",
    "from_cam_mm",
    "is_predictions",
    "load_joints",
    "mean_joints",
    "mean_results",
    "predictions_to_text",
    "read_header",
    "read_prediction_text",
    "read_predictions",
    "read_results",
    "read_table",
    "sidecars",
    "text_to_predictions",
    "to_cam_mm",
    "write_predictions",
    "write_results",
    "write_table",
]
