"""Reading `.seg.nrrd` of this package and of 3D Slicer, and plain `.nrrd` label maps."""

from __future__ import annotations

import bz2
import gzip
import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.box import Index
from vistaseg.geometry.grid import affine, shifted
from vistaseg.geometry.matrices import LPS_RAS, Matrix, same_grid, sound_affine
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask
from vistaseg.segmentation.model import (
    Color,
    Segment,
    Segmentation,
    distinct_color,
    label_masks,
)
from vistaseg.segmentation.nrrd_header import read_header
from vistaseg.segmentation.seg_nrrd import REFERENCE_GEOMETRY, REPRESENTATION
from vistaseg.segmentation.tags import provenance_of, require_sound_tags, split_tags, structure_of, terminology_of
from vistaseg.volume.limits import DEFLATE_RATIO, check_promise
from vistaseg.volume.nrrd_fields import voxel_type
from vistaseg.volume.streams import check_end, read_exactly

_BZIP2_RATIO = 2**21  # measured: 1.1 million for zeros
_RATIOS = {
    "raw": 1, "gzip": DEFLATE_RATIO, "gz": DEFLATE_RATIO, "bzip2": _BZIP2_RATIO, "bz2": _BZIP2_RATIO,
}  # fmt: skip
"""Bytes of voxels that a byte of the file can stand for, by encoding; of text a digit a voxel at most."""
_ELSEWHERE = ("data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip")

_SPACES = {
    "left-posterior-superior": LPS_RAS,
    "lps": LPS_RAS,
    "right-anterior-superior": np.eye(4),
    "ras": np.eye(4),
}


_DAMAGE = (ValueError, LookupError, EOFError, TypeError, OverflowError, zlib.error, UsageError)


@dataclass(frozen=True)
class _Grid:
    """The grid of the result, and where the voxels of the file begin on it."""

    shape_ijk: Index
    ijk_to_ras: Matrix
    offset: Index


def read_seg_nrrd(path: Path) -> Segmentation:
    """Read a segmentation; a file cropped by Slicer comes back on the grid of its reference volume.

    Raises:
        InputError: not an NRRD file, damaged, or not a binary label map in three dimensions.
    """
    import nrrd  # which Slicer does not bring

    try:
        fields, keys, voxels = _read(path)
        return _build(path, fields, keys, voxels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (nrrd.NRRDError, *_DAMAGE) as error:
        raise InputError(f"{path} cannot be read as a segmentation: {error}. Export it again.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}).") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str], npt.NDArray[Any]]:
    import nrrd

    with path.open("rb") as file:
        fields, keys = read_header(file)
        if any(field in fields for field in _ELSEWHERE):
            raise ValueError("its voxels do not follow its header")
        kind = voxel_type(str(fields["type"]), fields.get("endian"))
        shape = [int(size) for size in fields["sizes"]]
        promised = math.prod(shape) * kind.itemsize
        encoding = str(fields["encoding"]).lower()
        available = path.stat().st_size - file.tell()
        check_promise(promised, available, _RATIOS.get(encoding, kind.itemsize))
        if encoding not in _RATIOS:
            return fields, keys, nrrd.read_data(fields, file, str(path), index_order="C")
        voxels = _unpacked(file, encoding, promised)
        return fields, keys, voxels.view(kind).reshape(shape[::-1]).astype(kind.newbyteorder("="), copy=False)


def _unpacked(file: BinaryIO, encoding: str, promised: int) -> npt.NDArray[np.uint8]:
    """The bytes of the voxels, no more than are promised."""
    if encoding == "raw":
        return read_exactly(file, promised)
    opened = bz2.BZ2File(file) if encoding in ("bzip2", "bz2") else gzip.GzipFile(fileobj=file)
    with opened as packed:
        stream = cast(BinaryIO, packed)
        voxels = read_exactly(stream, promised)
        check_end(stream)
        return voxels


def _build(path: Path, fields: dict[str, Any], keys: dict[str, str], voxels: npt.NDArray[Any]) -> Segmentation:
    if keys.get("Segmentation_MasterRepresentation", REPRESENTATION) != REPRESENTATION:
        raise ValueError("it holds no binary label map")
    if voxels.dtype.kind not in "iu":
        raise ValueError("its voxels are not labels")
    layers = voxels[..., np.newaxis] if voxels.ndim == 3 else voxels
    if layers.ndim != 4:
        raise ValueError(f"it has {voxels.ndim} dimensions")
    grid = _grid(_file_to_ras(fields), layers, keys)
    name = path.name.removesuffix(".nrrd").removesuffix(".seg")
    segments, notes = _segments(keys, layers, grid)
    return Segmentation(grid.shape_ijk, grid.ijk_to_ras, segments, name, notes)


def _file_to_ras(fields: dict[str, Any]) -> Matrix:
    space = str(fields.get("space", "")).lower()
    if space not in _SPACES:
        raise ValueError(f"its space is {space or 'not given'}, not left-posterior-superior")
    directions = np.asarray(fields["space directions"], dtype=float)[-3:]
    return sound_affine(_SPACES[space] @ sound_affine(affine(directions.T, fields["space origin"])) + 0.0)


def _grid(file_to_ras: Matrix, layers: npt.NDArray[Any], keys: dict[str, str]) -> _Grid:
    """The reference grid where the file lies within it, otherwise the grid of the file.

    For segments that are all empty Slicer writes one blank voxel somewhere, which fits any reference grid.
    """
    file_shape = layers.shape[2::-1]
    reference = _reference_geometry(keys.get("Segmentation_ConversionParameters", ""))
    if reference is not None:
        to_ras, shape = reference
        if file_shape == (1, 1, 1) and not layers.any():
            return _Grid(shape, to_ras, (0, 0, 0))
        steps = np.rint((np.linalg.inv(to_ras) @ file_to_ras[:, 3])[:3]).astype(int)
        inside = bool((steps >= 0).all() and (steps + file_shape <= shape).all())
        if inside and same_grid(shifted(to_ras, steps), file_to_ras, file_shape, tolerance=1e-3):
            return _Grid(shape, to_ras, (int(steps[0]), int(steps[1]), int(steps[2])))
    return _Grid(file_shape, file_to_ras, (0, 0, 0))


def _reference_geometry(parameters: str) -> tuple[Matrix, Index] | None:
    """IJK to RAS and size of the reference volume, moved so that its extent begins at 0."""
    found = re.search(rf"(?:^|&){re.escape(REFERENCE_GEOMETRY)}\|([^|]*)\|", parameters)
    numbers = [float(number) for number in found[1].split(";") if number] if found else []
    if len(numbers) != 22:
        return None
    first, last = np.array(numbers[16::2], dtype=int), np.array(numbers[17::2], dtype=int)
    i, j, k = (int(size) for size in last - first + 1)
    if min(i, j, k) < 1:
        return None
    return shifted(sound_affine(np.reshape(numbers[:16], (4, 4))), first), (i, j, k)


def _segments(keys: dict[str, str], layers: npt.NDArray[Any], grid: _Grid) -> tuple[list[Segment], tuple[str, ...]]:
    """The segments that the header describes, then the labels that it does not, and a sentence about these."""
    masks = [_masks(layers[..., n], grid.offset) for n in range(layers.shape[3])]
    keys_of = _keys_by_segment(keys)
    described = [_segment(own, number, masks) for number, own in keys_of.items()]
    for number, own in keys_of.items():
        label, layer = _label_and_layer(own, number)
        masks[layer].pop(label, None)
    others = _unnamed_segments(masks)
    if not keys_of or not others:
        return [*described, *others], ()
    named = ", ".join(str(segment.label_value) for segment in others)
    return [*described, *others], (
        f"Labels that the header does not describe were kept under their numbers: {named}. What they stand for is "
        "not known.",
    )


def _masks(layer: npt.NDArray[Any], offset: Index) -> dict[int, BoxedMask]:
    found = label_masks(np.ascontiguousarray(layer))
    return {label: BoxedMask(mask.array, mask.box.shifted(offset)) for label, mask in found.items()}


def _unnamed_segments(layers: list[dict[int, BoxedMask]]) -> list[Segment]:
    found = [(label, mask) for layer in layers for label, mask in layer.items()]
    return [Segment(f"label {label}", label, None, distinct_color(label), None, mask) for label, mask in found]


def _keys_by_segment(keys: dict[str, str]) -> dict[int, dict[str, str]]:
    """Of each segment that has an id, by its number and in this order: its keys without their prefix."""
    found: dict[int, dict[str, str]] = {}
    for key, value in keys.items():
        parts = re.fullmatch(r"Segment([0-9]{1,9})_(.*)", key)
        if parts:
            found.setdefault(int(parts[1]), {})[parts[2]] = value
    return {number: found[number] for number in sorted(found) if "ID" in found[number]}


def _label_and_layer(keys: dict[str, str], number: int) -> tuple[int, int]:
    """Old files have one layer per segment and neither a layer nor a label value."""
    return int(keys.get("LabelValue", 1)), int(keys.get("Layer", number))


def _segment(keys: dict[str, str], number: int, layers: list[dict[int, BoxedMask]]) -> Segment:
    label, layer = _label_and_layer(keys, number)
    if not 0 <= layer < len(layers):
        raise ValueError(f"segment {number} is in a layer that is not there")
    tags = split_tags(keys.get("Tags", ""))
    require_sound_tags(tags)
    return Segment(
        name=keys.get("Name", keys["ID"]),
        label_value=label,
        structure_id=structure_of(tags),
        color=_color(keys.get("Color") or keys.get("DefaultColor"), number),
        terminology=terminology_of(tags),
        mask=layers[layer].get(label, NO_VOXELS),
        provenance=provenance_of(tags),
    )


def _color(text: str | None, number: int) -> Color:
    if not text:
        return distinct_color(number)
    red, green, blue = (min(max(round(float(part) * 255), 0), 255) for part in text.split())
    return red, green, blue
