"""The volume that everything works on: voxels in (k, j, i) order and their place in the patient."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.grid import Grid
from vistaseg.volume.simpleitk import simpleitk

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Self

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GEOMETRY_STEP = 1e-6  # mm
_OFF_STEP = 0.3141  # usual spacings and origins are whole or half steps: none of them lies where a step ends


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume:
    """An image volume, immutable: the array is kept as a read-only view.

    Make one with `read_volume`, `from_array`, `from_nibabel` or `from_sitk`. A short constructor is not offered: an
    array does not tell the order of its axes: nibabel keeps (i, j, k), SimpleITK (k, j, i).

    Attributes:
        array: (k, j, i), any integer or floating type; HU for CT.
        ijk_to_ras: (4, 4) float64, index (i, j, k) of a voxel centre to RAS mm. Any orientation, oblique or
            left-handed.
        name: what messages and files call it.
        modality: "CT", "MR", ... where the file says so.
        notes: what a reader had to assume or leave out, a sentence each.
        axes: the order of the array's axes, always "kji".

    Raises:
        UsageError: made from an array and a matrix alone.
        InputError: the array is not three-dimensional, is empty or not numeric; the matrix is not usable.
    """

    array: np.ndarray
    ijk_to_ras: np.ndarray
    name: str = "volume"
    modality: str | None = None
    notes: tuple[str, ...] = ()
    axes: Literal["kji"]

    def __new__(cls, *unnamed: object, **named: object) -> Self:
        """Refuse an array whose order of axes is not stated."""
        if unnamed or (named and named.get("axes") != "kji"):
            raise UsageError(
                "The order of an array's axes has to be stated: use Volume.from_array(array, affine, axes=...) with "
                '"ijk" as in nibabel or "kji" as in SimpleITK, Volume.from_nibabel(image) or Volume.from_sitk(image).'
            )
        return super().__new__(cls)

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
    def from_array(
        cls,
        array: npt.ArrayLike,
        affine: npt.ArrayLike,
        *,
        axes: Literal["kji", "ijk"],
        name: str = "volume",
        modality: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> Volume:
        """A volume of an array, which is not copied.

        Args:
            array: three-dimensional, HU for CT.
            affine: (4, 4), index (i, j, k) of a voxel centre to RAS mm, as nibabel has it.
            axes: the order of the array's axes: "ijk" as in nibabel, whose first index runs along the first column of
                `affine`; "kji" as in SimpleITK's arrays.
            name: what messages and files call it.
            modality: "CT", "MR", ... where that is known.
            notes: what is doubtful about it, a sentence each.

        Raises:
            InputError: the array is not three-dimensional, is empty or not numeric; the matrix is not usable.
            UsageError: `axes` is something else.
        """
        if axes not in ("kji", "ijk"):
            raise UsageError(f'axes is {axes!r}: give "ijk" (as in nibabel) or "kji" (as in SimpleITK).')
        values = _checked_array(array)
        ordered = values.transpose(2, 1, 0) if axes == "ijk" else values
        matrix = np.asarray(affine)
        return cls(array=ordered, ijk_to_ras=matrix, name=name, modality=modality, notes=notes, axes="kji")

    @classmethod
    def from_nibabel(cls, image: Any, name: str = "volume", modality: str | None = None) -> Volume:
        """Volume of a nibabel image; further axes of one are left out.

        An image with a NIfTI header lies where `read_volume` puts its file, with the same doubts in `notes`: nibabel
        prefers the sform where ITK and 3D Slicer may prefer the qform, and leaves units of length alone. Any other, or
        one whose `affine` was changed since, is placed by its `affine`.

        Args:
            image: anything with `dataobj` (or `get_fdata`) and `affine`, such as a `nibabel.Nifti1Image`.
            name: what messages and files call it.
            modality: "CT", "MR", ... where that is known.

        Raises:
            InputError: this is not a nibabel image, not three-dimensional with one number a voxel, or neither form
                of its place can be used.
        """
        if not hasattr(image, "dataobj") or getattr(image, "affine", None) is None:
            raise InputError(
                f"{type(image).__name__} is not a nibabel image with an affine. For an array, use Volume.from_array("
                "array, affine, axes=...)."
            )
        values = np.asanyarray(image.dataobj)
        while values.ndim > 3 and values.shape[-1] == 1:
            values = values[..., 0]
        affine, notes = _place_of_nibabel(image, values.shape)
        return cls.from_array(values, affine, axes="ijk", name=name, modality=modality, notes=notes)

    @classmethod
    def from_sitk(cls, image: Any, name: str = "volume", modality: str | None = None) -> Volume:
        """Copy of a SimpleITK image, whose own coordinates are LPS.

        Raises:
            InputError: this is not a SimpleITK image, or it is not three-dimensional with one value a voxel.
        """
        if not isinstance(image, simpleitk().Image):
            raise InputError(
                f"{type(image).__name__} is not a SimpleITK image. Use Volume.from_nibabel(image), or "
                "Volume.from_array(array, affine, axes=...)."
            )
        if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
            raise InputError(
                f"The image has {image.GetDimension()} dimensions and "
                f"{image.GetNumberOfComponentsPerPixel()} values a voxel; a volume has 3 dimensions and one "
                "value a voxel. Extract one volume from it first."
            )
        affine = ras_affine(image.GetDirection(), image.GetSpacing(), image.GetOrigin())
        array = simpleitk().GetArrayFromImage(image)
        return cls.from_array(array, affine, axes="kji", name=name, modality=modality)

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


def _place_of_nibabel(image: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """IJK-to-RAS (4, 4) of an image of nibabel, and what is doubtful about it, a sentence each."""
    from vistaseg.volume.nifti_forms import fields_of_nibabel, stated_affine

    affine = np.asarray(image.affine)
    header: Any = getattr(image, "header", None)
    fields = fields_of_nibabel(header)
    if fields is None or len(shape) != 3 or not np.allclose(header.get_best_affine(), affine, equal_nan=True):
        return affine, ()
    i, j, k = shape
    return stated_affine(fields, (i, j, k))


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
