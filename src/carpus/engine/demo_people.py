"""``carpus demo`` of runs of Hand4Whole and Pose2Pose: people, hands or faces in pictures and videos."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from omegaconf import DictConfig

from carpus.data.own_photos import WHOLE, PhotoBox
from carpus.data.own_videos import is_video
from carpus.data.person_inputs import PersonInputs
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.demo_clip import demo_clip
from carpus.engine.demo_detector import OWN, SCORE, PersonDetector, in_cache
from carpus.engine.demo_options import NO_DETECTOR, PeopleOptions
from carpus.engine.demo_shots import AT_ONCE, Asked, Progress, Shot, Subject, demo_images
from carpus.engine.demo_smooth import PersonSmoother
from carpus.engine.folder import RunFolder
from carpus.engine.weights import read_state
from carpus.errors import ConfigError
from carpus.geometry import Camera
from carpus.geometry.one_euro import OneEuroSettings
from carpus.methods.fitted import MM_PER_M, FittedPerson
from carpus.reports.clip import FramePlace, PeopleClip
from carpus.reports.digit_photo import box_name
from carpus.reports.page import ReportMeta
from carpus.reports.people_demo import PeoplePhoto, PeopleWriter
from carpus.reports.people_found import FittedModel, FoundPerson
from carpus.types import Batch, Field, Inputs, Predictions, Record, collate

_SMALL = 0.2


def demo_people(run: RunFolder, options: PeopleOptions, progress: Progress | None = None) -> list[str]:
    """Write meshes, parameters and renders of photographs or of a video.

    Args:
        run: of Hand4Whole or Pose2Pose.
        options: photographs or video, and where people are in them.
        progress: called with (done, total).
    Returns:
        lines for the user: one per box, warnings, then where the files are.
    Raises:
        ConfigError: for options that do not go with the run.
        DataError: naming what cannot be used.
    """
    walk = demo_clip if is_video(options.images) else demo_images
    return walk(lambda: PeoplePredictor.of_run(run, options), run, options, progress)


class PeoplePredictor(Subject[FoundPerson]):
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

    nobody = f"the detector finds nobody with a score of {SCORE:g}"
    options: PeopleOptions

    def __init__(
        self, cfg: DictConfig, module: FittedPerson, inputs: PersonInputs, options: PeopleOptions
    ) -> None:
        super().__init__(cfg, options)
        self.module, self.inputs = module, inputs
        layout = module.layout
        self.is_body = layout.model in ("smplx", "smpl")
        self.side = (options.hand or "right") if layout.one_hand else None
        if options.hand is not None and self.side is None:
            raise ConfigError(f"--hand {options.hand}: {cfg.method.name} does not look at single hands")
        asked = None if options.detector == NO_DETECTOR else options.detector
        if asked is not None and not self.is_body:
            raise ConfigError(
                f"--detector finds people, but {cfg.method.name} looks at a {layout.name}: give --bbox"
            )
        if options.enlarge is not None:
            inputs.enlarge = options.enlarge
        layer = module.bodies.layer(layout.model, "right" if layout.one_hand else "neutral")
        self.model = FittedModel(layout.model, layer.faces, layout.joints, layer.standin)
        boxed = options.boxes or options.box_file is not None
        self.unasked = options.detector is None and self.is_body and not boxed and in_cache()
        weights = OWN if self.unasked else asked
        self.detector = PersonDetector.of_weights(weights, options.device) if weights else None
        if options.all_persons and self.detector is None:
            raise ConfigError("--all-persons says nothing without --detector")

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

    def boxes(self, name: str, image: np.ndarray, named: Sequence[np.ndarray]) -> Sequence[PhotoBox]:
        """Those that were given, or the detector's."""
        if self.detector is None:
            return super().boxes(name, image, named)
        found = self.detector.find(image)
        return found if self.options.all_persons else found[:1]

    def predict(self, asked: Sequence[Asked]) -> list[FoundPerson]:
        """Who or what is in boxes."""
        starts = range(0, len(asked), AT_ONCE)
        return [person for start in starts for person in self._predict(asked[start : start + AT_ONCE])]

    def _predict(self, asked: Sequence[Asked]) -> list[FoundPerson]:
        pictures = {id(one.image): _encoded(one.image) for one in asked}
        batch = collate([self._sample(one, pictures[id(one.image)]) for one in asked])
        # Without truth there is nothing to make targets of.
        wanted = Batch(batch.keys_, {k: v for k, v in batch.items() if k != "label_px"})
        with torch.inference_mode():
            predictions = self.module.predict_batch(wanted.to(self.options.device))
        return [self._person(predictions, batch, row, one.box) for row, one in enumerate(asked)]

    def said(self, found: FoundPerson) -> str:
        """What was fitted in which box."""
        return found.told(self.model)

    def page(self, folder: Path, meta: ReportMeta, count: int) -> PeopleWriter:
        """Meshes, parameters and renders."""
        return PeopleWriter(folder, self.model, meta, count)

    def write(self, page: PeopleWriter, shot: Shot, found: Sequence[FoundPerson]) -> None:
        """A folder of its own."""
        page.add(PeoplePhoto(shot.name, shot.stem, shot.image, found))

    def clip_page(self, folder: Path, meta: ReportMeta, count: int | None, fps: float) -> PeopleClip:
        """Film and numbers."""
        return PeopleClip(folder, self.model, meta, count, fps)

    def write_frame(
        self, page: PeopleClip, shot: Shot, found: Sequence[FoundPerson], place: FramePlace
    ) -> None:
        """A line and a picture of the film."""
        page.add_frame(PeoplePhoto(shot.name, shot.stem, shot.image, found), place)

    def smoother(self, settings: OneEuroSettings) -> PersonSmoother:
        """Of the parameters, of which joints and surface follow."""
        return PersonSmoother(settings, self.posed)

    def posed(self, parameters: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Joints ``(J, 3)`` and surface ``(V, 3)`` of one person's parameters, in mm before the camera."""
        given = {
            name: torch.tensor(value, dtype=torch.float32, device=self.options.device)[None]
            for name, value in parameters.items()
        }
        left = self.side == "left"
        with torch.inference_mode():
            # The model is that of a right hand; mirroring twice changes nothing.
            turned = self.module.unmirrored(given, torch.tensor([left], device=self.options.device))
            made = self.module.posed(turned)
        sign = np.array([-MM_PER_M if left else MM_PER_M, MM_PER_M, MM_PER_M], np.float32)
        joints, vertices = (_row(made[name], 0) * sign for name in ("joints_supervised_m", "vertices_m"))
        return joints, vertices

    def warnings(self) -> list[str]:
        """What holds for all pictures."""
        said = super().warnings()
        if self.model.standin:
            said.append(
                f"the {self.model.kind} model is a stand-in: its shapes are not the published ones, and "
                "parameters mean nothing to those"
            )
        if self.unasked:
            said.append(
                "boxes are those of torchvision's detector, whose weights are in its cache; "
                f"--detector {NO_DETECTOR} takes whole pictures"
            )
        if self.side is not None and self.options.hand is None:
            said.append("hands are taken for right ones; --hand left says otherwise")
        return said

    def doubts(self, shot: Shot) -> list[str]:
        """What is doubtful about boxes of a picture."""
        height, width = shot.image.shape[:2]
        said = []
        for number, box in enumerate(shot.boxes):
            left, top, wide, high = (float(v) for v in box.xywh_px)
            where = f"{shot.name}{box_name(number, shot.boxes)}"
            if box.source == WHOLE:
                said.append(
                    f"{where}: no box, the whole image is taken for it: give --bbox x,y,w,h"
                    + (", or --detector torchvision" if self.is_body else "")
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

    def _sample(self, asked: Asked, picture: bytes) -> tuple[str, Inputs]:
        key, image, box = asked.key, asked.image, asked.box
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
        return key, inputs(Record(key, {"rgb": picture}, fields), np.random.default_rng(0), False)

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


def _encoded(image: np.ndarray) -> bytes:
    # Not compressed: it is decoded at once, and compressing takes longer than a network.
    return cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()


def _row(values: torch.Tensor | None, row: int) -> np.ndarray:
    assert values is not None
    return values[row].float().cpu().numpy()
