"""``carpus demo`` of runs that read photographs: hands in pictures and videos of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from carpus.data.loading import MakeInputs
from carpus.data.own_photos import ENLARGE, WHOLE, PhotoCrop, assumed_camera, photo_crop
from carpus.data.own_videos import is_video
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.demo_clip import demo_clip
from carpus.engine.demo_options import PhotoOptions
from carpus.engine.demo_shots import AT_ONCE, Asked, Progress, Shot, Subject, demo_images
from carpus.engine.demo_smooth import HandSmoother
from carpus.engine.digit_files import digit_frames
from carpus.engine.folder import RunFolder
from carpus.engine.weights import read_state
from carpus.errors import ConfigError
from carpus.geometry import Camera
from carpus.geometry.one_euro import OneEuroSettings
from carpus.methods.base import Outputs, PoseModule
from carpus.methods.digit.module import Digit
from carpus.reports.clip import FramePlace, HandClip
from carpus.reports.digit import write_digit_pictures
from carpus.reports.digit_frame import PRESENT, DigitFrame
from carpus.reports.digit_photo import Photo, PhotoWriter
from carpus.reports.digit_photo_hands import (
    Answer,
    PhotoHands,
    Wrists,
    answer_of,
    estimated_wrists,
    hands_of,
    nominal_wrists,
)
from carpus.reports.digit_style import hand_pair
from carpus.reports.page import ReportMeta
from carpus.skeletons import HandPair, get_skeleton
from carpus.types import Batch, Predictions, collate


def demo_photos(run: RunFolder, options: PhotoOptions, progress: Progress | None = None) -> list[str]:
    """Write joints, masks and pictures of photographs or of a video.

    Args:
        run: of a method that reads RGB images of hands.
        options: photographs or video, boxes, camera.
        progress: called with (done, total).
    Returns:
        lines for the user: one per box, warnings, then where the files are.
    Raises:
        DataError: naming what cannot be read.
    """
    walk = demo_clip if is_video(options.images) else demo_images
    return walk(lambda: PhotoPredictor.of_run(run, options), run, options, progress)


class PhotoPredictor(Subject[PhotoHands]):
    """A method for photographs of any camera.

    Args:
        cfg: configuration of the run.
        module: its module, with weights.
        inputs: the method's inputs.
        options: camera, wrist depths, hands and device.
    """

    options: PhotoOptions

    def __init__(
        self, cfg: DictConfig, module: PoseModule, inputs: MakeInputs, options: PhotoOptions
    ) -> None:
        super().__init__(cfg, options)
        self.module, self.inputs = module, inputs
        self.skeleton = hand_pair(str(cfg.method.get("skeleton") or "interhand26m"))
        self.camera = Camera(*options.camera) if options.camera else None
        self._own: list[DigitFrame] = []
        self._left_to_draw = options.pictures

    @classmethod
    def of_run(cls, run: RunFolder, options: PhotoOptions) -> PhotoPredictor:
        """With the weights of a run's last checkpoint.

        Raises:
            ConfigError: if the run's method reads something else than RGB images of hands.
        """
        cfg = load_config(run.config_file)
        if cfg.method.needs.kind != "rgb_hand":
            raise ConfigError(f"run {run.key} is of {cfg.method.name}, which does not read photographs")
        module = build_module(cfg)
        module.load_state_dict(read_state(run.need_checkpoint()))
        return cls(cfg, module.eval().to(options.device), build(cfg.method.inputs), options)

    def predict(self, asked: Sequence[Asked]) -> list[PhotoHands]:
        """The hands in boxes."""
        self._own = []
        starts = range(0, len(asked), AT_ONCE)
        return [hands for start in starts for hands in self._predict(asked[start : start + AT_ONCE])]

    def _predict(self, asked: Sequence[Asked]) -> list[PhotoHands]:
        crops = [self._crop(one) for one in asked]
        made = [
            (crop.record.key, self.inputs(crop.record, np.random.default_rng(0), False)) for crop in crops
        ]
        with torch.inference_mode():
            prepared = self.module.prepare(collate(made).to(self.options.device))
            outputs = self.module(prepared)
            found = self.module.decode(outputs, prepared)
            answers = [answer_of(found, row, crop) for row, crop in enumerate(crops)]
            shown = [self._shown(answer, prepared["hand_type"][i]) for i, answer in enumerate(answers)]
            wrists = [self._wrists(answer, there) for answer, there in zip(answers, shown, strict=True)]
            found = self._placed(prepared, outputs, found, wrists)
            own = self._own_pictures(prepared, outputs, found)
        places, crop_px, hands = prepared["image_to_crop"].cpu().numpy(), int(prepared["rgb"].shape[1]), []
        for row, (crop, one) in enumerate(zip(crops, asked, strict=True)):
            answer, depths = answer_of(found, row, crop), wrists[row]
            if depths is not None and self.camera is not None and "root_depth_mm" not in prepared:
                # The method was not told how far away hands are, and put them where it pleased.
                answer = answer.placed(self.camera, depths[0], self.skeleton)
            seen = hands_of(answer, crop, one.box, shown[row], self.skeleton, depths)
            if answer.segm is not None:
                size_wh = (one.image.shape[1], one.image.shape[0])
                seen = replace(seen, segm=crop.labels_in_photo(answer.segm, places[row], crop_px, size_wh))
            hands.append(seen)
        # Without a camera the decoded ones would lie in an assumed one's space.
        self._own += [
            replace(frame, joints_cam_mm=seen.view_mm, space=seen.view_note)
            for frame, seen in zip(own, hands, strict=False)
        ]
        return hands

    def said(self, found: PhotoHands) -> str:
        """Which hands are there, and how far away."""
        return found.said()

    def page(self, folder: Path, meta: ReportMeta, count: int) -> PhotoWriter:
        """JSON, masks and overlays."""
        return PhotoWriter(folder, self.skeleton, meta, count)

    def write(self, page: PhotoWriter, shot: Shot, found: Sequence[PhotoHands]) -> None:
        """With the method's own pictures, where it has any."""
        page.add(self._photo(shot, found))
        for number, frame in enumerate(self._own, start=1):
            several = f"__box{number}" if len(self._own) > 1 else ""
            write_digit_pictures(page.folder, frame, stem=f"{shot.stem}{several}")

    def clip_page(self, folder: Path, meta: ReportMeta, count: int | None, fps: float) -> HandClip:
        """Film and numbers."""
        self._left_to_draw = 0
        return HandClip(folder, self.skeleton, meta, count, fps)

    def write_frame(self, page: HandClip, shot: Shot, found: Sequence[PhotoHands], place: FramePlace) -> None:
        """A line and a picture of the film."""
        page.add_frame(self._photo(shot, found), place)

    def smoother(self, settings: OneEuroSettings) -> HandSmoother:
        """Of joints in the picture and of their depths."""
        return HandSmoother(settings, self.skeleton, self.camera)

    def summed_up(self, whole: int, of: str) -> list[str]:
        """How often no box was given."""
        said = f"no box for {whole} of {of}, taken whole; hands should fill what is looked at"
        return [f"{said}: give --bbox x,y,w,h"] if whole else []

    def _photo(self, shot: Shot, found: Sequence[PhotoHands]) -> Photo:
        return Photo(shot.name, shot.stem, shot.image, found, self.camera)

    def _crop(self, asked: Asked) -> PhotoCrop:
        image, box, enlarge = asked.image, asked.box, self.options.enlarge
        hands = self.options.hand
        if hands == "auto":
            # Where the dataset's joints have no side, a record has to say which hand it shows.
            two = isinstance(get_skeleton(str(self.cfg.dataset.skeleton)), HandPair)
            hands = "both" if two else "right"
        return photo_crop(
            asked.key,
            image,
            box,
            camera=self.camera or assumed_camera((image.shape[1], image.shape[0])),
            root_depth_mm=nominal_wrists(self.options.wrists_mm),
            hands=hands,
            # Beyond the border of a whole photograph there is nothing to see.
            enlarge=1.0 if box.source == WHOLE else ENLARGE if enlarge is None else enlarge,
            crop_px=int(self.cfg.method.inputs.get("crop_px", 256)),
        )

    def _shown(self, answer: Answer, looked_at: Tensor) -> np.ndarray:
        """``(2,)`` bool: the hands asked for, else those that are there, else those looked at."""
        if self.options.hand == "auto" and answer.presence is not None:
            return answer.presence > PRESENT
        return looked_at.cpu().numpy().astype(bool)

    def _wrists(self, answer: Answer, shown: np.ndarray) -> Wrists | None:
        """Depths to place hands at; None where there is no camera or no depth."""
        if self.camera is None or answer.joints_cam_mm is None:
            return None
        if self.options.wrists_mm is not None:
            return self.options.wrists_mm, "given with --wrist-depth"
        return estimated_wrists(answer, shown, self.camera, self.skeleton)

    def _placed(
        self, prepared: Batch, outputs: Outputs, found: Predictions, wrists: Sequence[Wrists | None]
    ) -> Predictions:
        """The predictions with wrists at these depths, None for leaving them."""
        known = [depths[0] for depths in wrists if depths is not None]
        if not known or "root_depth_mm" not in prepared:
            return found
        moved = torch.tensor(known).to(prepared["root_depth_mm"])
        return self.module.decode(outputs, Batch(prepared.keys_, {**prepared, "root_depth_mm": moved}))

    def _own_pictures(self, prepared: Batch, outputs: Outputs, found: Predictions) -> list[DigitFrame]:
        """What the method's own pictures need, as far as they are wanted."""
        if not isinstance(self.module, Digit) or self._left_to_draw < 1:
            return []
        frames = digit_frames(self.module, prepared, outputs, found, prepared.keys_)[: self._left_to_draw]
        self._left_to_draw -= len(frames)
        return frames
