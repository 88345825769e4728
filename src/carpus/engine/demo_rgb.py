"""``carpus demo`` of runs that read photographs: hands in pictures that belong to no dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from carpus.data.loading import MakeInputs
from carpus.data.own_photos import (
    WHOLE,
    PhotoBox,
    PhotoCrop,
    assumed_camera,
    check_names,
    checked_box,
    find_photos,
    photo_crop,
    read_boxes,
    read_photo,
)
from carpus.engine.build import build, build_module
from carpus.engine.config import load_config
from carpus.engine.demo import PhotoOptions, demo_meta
from carpus.engine.digit_files import digit_frames
from carpus.engine.folder import RunFolder
from carpus.engine.weights import read_state
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.methods.base import Outputs, PoseModule
from carpus.methods.digit.module import Digit
from carpus.reports.digit import write_digit_pictures
from carpus.reports.digit_frame import PRESENT, DigitFrame, unique_stems
from carpus.reports.digit_photo import Photo, PhotoWriter, box_name
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
from carpus.skeletons import HandPair, get_skeleton
from carpus.types import Batch, Predictions, collate

Progress = Callable[[int, int], None]
_STUDIOS = {"InterHand26M": "one studio with lamps all around and a plain background"}


def demo_photos(run: RunFolder, options: PhotoOptions, progress: Progress | None = None) -> list[str]:
    """Write joints, masks and pictures of photographs.

    Args:
        run: of a method that reads RGB images of hands.
        options: photographs, boxes, camera.
        progress: called with (done, total).
    Returns:
        lines for the user: one per box, warnings, then where the files are.
    Raises:
        DataError: naming photographs that cannot be read; the others have their files.
    """
    files = find_photos(options.images)
    boxes = boxes_by_name(options.box_file, files)
    predictor = PhotoPredictor.of_run(run, options)
    out = options.out or run.path / "vis" / f"demo_{options.images.stem}"
    writer = PhotoWriter(out, predictor.skeleton, demo_meta(run, predictor.cfg), len(files))
    lines, warnings, broken, whole = [], [out_of_domain(predictor.cfg)], [], 0
    pairs = zip(files, unique_stems([file.name for file in files]), strict=True)
    for done, (file, stem) in enumerate(pairs, start=1):
        try:
            photo, warning = predictor.photograph(file, stem, boxes)
        except DataError as error:
            broken.append(str(error))
            continue
        writer.add(photo)
        predictor.draw(out, stem)
        warnings += [f"warning: {warning}"] if warning else []
        whole += photo.hands[0].box.source == WHOLE
        lines += [
            f"{photo.name}{box_name(i, photo.hands)}: {one.said()}" for i, one in enumerate(photo.hands)
        ]
        if progress is not None and len(files) > 1:
            progress(done, len(files))
    if len(broken) == len(files):
        raise DataError(broken[0])
    page = writer.close()
    if broken:
        raise DataError(f"{len(broken)} of {len(files)} photographs cannot be used: {'; '.join(broken)}")
    return [*lines, *warnings, *_no_box(whole, len(files)), f"  {out}", f"  {page}"]


class PhotoPredictor:
    """A method for photographs of any camera.

    Args:
        cfg: configuration of the run.
        module: its module, with weights.
        inputs: the method's inputs.
        options: camera, wrist depths, hands and device.
    """

    def __init__(
        self, cfg: DictConfig, module: PoseModule, inputs: MakeInputs, options: PhotoOptions
    ) -> None:
        self.cfg, self.module, self.inputs, self.options = cfg, module, inputs, options
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

    def photograph(self, file: Path, stem: str, boxes: dict[str, list[np.ndarray]]) -> tuple[Photo, str]:
        """A file with the hands in it, and a warning, empty if all is well.

        Args:
            file: the photograph.
            stem: of the files written for it.
            boxes: of the photographs that have any, by name.
        Raises:
            DataError: if it cannot be read, or a box shows nothing of it.
        """
        image, warning = read_photo(file)
        chosen = boxes_for(file.name, image, self.options.boxes, boxes)
        hands = self.predict(file.name, image, chosen)
        return Photo(file.name, stem, image, hands, self.camera), warning

    def predict(self, name: str, image: np.ndarray, boxes: Sequence[PhotoBox]) -> list[PhotoHands]:
        """The hands in boxes of one photograph.

        Args:
            name: of the photograph.
            image: ``(H, W, 3)`` uint8 RGB.
            boxes: at least one.
        """
        keys = [name] if len(boxes) == 1 else [f"{name} box {i}" for i in range(1, len(boxes) + 1)]
        crops = [self._crop(key, image, box) for key, box in zip(keys, boxes, strict=True)]
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
            self._keep(prepared, outputs, found)
        places, crop_px = prepared["image_to_crop"].cpu().numpy(), int(prepared["rgb"].shape[1])
        size_wh, hands = (image.shape[1], image.shape[0]), []
        for row, (crop, box) in enumerate(zip(crops, boxes, strict=True)):
            answer, depths = answer_of(found, row, crop), wrists[row]
            if depths is not None and self.camera is not None and "root_depth_mm" not in prepared:
                # The method was not told how far away hands are, and put them where it pleased.
                answer = answer.placed(self.camera, depths[0], self.skeleton)
            one = hands_of(answer, crop, box, shown[row], self.skeleton, depths)
            if answer.segm is not None:
                one = replace(one, segm=crop.labels_in_photo(answer.segm, places[row], crop_px, size_wh))
            hands.append(one)
        # Without a camera the decoded ones would lie in an assumed one's space.
        self._own = [
            replace(frame, joints_cam_mm=one.view_mm, space=one.view_note)
            for frame, one in zip(self._own, hands, strict=False)
        ]
        return hands

    def draw(self, folder: Path, stem: str) -> None:
        """Write the method's own pictures of the photograph predicted last, where it has any."""
        for number, frame in enumerate(self._own, start=1):
            several = f"__box{number}" if len(self._own) > 1 else ""
            write_digit_pictures(folder, frame, stem=f"{stem}{several}")

    def _crop(self, key: str, image: np.ndarray, box: PhotoBox) -> PhotoCrop:
        hands = self.options.hand
        if hands == "auto":
            # Where the dataset's joints have no side, a record has to say which hand it shows.
            two = isinstance(get_skeleton(str(self.cfg.dataset.skeleton)), HandPair)
            hands = "both" if two else "right"
        return photo_crop(
            key,
            image,
            box,
            camera=self.camera or assumed_camera((image.shape[1], image.shape[0])),
            root_depth_mm=nominal_wrists(self.options.wrists_mm),
            hands=hands,
            # Beyond the border of a whole photograph there is nothing to see.
            enlarge=1.0 if box.source == WHOLE else self.options.enlarge,
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

    def _keep(self, prepared: Batch, outputs: Outputs, found: Predictions) -> None:
        """Remember what the method's own pictures need."""
        self._own = []
        if isinstance(self.module, Digit) and self._left_to_draw > 0:
            frames = digit_frames(self.module, prepared, outputs, found, prepared.keys_)
            self._own = frames[: self._left_to_draw]
            self._left_to_draw -= len(self._own)


def boxes_by_name(box_file: Path | None, photos: Sequence[Path]) -> dict[str, list[np.ndarray]]:
    """The boxes of ``--bbox-file`` by the name of their photograph; empty without such a file.

    Raises:
        DataError: if it cannot be read, or names a photograph that is not among these.
    """
    if box_file is None:
        return {}
    boxes = read_boxes(box_file)
    check_names(boxes, [photo.name for photo in photos], box_file)
    return boxes


def boxes_for(
    name: str,
    image: np.ndarray,
    given: Sequence[Sequence[float]],
    named: Mapping[str, Sequence[np.ndarray]],
) -> list[PhotoBox]:
    """The boxes of a photograph; the whole of it where there is none.

    Args:
        name: of the photograph.
        image: ``(H, W, 3)``.
        given: xywh boxes of every photograph.
        named: of some, by name.
    Raises:
        DataError: for a box that shows nothing of the photograph.
    """
    size_wh = (image.shape[1], image.shape[0])
    if given:
        return [PhotoBox(checked_box(box, size_wh, name), "given") for box in given]
    if name in named:
        return [PhotoBox(checked_box(box, size_wh, name), "file") for box in named[name]]
    return [PhotoBox(np.array([0.0, 0.0, *size_wh]), WHOLE)]


def _no_box(whole: int, of: int) -> list[str]:
    """A warning if photographs were taken whole."""
    said = (
        f"warning: no box for {whole} of {of} photographs, taken whole; hands should fill what is looked at"
    )
    return [f"{said}: give --bbox x,y,w,h"] if whole else []


def out_of_domain(cfg: DictConfig) -> str:
    """What the run has seen, and what that means for photographs."""
    source = str(cfg.dataset.spec.source._target_).rpartition(".")[2]
    seen = "drawn pictures" if cfg.dataset.get("synth") else _STUDIOS.get(source, "its pictures only")
    return (
        f"warning: this run was trained on {cfg.dataset.name} ({seen}); on photographs from elsewhere expect "
        "larger errors than its scores"
    )
