"""Where the header of a NIfTI file puts its voxels: sform, qform, and which of the two counts.

ITK, and with it 3D Slicer, chooses between the two by their codes and by how they differ, and its rule has changed from
version to version. So the rule is taken from the installed ITK, by a header that holds these fields and a single voxel.
Source of the forms: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h, methods 1 to 3).
"""

from __future__ import annotations

import math
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.grid import ORTHOGONALITY_TOLERANCE, Grid
from vistaseg.volume.limits import FARTHEST_MM
from vistaseg.volume.simpleitk import simpleitk
from vistaseg.volume.volume import ras_affine

_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}
_SAME_MM = 1e-4
"""Two positions that no corner of the volume tells apart further than this are one and the same."""
_NOTICEABLE = 0.1
"""Of the smallest voxel spacing: the forms of a well-written file differ by less, in their last digits."""
_MATCH_MM = 1e-2
_SINGLE_PRECISION = 1e-5  # in which ITK computes these matrices

_MILLIMETRES = 2
_NIBABEL_VECTORS = {"quatern": "bcd", "qoffset": "xyz", "srow": "xyz"}

_Shape = tuple[int, int, int]


def stated_affine(header: Mapping[str, Any], shape_ijk: _Shape) -> tuple[np.ndarray, tuple[str, ...]]:
    """IJK-to-RAS matrix (4, 4) in mm, the same that the installed ITK finds, and what is doubtful about it.

    Args:
        header: the fields of `nifti._FIELDS`.
        shape_ijk: number of voxels along (i, j, k).

    Raises:
        InputError: the spacing is not positive, or neither form of the position can be used.
    """
    spacing = np.asarray(header["pixdim"][1:4])
    if not (spacing > 0).all() or not np.isfinite(spacing).all():
        raise InputError("The voxel spacing in the header is 0 or negative. Mend the spacing (pixdim) in its header.")
    to_mm = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    matrix, notes = _chosen(header, shape_ijk, to_mm)
    matrix = matrix.copy()
    matrix[:3] *= to_mm
    if not (np.abs(matrix) <= FARTHEST_MM).all():
        raise InputError(
            f"The header places the scan more than {FARTHEST_MM:.0e} mm from the origin (srow, qoffset or pixdim). "
            "Mend the header, or export the scan again."
        )
    return matrix, notes


def fields_of_nibabel(header: Any) -> dict[str, Any] | None:
    """The fields that `stated_affine` takes, of a NIfTI header of nibabel; None of a header of another format."""
    try:
        vectors = {name: [header[f"{name}_{axis}"] for axis in axes] for name, axes in _NIBABEL_VECTORS.items()}
        single = {name: header[name] for name in ("pixdim", "xyzt_units", "qform_code", "sform_code")}
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return {name: np.asarray(value, dtype=np.float64) for name, value in {**single, **vectors}.items()}


def _chosen(header: Mapping[str, Any], shape: _Shape, to_mm: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """One of the forms, in the unit of the header."""
    spacing = np.asarray(header["pixdim"][1:4])
    forms = _forms(header)
    if not forms:
        return np.diag([-1.0, -1.0, 1.0, 1.0]) * [*spacing, 1.0], (
            "The file does not say how it is oriented (no sform, no qform): left and right may be exchanged. It was "
            "read as LPS from the origin, as ITK and 3D Slicer read it.",
        )
    if len(forms) == 1:
        ((name, form),) = forms.items()
        return (form, ()) if _flaw(form) == "not usable" else _scaled_to(form, name, spacing, shape)
    for unusable, other in (("sform", "qform"), ("qform", "sform")):
        if _flaw(forms[unusable]) == "not usable":
            matrix, notes = _chosen({**header, f"{unusable}_code": 0}, shape, to_mm)
            return matrix, (f"The {unusable} of the file is not usable; its {other} was used.", *notes)
    apart = _apart(forms["sform"], forms["qform"], shape) * to_mm
    if apart <= _SAME_MM:
        return _scaled_to(forms["sform"], "sform", spacing, shape)
    name = _as_itk_chooses(header, forms, shape)
    matrix, notes = _scaled_to(forms[name], name, spacing, shape)
    return matrix, (*_disagreement(header, forms, name, apart), *notes)


def _forms(header: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The matrices that the header states, by name."""
    forms = {}
    if header["sform_code"] > 0:
        forms["sform"] = np.vstack([header["srow"], [0, 0, 0, 1]])
    if header["qform_code"] > 0:
        forms["qform"] = _qform(header)
    return forms


def _flaw(form: np.ndarray) -> str | None:
    try:
        shear = Grid((1, 1, 1), form).shear
    except InputError:
        return "not usable"
    return "sheared" if shear > ORTHOGONALITY_TOLERANCE else None


def _scaled_to(form: np.ndarray, name: str, spacing: np.ndarray, shape: _Shape) -> tuple[np.ndarray, tuple[str, ...]]:
    """ITK takes directions from the form and spacing from `pixdim`; the exact matrix stays where both say the same."""
    scaled = _with_spacing(form, spacing)
    apart = _apart(form, scaled, shape)
    if apart <= 10 * _SAME_MM:
        return form, ()
    if apart <= _NOTICEABLE * spacing.min():
        return scaled, ()
    lengths = np.linalg.norm(form[:3, :3], axis=0)
    return scaled, (
        f"The voxel spacing in the header is {_times(spacing)} (pixdim), but {_times(lengths)} in its {name}. The "
        "first was used, as ITK and 3D Slicer do: check sizes against another source.",
    )


def _with_spacing(form: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    scaled = form.copy()
    scaled[:3, :3] *= spacing / np.linalg.norm(form[:3, :3], axis=0)
    return scaled


def _apart(one: np.ndarray, other: np.ndarray, shape: _Shape) -> float:
    """The largest distance between corners of the volume in both geometries; infinite where one is not finite."""
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in shape])).reshape(3, -1)
    moved = (one - other) @ np.vstack([ends, np.ones(ends.shape[1])])
    farthest = float(np.linalg.norm(moved[:3], axis=0).max())
    return farthest if math.isfinite(farthest) else math.inf


def _disagreement(
    header: Mapping[str, Any], forms: Mapping[str, np.ndarray], taken: str, apart: float
) -> tuple[str, ...]:
    """A sentence or two where both forms are stated and a user would notice the difference."""
    left = "qform" if taken == "sform" else "sform"
    if apart <= _NOTICEABLE * header["pixdim"][1:4].min() * _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0):
        return ()
    sides = [np.linalg.det(form[:3, :3]) > 0 for form in forms.values()]
    mirrored = ", and one is the mirror image of the other" if sides[0] != sides[1] else ""
    sheared = f" The {left} is sheared." if _flaw(forms[left]) else ""
    codes = {name: int(header[f"{name}_code"]) for name in forms}
    return (
        f"The header places the scan twice, and the two disagree: its sform (code {codes['sform']}) and its qform "
        f"(code {codes['qform']}) lie up to {apart:.3g} mm apart{mirrored}.{sheared} The {taken} was used, as ITK and "
        "3D Slicer do: check left and right, and the place, against another source.",
    )


def _as_itk_chooses(header: Mapping[str, Any], forms: Mapping[str, np.ndarray], shape: _Shape) -> str:
    """The name of the form that the installed ITK takes.

    Raises:
        InputError: it takes neither.
    """
    found = _itk_affine(header)
    if found is not None:
        spacing = np.asarray(header["pixdim"][1:4])
        distances = {name: _apart(_with_spacing(form, spacing), found, shape) for name, form in forms.items()}
        nearest = min(distances, key=lambda name: distances[name])
        if distances[nearest] <= max(_MATCH_MM, _SINGLE_PRECISION * float(np.abs(found).max()) * max(shape)):
            return nearest
    raise InputError(
        "The header places the scan twice (sform and qform), and ITK can use neither: where it lies is not known. "
        "Mend the header, or export the scan again."
    )


def _itk_affine(header: Mapping[str, Any]) -> np.ndarray | None:
    """IJK-to-RAS (4, 4) that ITK reads from these fields, in the unit of the header; None where it refuses them."""
    try:
        raw = _one_voxel(header)
    except (OverflowError, struct.error):  # NIfTI-2 can state numbers that NIfTI-1 cannot
        return None
    with tempfile.TemporaryDirectory(prefix="vistaseg-") as folder:
        path = Path(folder) / "header.nii"
        path.write_bytes(raw)
        reader = simpleitk().ImageFileReader()
        reader.SetFileName(str(path))
        reader.SetImageIO("NiftiImageIO")
        with _without_itk_warnings():
            try:
                reader.ReadImageInformation()
            except RuntimeError:
                return None
    return ras_affine(reader.GetDirection(), reader.GetSpacing(), reader.GetOrigin())


def _one_voxel(header: Mapping[str, Any]) -> bytes:
    """A NIfTI-1 file of one voxel, with the fields of `header` that place it."""
    raw = bytearray(352 + 1)
    struct.pack_into("<i", raw, 0, 348)
    struct.pack_into("<8h", raw, 40, 3, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<2h", raw, 70, 2, 8)  # unsigned bytes
    struct.pack_into("<8f", raw, 76, *header["pixdim"][:4], 0, 0, 0, 0)
    struct.pack_into("<f", raw, 108, 352)
    struct.pack_into("<B", raw, 123, _MILLIMETRES)
    struct.pack_into("<2h", raw, 252, int(header["qform_code"]), int(header["sform_code"]))
    struct.pack_into("<6f", raw, 256, *header["quatern"], *header["qoffset"])
    struct.pack_into("<12f", raw, 280, *np.ravel(header["srow"]))
    struct.pack_into("<4s", raw, 344, b"n+1")
    return bytes(raw)


@contextmanager
def _without_itk_warnings() -> Iterator[None]:
    """ITK prints its own doubts about a header to standard error; a reader of messages gets ours."""
    process = simpleitk().ProcessObject
    before = process.GetGlobalWarningDisplay()
    process.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        process.SetGlobalWarningDisplay(before)


def _qform(header: Mapping[str, Any]) -> np.ndarray:
    """Matrix of the quaternion form, method 2 of nifti1.h."""
    vector = np.asarray(header["quatern"])
    b, c, d = (float(value) for value in vector / max(1.0, float(np.linalg.norm(vector))))
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    matrix = np.eye(4)
    handedness = -1.0 if header["pixdim"][0] < 0 else 1.0
    matrix[:3, :3] = rotation * header["pixdim"][1:4] * [1.0, 1.0, handedness]
    matrix[:3, 3] = header["qoffset"]
    return matrix


def _times(sizes: np.ndarray) -> str:
    return " x ".join(f"{size:.4g}" for size in sizes) + " mm"
