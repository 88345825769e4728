"""``carpus demo`` of runs of Hand4Whole and Pose2Pose: people, hands or faces in pictures of one's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from omegaconf import DictConfig

from carpus.data.own_photos import WHOLE, PhotoBox, find_photos, read_photo
from carpus.data.person_inputs import PersonInputs
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.demo import demo_meta
from carpus.engine.demo_detector import SCORE, PersonDetector
from carpus.engine.demo_rgb import boxes_by_name, boxes_for, out_of_domain
from carpus.engine.folder import RunFolder
from carpus.engine.weights import read_state
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.methods.fitted import FittedPerson
from carpus.reports.digit_frame import unique_stems
from carpus.reports.digit_photo import box_name
from carpus.reports.people_demo import PeoplePhoto, PeopleWriter
from carpus.reports.people_found import FittedModel, FoundPerson
from carpus.types import Batch, Field, Predictions, Record, collate

Progress = Callable[[int, int], None]
SIDES = ("right", "left")
_AT_ONCE = 8
_SMALL = 0.2


@dataclass(frozen=True)
class PeopleOptions:
    """What the command line says of photographs of people.

    Args:
        images: photograph or folder of them.
        boxes: boxes ``(x, y, width, height)``, in every photograph.
        box_file: JSON file of boxes by file name.
        enlarge: factor on boxes; None for the method's own.
        hand: ``right`` or ``left`` for methods that look at a hand; None for right.
        detector: file of weights of torchvision's detector, or ``torchvision`` for its cache.
        all_persons: take all that the detector finds, not only the surest.
        out: folder for the files; None for one in the run's folder.
        device: of the networks.
    """

    images: Path
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    box_file: Path | None = None
    enlarge: float | None = None
    hand: str | None = None
    detector: str | None = None
    all_persons: bool = False
    out: Path | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        said = [("--bbox", self.boxes), ("--bbox-file", self.box_file), ("--detector", self.detector)]
        given = [option for option, value in said if value]
        if len(given) > 1:
            raise ConfigError(f"{' and '.join(given)} all say where people are: give one of them")
        if self.all_persons and self.detector is None:
            raise ConfigError("--all-persons says nothing without --detector")
        if self.hand is not None and self.hand not in SIDES:
            raise ConfigError(f"--hand {self.hand}: this method looks at one hand: give right or left")


def demo_people(run: RunFolder, options: PeopleOptions, progress: Progress | None = None) -> list[str]:
    """Write meshes, parameters and renders of photographs.

    Args:
        run: of Hand4Whole or Pose2Pose.
        options: photographs, and where people are in them.
        progress: called with (done, total).
    Returns:
        lines for the user: one per box, warnings, then where the files are.
    Raises:
        ConfigError: for options that do not go with the run.
        DataError: naming photographs that cannot be used; the others have their files.
    """
    files = find_photos(options.images)
    boxes = boxes_by_name(options.box_file, files)
    predictor = PeoplePredictor.of_run(run, options)
    detector = PersonDetector.of_weights(options.detector, options.device) if options.detector else None
    out = options.out or run.path / "vis" / f"demo_{options.images.stem}"
    writer = PeopleWriter(out, predictor.model, demo_meta(run, predictor.cfg), len(files))
    lines, warnings, broken = [], predictor.warnings(), []
    pairs = zip(files, unique_stems([file.name for file in files]), strict=True)
    for done, (file, stem) in enumerate(pairs, start=1):
        try:
            image, warning = read_photo(file)
            chosen = _found_boxes(file.name, image, options, boxes, detector)
            people = predictor.predict(file.name, image, chosen)
        except DataError as error:
            broken.append(str(error))
            continue
        writer.add(PeoplePhoto(file.name, stem, image, people))
        lines += [
            f"{file.name}{box_name(i, people)}: {person.told(predictor.model)}"
            for i, person in enumerate(people)
        ]
        warnings += [f"{file.name}: {warning}"] if warning else []
        warnings += predictor.box_warnings(file.name, image, chosen)
        if progress is not None and len(files) > 1:
            progress(done, len(files))
    if len(broken) == len(files):
        raise DataError(broken[0])
    page = writer.close()
    if broken:
        raise DataError(f"{len(broken)} of {len(files)} photographs cannot be used: {'; '.join(broken)}")
    return [*lines, *(f"warning: {text}" for text in warnings), f"  {out}", f"  {page}"]


class PeoplePredictor:
    """A method of whole bodies, or of single parts, for photographs.

    Args:
        cfg: configuration of the run.
        module: its module, with weights.
        inputs: the method's inputs.
        options: hand, enlarging and device.
    Raises:
        ConfigError: for a hand's side where the method looks at something else, or a detector of people
            where it looks at a part of them.
    """

    def __init__(
        self, cfg: DictConfig, module: FittedPerson, inputs: PersonInputs, options: PeopleOptions
    ) -> None:
        self.cfg, self.module, self.inputs, self.options = cfg, module, inputs, options
        layout = module.layout
        self.is_body = layout.model in ("smplx", "smpl")
        self.side = (options.hand or "right") if layout.one_hand else None
        if options.hand is not None and self.side is None:
            raise ConfigError(f"--hand {options.hand}: {cfg.method.name} does not look at single hands")
        if options.detector is not None and not self.is_body:
            raise ConfigError(
                f"--detector finds people, but {cfg.method.name} looks at a {layout.name}: give --bbox"
            )
        if options.enlarge is not None:
            inputs.enlarge = options.enlarge
        layer = module.bodies.layer(layout.model, "right" if layout.one_hand else "neutral")
        self.model = FittedModel(layout.model, layer.faces, layout.joints, layer.standin)

    @classmethod
    def of_run(cls, run: RunFolder, options: PeopleOptions) -> PeoplePredictor:
        """With the weights of a run's last checkpoint.

        Raises:
            ConfigError: if the run's method is another one.
        """
        cfg = load_config(run.config_file)
        module = build_module(cfg)
        if not isinstance(module, FittedPerson):
            raise ConfigError(f"run {run.key} is of {cfg.method.name}, which fits no body model")
        module.load_state_dict(read_state(run.need_checkpoint()))
        return cls(cfg, module.eval().to(options.device), build(cfg.method.inputs), options)

    def predict(self, name: str, image: np.ndarray, boxes: Sequence[PhotoBox]) -> list[FoundPerson]:
        """Who or what is in boxes of one photograph.

        Args:
            name: of the photograph.
            image: ``(H, W, 3)`` uint8 RGB.
            boxes: at least one.
        Raises:
            DataError: for a box without extent in the photograph.
        """
        picture = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        found: list[FoundPerson] = []
        for first in range(0, len(boxes), _AT_ONCE):
            some = boxes[first : first + _AT_ONCE]
            made = [self._sample(f"{name} box {first + i}", picture, image, b) for i, b in enumerate(some, 1)]
            batch = collate(made)
            # Without truth there is nothing to make targets of.
            asked = Batch(batch.keys_, {k: v for k, v in batch.items() if k != "label_px"})
            with torch.inference_mode():
                predictions = self.module.predict_batch(asked.to(self.options.device))
            found += [self._person(predictions, batch, row, box) for row, box in enumerate(some)]
        return found

    def warnings(self) -> list[str]:
        """What holds for all photographs."""
        said = [out_of_domain(self.cfg).removeprefix("warning: ")]
        if self.model.standin:
            said.append(
                f"the {self.model.kind} model is a stand-in: its shapes are not the published ones, and "
                "parameters mean nothing to those"
            )
        if self.side is not None and self.options.hand is None:
            said.append("hands are taken for right ones; --hand left says otherwise")
        return said

    def box_warnings(self, name: str, image: np.ndarray, boxes: Sequence[PhotoBox]) -> list[str]:
        """What is doubtful about boxes of a photograph."""
        height, width = image.shape[:2]
        said = []
        for number, box in enumerate(boxes):
            left, top, wide, high = (float(v) for v in box.xywh_px)
            where = f"{name}{box_name(number, boxes)}"
            if box.source == WHOLE:
                said.append(
                    f"{where}: no box, the whole image is taken for it: give --bbox x,y,w,h"
                    + (", or --detector" if self.is_body else "")
                )
            elif left < 0 or top < 0 or left + wide > width or top + high > height:
                said.append(
                    f"{where}: the box lies partly outside the picture of {width} x {height} pixels; it is "
                    "moved inwards and cut, as the published program does"
                )
            if self.is_body and high < _SMALL * height:
                said.append(
                    f"{where}: the box covers {100 * high / height:.0f} % of the picture's height; hands "
                    "and feet of people that small are poor, and a wrong box is worse: look at the render"
                )
        return said

    def _sample(
        self, key: str, picture: bytes, image: np.ndarray, box: PhotoBox
    ) -> tuple[str, dict[str, np.ndarray]]:
        fields: dict[str, Field] = {
            "image": key,
            "image_wh": np.array([image.shape[1], image.shape[0]], np.int64),
            "bbox_xywh_px": np.asarray(box.xywh_px, np.float32),
            "box_ready": 0,
        }
        if self.side is not None:
            fields["hand_type"] = np.array([self.side == "right", self.side == "left"])
        inputs = self.inputs
        if box.source == WHOLE:
            # Beyond the border of a whole photograph there is nothing to see.
            inputs = copy.copy(inputs)
            inputs.enlarge = 1.0
        return key, inputs(Record(key, {"rgb": picture}, fields), np.random.default_rng(0), False)  # type: ignore[return-value]

    def _person(self, predictions: Predictions, batch: Batch, row: int, box: PhotoBox) -> FoundPerson:
        parameters = {k: v[row].float().cpu().numpy() for k, v in predictions.body_params.items()}  # type: ignore[union-attr]
        focal, centre = parameters.pop("focal_px"), parameters.pop("princpt_px")
        crop, mirrored = batch["rgb"][row].numpy(), bool(batch["flipped"][row])
        return FoundPerson(
            box=box,
            crop_xywh_px=batch["crop_xywh_px"][row].numpy(),
            side=self.side,
            joints_px=_row(predictions.joints_px, row),
            joints_cam_mm=_row(predictions.joints_cam_mm, row),
            vertices_cam_mm=_row(predictions.vertices_cam_mm, row),
            parameters=parameters,
            camera=Camera(*(float(v) for v in (*focal, *centre))),
            crop=np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop,
            crop_camera=self._crop_camera(crop.shape[:2], mirrored),
        )

    def _crop_camera(self, crop_hw: tuple[int, ...], mirrored: bool) -> Camera:
        """The virtual camera in pixels of the crop as it is shown, which is never mirrored."""
        virtual = self.module.camera
        zoom_y, zoom_x = (side / own for side, own in zip(crop_hw, virtual.image_hw, strict=True))
        cx, cy = virtual.principal_px[0] * zoom_x, virtual.principal_px[1] * zoom_y
        return Camera(
            virtual.focal_px * zoom_x, virtual.focal_px * zoom_y, crop_hw[1] - 1 - cx if mirrored else cx, cy
        )


def _found_boxes(
    name: str,
    image: np.ndarray,
    options: PeopleOptions,
    named: Mapping[str, Sequence[np.ndarray]],
    detector: PersonDetector | None,
) -> Sequence[PhotoBox]:
    """The boxes of a photograph."""
    if detector is None:
        return boxes_for(name, image, options.boxes, named)
    found = detector.find(image)
    if not found:
        raise DataError(f"{name}: the detector finds nobody with a score of {SCORE:g}; give --bbox x,y,w,h")
    return found if options.all_persons else found[:1]


def _row(values: torch.Tensor | None, row: int) -> np.ndarray:
    assert values is not None
    return values[row].float().cpu().numpy()
