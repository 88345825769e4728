"""Targets of whole bodies and of single parts, made on the device for a whole batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from carpus.codecs.hand25d import project
from carpus.codecs.whole_body.fitted import (
    Fit,
    Models,
    augmented_pose,
    fit_of,
    layout_joints,
    trained_shape,
)
from carpus.codecs.whole_body.joints import CropPlace, JointTargets, dataset_targets, joint_targets, swapped
from carpus.codecs.whole_body.layout import EXPRESSIVE, MODEL_ROTATIONS, PartLayout, get_layout
from carpus.codecs.whole_body.part_boxes import part_box_targets
from carpus.skeletons.whole_body_pose import pose_mirror


class PersonCodec:
    """Targets of samples that :class:`carpus.data.person_inputs.PersonInputs` ships.

    Targets are in the units of the published losses: image joints in cells of the heat maps along width,
    height and depth, joints in space and meshes in metres, rotations as axis-angle. Nothing has a gradient;
    everything is float32, also under autocast.

    Args:
        part: a layout or the name of a published one: ``whole_body``, ``body``, ``hand``, ``face``.
        models: layers of the body models, :class:`carpus.bodies.library.BodyModels`.
        use_gender: False takes the neutral model for everybody, so that the gendered ones are not needed.
    """

    def __init__(self, part: PartLayout | str, models: Models, use_gender: bool = True) -> None:
        self.models, self.layout, self.use_gender = models, get_layout(part), use_gender

    @torch.no_grad()
    def encode(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Targets and masks of a batch, under the published names.

        Args:
            batch: as :class:`~carpus.data.person_inputs.PersonInputs` makes it.
        Returns:
            With m for ``smplx``, ``smpl``, ``mano`` or ``flame``: ``joint_img``, ``joint_cam``,
            ``m_joint_img``, ``m_joint_cam`` ``(B, J, 3)`` and ``joint_valid``, ``joint_trunc``,
            ``m_joint_valid``, ``m_joint_trunc`` ``(B, J, 1)``; ``m_pose`` and ``m_pose_valid`` ``(B, 3R)``
            or, of FLAME, ``flame_root_pose`` and ``flame_jaw_pose`` ``(B, 3)`` with their masks; ``m_shape``
            ``(B, 10)`` and, with a face, ``m_expr`` ``(B, 10)``, with masks ``(B,)``; ``is_3D`` ``(B,)``; of
            whole bodies :func:`~carpus.codecs.whole_body.part_boxes.part_box_targets`. Masks are 0 or 1.
        """
        with torch.autocast(device_type=batch["image_to_crop"].device.type, enabled=False):
            return self.targets(batch, self.fit(batch))

    @torch.no_grad()
    def encode_with_mesh(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Targets, and the true meshes for scoring, of one pass through the layers.

        Returns:
            :meth:`encode`; and, where the batch has any fit, ``target_vertices_mm`` ``(B, V, 3)`` in the
            camera, not augmented, with ``target_vertices_valid`` ``(B,)`` bool, else no more. A fit of
            another family than the layout's, which only batches for scoring have, gives its own mesh.
        """
        with torch.autocast(device_type=batch["image_to_crop"].device.type, enabled=False):
            fit = self.fit(batch)
            return self.targets(batch, fit) | self._meshes(batch, fit)

    @torch.no_grad()
    def mesh_mm(self, batch: Mapping[str, Tensor]) -> Tensor:
        """``(B, V, 3)`` mm: the true meshes of a batch in its cameras, not augmented."""
        with torch.autocast(device_type=batch["image_to_crop"].device.type, enabled=False):
            return self.fit(batch).vertices_m * 1000

    def fit(self, batch: Mapping[str, Tensor]) -> Fit:
        """The fitted models of a batch in their cameras, joints in the layout's order."""
        fit = fit_of(self.models, self.layout.model, batch, "model", self.use_gender)
        return fit._replace(joints_m=layout_joints(self.models, self.layout, fit))

    def targets(self, batch: Mapping[str, Tensor], fit: Fit) -> dict[str, Tensor]:
        """Targets of a batch whose fitted models are posed already; see :meth:`encode`."""
        place = place_of(batch)
        model, label = self._model_joints(batch, fit, place), self._label_joints(batch, place)
        from_model = batch["label_from_model"].bool()[:, None, None]
        label = JointTargets(*(torch.where(from_model, m, j) for m, j in zip(model, label, strict=True)))
        kind, present = self.layout.model, batch["model_valid"].float()
        targets = {**_named("joint", label), **_named(f"{kind}_joint", model)}
        targets |= self._pose_targets(batch, fit, place)
        shape = trained_shape(batch["model_shape"].float())
        targets |= {f"{kind}_shape": shape, f"{kind}_shape_valid": present}
        if kind in EXPRESSIVE:
            targets[f"{kind}_expr"] = batch["model_expr"].float()
            targets[f"{kind}_expr_valid"] = batch["model_expr_valid"].float()
        if self.layout.has_parts:
            boxes = batch["part_boxes_xyxy_px"].float()
            targets |= part_box_targets(self.layout, boxes, batch["part_box_valid"], place)
        return targets | {"is_3D": batch["label_3d"].float()}

    def _meshes(self, batch: Mapping[str, Tensor], fit: Fit) -> dict[str, Tensor]:
        """Meshes for scoring."""
        valid = batch["model_valid"].bool()
        other = next((k for k in MODEL_ROTATIONS if k != self.layout.model and f"{k}_pose" in batch), None)
        if other is not None:
            fit = fit_of(self.models, other, batch, other, self.use_gender)
            valid = torch.ones_like(valid)
        elif not valid.any():
            return {}
        return {"target_vertices_mm": fit.vertices_m * 1000, "target_vertices_valid": valid}

    def _model_joints(self, batch: Mapping[str, Tensor], fit: Fit, place: CropPlace) -> JointTargets:
        """Joints of the fitted models; zero where there is none."""
        relative = self.layout.relative(fit.joints_m)
        made = joint_targets(
            self.layout,
            project(fit.joints_m, batch["model_camera"].float()),
            self.layout.depth_cells(relative[..., 2]),
            relative,
            batch["model_joint_valid"],
            place,
        )
        present = batch["model_valid"].bool()[:, None, None]
        return JointTargets(*(torch.where(present, values, torch.zeros_like(values)) for values in made))

    def _label_joints(self, batch: Mapping[str, Tensor], place: CropPlace) -> JointTargets:
        """The dataset's own joints."""
        return dataset_targets(
            self.layout,
            batch["label_px"].float(),
            batch["label_cam_mm"].float(),
            batch["label_valid"],
            batch["label_known"],
            batch["label_3d"].bool() & ~batch["label_from_model"].bool(),
            place,
        )

    def _pose_targets(self, batch: Mapping[str, Tensor], fit: Fit, place: CropPlace) -> dict[str, Tensor]:
        """Poses as the crops show them, zero where there is no fit, and which rotations count."""
        kind = self.layout.model
        pose = augmented_pose(kind, fit.pose, place) * batch["model_valid"].float()[:, None, None]
        partner = pose_mirror(kind).tolist()
        valid = swapped(batch["model_pose_valid"].bool(), partner, place.flipped).float()
        if kind == "flame":
            return {
                "flame_root_pose": pose[:, 0],
                "flame_jaw_pose": pose[:, 1],
                "flame_root_pose_valid": valid[:, 0],
                "flame_jaw_pose_valid": valid[:, 1],
            }
        return {f"{kind}_pose": pose.flatten(1), f"{kind}_pose_valid": valid.repeat_interleave(3, 1)}


def place_of(batch: Mapping[str, Tensor]) -> CropPlace:
    """How the crops of a batch lie in their images."""
    return CropPlace(batch["image_to_crop"].float(), batch["flipped"].bool(), batch["turn_deg"].float())


def _named(prefix: str, joints: JointTargets) -> dict[str, Tensor]:
    return {
        f"{prefix}_img": joints.img,
        f"{prefix}_cam": joints.cam,
        f"{prefix}_valid": joints.valid,
        f"{prefix}_trunc": joints.trunc,
    }
