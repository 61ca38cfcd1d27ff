"""The volume that everything works on: voxels in (k, j, i) order and their place in the patient."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.geometry import Grid
from vistaseg.volume.simpleitk import simpleitk

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GEOMETRY_STEP = 1e-6  # mm
_OFF_STEP = 0.3141  # usual spacings and origins are whole or half steps: none of them lies where a step ends


@dataclass(frozen=True, eq=False)
class Volume:
    """An image volume, immutable: the array is kept as a read-only view.

    Attributes:
        array: (k, j, i), any integer or floating type; HU for CT.
        ijk_to_ras: (4, 4) float64, index (i, j, k) of a voxel centre to RAS mm. Any orientation, oblique or
            left-handed.
        name: what messages and files call it.
        modality: "CT", "MR", ... where the file says so.
        notes: what a reader had to assume or leave out, a sentence each.

    Raises:
        InputError: the array is not three-dimensional, is empty or not numeric; the matrix is not usable.
    """

    array: np.ndarray
    ijk_to_ras: np.ndarray
    name: str = "volume"
    modality: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        view = _checked_array(self.array).view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)
        object.__setattr__(self, "ijk_to_ras", Grid((1, 1, 1), self.ijk_to_ras).ijk_to_ras)

    @cached_property
    def grid(self) -> Grid:
        """Size and position, without the voxels."""
        return Grid(self.shape_ijk, self.ijk_to_ras)

    @property
    def shape_ijk(self) -> tuple[int, int, int]:
        """Number of voxels along (i, j, k)."""
        k, j, i = self.array.shape
        return i, j, k

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between voxel centres along i, j and k."""
        return self.grid.spacing

    @property
    def orientation(self) -> str:
        """Closest anatomical directions in which i, j and k grow, such as "RAS" or "LPS"."""
        return self.grid.orientation

    def index_to_ras(self, ijk: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """RAS mm (N, 3) of the continuous indices (i, j, k), (N, 3)."""
        return self.grid.index_to_ras(ijk)

    def ras_to_index(self, ras: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """Continuous indices (i, j, k), (N, 3), of positions in RAS mm, (N, 3)."""
        return self.grid.ras_to_index(ras)

    @cached_property
    def content_hash(self) -> str:
        """Sha256, in hex, of the voxels, their type and shape, and the geometry; names do not count.

        The geometry counts in steps of a nanometre, for its last digits change when a file is written and read.
        """
        digest = hashlib.sha256(f"{self.array.dtype.str}{self.array.shape}".encode())
        digest.update(np.floor(self.ijk_to_ras / _GEOMETRY_STEP + _OFF_STEP).astype(np.int64).tobytes())
        for part in self.array:
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    @classmethod
    def from_sitk(cls, image: Any, name: str = "volume", modality: str | None = None) -> Volume:
        """Copy of a SimpleITK image, whose own coordinates are LPS.

        Raises:
            InputError: the image is not three-dimensional with one value a voxel.
        """
        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise InputError(
                f"The image has {image.GetDimension()} dimensions and "
                f"{image.GetNumberOfComponentsPerPixel()} values a voxel; a volume has 3 dimensions and one "
                "value a voxel. Extract one volume from it first."
            )
        affine = ras_affine(image.GetDirection(), image.GetSpacing(), image.GetOrigin())
        return cls(simpleitk().GetArrayFromImage(image), affine, name, modality)

    def to_sitk(self) -> Any:
        """Copy as a SimpleITK image, in LPS.

        Raises:
            InputError: the axes are not at right angles within `ORTHOGONALITY_TOLERANCE`; SimpleITK cannot
                hold shear.
        """
        self.grid.require_orthogonal("SimpleITK")
        image = simpleitk().GetImageFromArray(np.ascontiguousarray(self.array, dtype=_itk_type(self.array.dtype)))
        lps = _LPS_TO_RAS @ self.ijk_to_ras
        image.SetSpacing(self.spacing)
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetDirection((lps[:3, :3] / np.array(self.spacing)).ravel().tolist())
        return image


def ras_affine(direction: Sequence[float], spacing: Sequence[float], origin: Sequence[float]) -> np.ndarray:
    """IJK-to-RAS matrix (4, 4) of ITK's row-major LPS direction (9), spacing in mm and LPS origin in mm."""
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(direction, (3, 3)) * np.asarray(spacing)
    lps[:3, 3] = origin
    return np.asarray(_LPS_TO_RAS @ lps)


def _itk_type(kind: np.dtype[Any]) -> np.dtype[Any]:
    """The nearest type that ITK has: it knows neither booleans nor half floats."""
    return np.dtype({"?": np.uint8, "e": np.float32}.get(kind.char, kind))


def _checked_array(array: Any) -> np.ndarray:
    values = np.asarray(array)
    if values.ndim != 3:
        raise InputError(
            f"The image has {values.ndim} dimensions, and a volume has 3. Give a single scan: of a time "
            "series or a colour image extract one volume first."
        )
    if values.size == 0:
        raise InputError("The volume has no voxels. Export it again.")
    if values.dtype.kind not in "iufb":
        raise InputError(f"The voxels are of type {values.dtype}, not plain numbers. Export one value a voxel.")
    return values
