"""People whose dataset has no published evaluation: joints in the picture, and the fit where there is one."""

from __future__ import annotations

from typing import ClassVar

from carpus.metrics.checks import check_finite
from carpus.metrics.functional.mesh_error import similarity_error
from carpus.metrics.mesh import NamedMeans
from carpus.metrics.protocols.mesh import NamedProtocol, true_meshes_mm
from carpus.types import Batch, Predictions

_SHARES = (0.05, 0.1)
_PIXELS = ("mean_error_px", *(f"pck_{share:g}" for share in _SHARES))


class PersonJointsProtocol(NamedProtocol):
    """How far the joints in the picture are from the labelled ones.

    ``mean_error_px`` over all labelled joints the method predicts, in pixels of the published picture;
    ``pck_0.05`` and ``pck_0.1``, the share of them within 5 and 10 % of the longer side of the person's box.
    Where a person was fitted by the same body model, ``pa_mpvpe_fit`` in mm is the mean distance of vertices
    after similarity alignment.

    Batches offer the labels in the method's order as ``label_px`` ``(B, J, 2)`` with ``label_valid``
    ``(B, J)``, and ``crop_xywh_px`` ``(B, 4)``.
    """

    truth: ClassVar[frozenset[str]] = frozenset({"bbox_xywh_px"})
    needs: ClassVar[frozenset[str]] = frozenset({"joints_px"})

    def __init__(self) -> None:
        super().__init__({"joints": NamedMeans(_PIXELS), "fit": NamedMeans(["pa_mpvpe_fit"])}, _PIXELS[0])

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch.

        Raises:
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        found = predictions.joints_px
        assert found is not None
        self.follow(found.device)
        valid = batch["label_valid"].to(found.device).bool()
        check_finite(found, valid, batch.keys_)
        errors = (found.double() - batch["label_px"].to(found.device).double()).norm(dim=-1)
        side = batch["crop_xywh_px"].to(found.device).double()[:, 2:].amax(1, keepdim=True)
        within = {f"pck_{share:g}": (errors <= share * side).double().flatten() for share in _SHARES}
        self._means("joints").update({_PIXELS[0]: errors.flatten(), **within}, valid.flatten())
        true, vertices = true_meshes_mm(batch), predictions.vertices_cam_mm
        if true is None or vertices is None or true[0].shape != vertices.shape:
            return
        mesh, fitted = (value.to(found.device) for value in true)
        if fitted.any():
            self._means("fit").update({"pa_mpvpe_fit": similarity_error(vertices[fitted], mesh[fitted])})

    def _means(self, name: str) -> NamedMeans:
        metric = self.metrics[name]
        assert isinstance(metric, NamedMeans)
        return metric
