"""The 127 joints of people of a gender, without their meshes: what AGORA's labels are checked and made with.

Of a mesh of 10,475 vertices the joints need 174. They are skinned alone, in double precision, which makes a
hundred thousand people a matter of minutes; results are those of the SMPL-X layer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.files import find_body_model, load_body_model
from carpus.bodies.models import BodyModel
from carpus.errors import DataError

JOINTS = 127
SHAPE, KID = 10, 11
"""Coefficients of an adult's shape, and those of a child: the last one leads to the template of an infant."""
SIZES = {
    **{"global_orient": 3, "body_pose": 63, "jaw_pose": 3, "leye_pose": 3, "reye_pose": 3},
    **{"left_hand_pose": 45, "right_hand_pose": 45, "betas": SHAPE, "expression": 10, "transl": 3},
}
"""Entries of a fit and how many numbers they have; children have one of ``betas`` more."""

KID_TEMPLATES = ("smplx_kid_template.npy", "kid_template.npy")

_POSE = tuple(SIZES)[:7]
_POINTS = np.array(
    [
        *(9120, 9929, 9448, 616, 6),
        *(5770, 5780, 8846, 8463, 8474, 8635),
        *(5361, 4933, 5058, 5169, 5286),
        *(8079, 7669, 7794, 7905, 8022),
    ]
)
"""Nose, eyes, ears; toes and heels; finger tips of the left and of the right hand."""
_WIDE = 300
"""Columns of shape before those of expression where there are so many."""


class JointBody:
    """Joints of SMPL-X people of one gender.

    Args:
        model: SMPL-X's content.
        kid_template: ``(10475, 3)`` vertices of an infant, towards which children are blended, or None.
    """

    def __init__(self, model: BodyModel, kid_template: np.ndarray | None = None) -> None:
        arrays = model.arrays
        self.standin, self.parents = model.standin, model.parents
        template = np.asarray(arrays["v_template"], np.float64)
        basis = np.asarray(arrays["shapedirs"])
        wide = basis.shape[2] >= _WIDE + SIZES["expression"]
        first = _WIDE if wide else SHAPE
        columns = [*range(SHAPE), *range(first, first + SIZES["expression"])]
        kid = np.zeros_like(template) if kid_template is None else _towards(kid_template, template)
        basis = np.concatenate([basis[:, :, columns], kid[:, :, None]], axis=2).astype(np.float64)
        self.has_kid = kid_template is not None
        regressor = np.asarray(arrays["J_regressor"], np.float64)
        self._rest, self._rest_basis = regressor @ template, np.einsum("jv,vcs->jcs", regressor, basis)
        faces = model.faces[np.asarray(arrays["lmk_faces_idx"], np.int64)]
        self._bary = np.asarray(arrays["lmk_bary_coords"], np.float64)
        chosen = np.concatenate([_POINTS, faces.reshape(-1)])
        self._points, self._basis = template[chosen], basis[chosen]
        self._pose_basis = np.asarray(arrays["posedirs"])[chosen].astype(np.float64)
        self._weights = np.asarray(arrays["weights"], np.float64)[chosen]
        self._mean = np.concatenate([arrays["hands_meanl"], arrays["hands_meanr"]]).reshape(-1, 3)

    def digest(self) -> str:
        """A short name of the model's content, as far as joints depend on it."""
        content = hashlib.blake2b(digest_size=8)
        for array in (self._rest, self._rest_basis, self._points, self._weights, self._mean):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()

    def pelvis(self, fit: Mapping[str, np.ndarray], kid: bool = False) -> np.ndarray:
        """``(3,)`` metres: the pelvis without translation, about which the body turns."""
        return self._rest[0] + self._rest_basis[0] @ self._shape(fit, kid)

    def joints(self, fit: Mapping[str, np.ndarray], kid: bool = False) -> np.ndarray:
        """Joints of a fit, with its translation.

        Args:
            fit: see :func:`checked_fit`.
            kid: whether the last coefficient of a child counts.
        Returns:
            ``(127, 3)`` metres, in the order of the first 127 of :data:`~carpus.skeletons.SMPLX_144`.
        """
        shape = self._shape(fit, kid)
        pose = np.concatenate([fit[name] for name in _POSE]).reshape(-1, 3)
        pose[-len(self._mean) :] += self._mean
        turns = Rotation.from_rotvec(pose).as_matrix()
        rest = self._rest + self._rest_basis @ shape
        rotation, position = self._chain(turns, rest)
        bent = (turns[1:] - np.eye(3)).reshape(-1)
        points = self._points + self._basis @ shape + self._pose_basis @ bent
        shift = position - np.einsum("jab,jb->ja", rotation, rest)
        posed = np.einsum("vj,jab,vb->va", self._weights, rotation, points, optimize=True)
        posed += self._weights @ shift
        corners = posed[len(_POINTS) :].reshape(-1, 3, 3)
        face = np.einsum("lk,lkc->lc", self._bary, corners)
        return np.concatenate([position, posed[: len(_POINTS)], face]) + fit["transl"]

    def _shape(self, fit: Mapping[str, np.ndarray], kid: bool) -> np.ndarray:
        betas = fit["betas"]
        infant = betas[SHAPE:KID] if kid and self.has_kid and len(betas) >= KID else np.zeros(1)
        return np.concatenate([betas[:SHAPE], fit["expression"], infant])

    def _chain(self, turns: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rotation, position = turns.copy(), rest.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                rotation[joint] = rotation[parent] @ turns[joint]
                position[joint] = position[parent] + rotation[parent] @ (rest[joint] - rest[parent])
        return rotation, position


class JointBodies:
    """Bodies of all genders; those of men and women are asked for at once, the neutral one when it is needed.

    Args:
        folder: ``paths.body_models``; where it holds :data:`KID_TEMPLATES`, joints of children are blended
            towards it.
        standin: use stand-ins for files that are missing.
    Raises:
        DataError: saying which files to put where.
    """

    def __init__(self, folder: Path | str, *, standin: bool = False) -> None:
        self._folder, self._standin = Path(folder), standin
        if not standin:
            _check_files(self._folder)
        self._kid = _kid_template(self._folder)
        self._bodies = {gender: self._load(gender) for gender in ("male", "female")}

    def __getitem__(self, gender: str) -> JointBody:
        if gender not in self._bodies:
            self._bodies[gender] = self._load(gender)
        return self._bodies[gender]

    @property
    def standin(self) -> bool:
        """Whether one of them is not the published model."""
        return any(body.standin for body in self._bodies.values())

    def digests(self) -> dict[str, str]:
        """Short names of the men's and women's models, and of the template of children."""
        blended = "" if self._kid is None else hashlib.blake2b(self._kid.tobytes(), digest_size=8).hexdigest()
        return {gender: self[gender].digest() for gender in ("female", "male")} | {"kid": blended}

    def _load(self, gender: str) -> JointBody:
        return JointBody(load_body_model(self._folder, "smplx", gender, standin=self._standin), self._kid)


def _check_files(folder: Path) -> None:
    """Name both missing files at once."""
    errors = []
    for gender in ("male", "female"):
        try:
            find_body_model(folder, "smplx", gender)
        except DataError as error:
            errors.append(str(error))
    if errors:
        raise DataError(f"AGORA's people are parsed with the bodies of their gender. {' '.join(errors)}")


def _kid_template(folder: Path) -> np.ndarray | None:
    for path in (place / name for place in (folder / "smplx", folder) for name in KID_TEMPLATES):
        if path.is_file():
            try:
                return np.asarray(np.load(path, allow_pickle=False), np.float64)
            except (ValueError, OSError, EOFError) as error:
                raise DataError(f"{path}: damaged or not a NumPy file ({error})") from None
    return None


def checked_fit(content: Mapping[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    """The parameters of a fit as flat arrays; more than ten of ``betas`` are kept.

    Args:
        content: entries of :data:`SIZES`; eyes that look ahead may be missing.
        where: for messages.
    Raises:
        DataError: naming the entry that is missing, of another size, or not finite.
    """
    if "root_pose" in content or ("body_pose" in content and np.size(content["body_pose"]) == 69):
        raise DataError(f"{where}: a fit of SMPL; that of SMPL-X is expected (smplx_gt)")
    fit = {}
    for name, size in SIZES.items():
        if name not in content and name not in ("leye_pose", "reye_pose"):
            raise DataError(f"{where}: no '{name}', only {', '.join(sorted(content))}")
        values = np.asarray(content.get(name, np.zeros(size)), np.float64).reshape(-1)
        fits = values.size >= size if name == "betas" else values.size == size
        if not fits or not np.isfinite(values).all():
            raise DataError(f"{where}: {name} has {values.size} numbers, {size} finite ones are expected")
        fit[name] = values
    return fit


def _towards(kid_template: np.ndarray, template: np.ndarray) -> np.ndarray:
    """What leads from the adult's vertices to the infant's, whose middle lies in the origin."""
    infant = np.asarray(kid_template, np.float64)
    if infant.shape != template.shape:
        raise DataError(f"the template of an infant has shape {infant.shape}, expected {template.shape}")
    return infant - infant.mean(0) - template
