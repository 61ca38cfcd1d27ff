"""The truth: which structures a label file holds, on the grid of the CT."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg import catalog
from vistaseg.bounded_json import read_json_file
from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.geometry.matrices import same_grid
from vistaseg.masks.boxed import BoxedMask, Mask
from vistaseg.segmentation import Segment, Segmentation, read_segmentation
from vistaseg.segmentation.table import FORMAT
from vistaseg.volume import Volume, reorient

_SEPARATORS = re.compile(r"[,;\n]")
_GRID_TOLERANCE = 0.1  # of a voxel: rounding in a header stays far below it
_EXACT = 100.0


@dataclass(frozen=True, eq=False)
class GroundTruthStructure:
    """A structure of the truth.

    Attributes:
        name: the catalogue's where it knows it, otherwise the file's.
        class_ids: of the catalogue, whose union it is; empty for a structure without a class.
        pieces: the segments of the file that it is made of.
    """

    name: str
    class_ids: tuple[int, ...]
    pieces: tuple[Segment, ...]


@dataclass(frozen=True, eq=False)
class Truth:
    """The structures of a label file.

    Attributes:
        segmentation: as in the file; its axes may be flipped and permuted ones of the CT.
        orientation: of the CT, such as "LPS".
        targets: in the order of the file.
        notes: what was left out, a sentence each.
    """

    segmentation: Segmentation
    orientation: str
    targets: tuple[GroundTruthStructure, ...]
    notes: tuple[str, ...] = ()

    def mask(self, target: GroundTruthStructure) -> Mask:
        """The voxels of a structure, bool (k, j, i) on the grid of the CT."""
        union = BoxedMask.union_of([piece.mask for piece in target.pieces])
        full = union.within(VoxelBox.whole(self.segmentation.shape_ijk))
        turned = reorient(Volume.from_array(full, self.segmentation.ijk_to_ras, axes="kji"), self.orientation)
        return np.ascontiguousarray(turned.array)

    def only(self, names: str) -> Truth:
        """The truth with only these structures, "liver, spleen", as far as it has them.

        Raises:
            UsageError: no name was given.
            InputError: it has none of them.
        """
        given = [name.strip() for name in _SEPARATORS.split(names) if name.strip()]
        if not given:
            raise UsageError('No structure was named: give names, such as "liver, left kidney".')
        wanted = {name: _known_as(name)[0].casefold() for name in given}
        kept = tuple(target for target in self.targets if target.name.casefold() in wanted.values())
        if not kept:
            raise InputError(
                f"The truth has no {' or '.join(given)}. It has {_listed([t.name for t in self.targets])}."
            )
        found = {target.name.casefold() for target in kept}
        missing = [f"The truth has no {name}." for name, own in wanted.items() if own not in found]
        return replace(self, targets=kept, notes=(*self.notes, *missing))


def read_truth(path: Path, volume: Volume, names: Mapping[str, str] | None = None) -> Truth:
    """Read the truth of a CT.

    Args:
        path: a label map, whose values are class ids, or a `.seg.nrrd`, whose segments are called like structures.
        volume: the CT, on whose grid the truth is, but for flipped and permuted axes.
        names: label value, or name of a segment → name of the structure. Of a label map only what is named
            counts; segments that are not named keep their own names. Several with one name are one structure.

    Raises:
        InputError: it cannot be read, is of another grid, holds a value that is not a class id, or nothing.
    """
    segmentation = read_segmentation(path)
    _require_grid(segmentation, volume, path)
    filled = [segment for segment in segmentation.segments if not segment.mask.empty]
    texts = [_text(segment, names, path) for segment in filled]
    targets = _targets([(text, segment) for text, segment in zip(texts, filled, strict=True) if text is not None])
    if not targets:
        raise InputError(f"{path} holds no structure{' that is named' if names else ''}: nothing can be compared.")
    left_out = [str(segment.label_value) for text, segment in zip(texts, filled, strict=True) if text is None]
    notes = (f"Labels without a name were left out: {_listed(left_out)}.",) if left_out else ()
    return Truth(segmentation, volume.orientation, targets, (*segmentation.notes, *notes))


def read_names(path: Path) -> dict[str, str]:
    """Read a JSON object of label value, or name of a segment → name of a structure; or the table of a label map.

    Raises:
        InputError: the file does not exist, or is something else.
    """
    try:
        values = read_json_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error
    except ValueError as error:
        raise InputError(f"{path} is not a table of names ({error}): give a JSON file.") from error
    if isinstance(values, dict) and values.get("format") == FORMAT:
        return _names_in_table(values, path)
    if not isinstance(values, dict) or not all(isinstance(name, str) and name.strip() for name in values.values()):
        raise InputError(f'{path} is not a table of names: write it like {{"1": "spleen", "5": "liver"}}.')
    return values


def _names_in_table(table: Mapping[str, Any], path: Path) -> dict[str, str]:
    try:
        return {str(int(row["label"])): str(row["name"]) for row in table["segments"]}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error!r}): write the segmentation again.") from error


def _text(segment: Segment, names: Mapping[str, str] | None, path: Path) -> str | None:
    """What a segment is called; None where the table of names leaves its label out."""
    unnamed = segment.name == f"label {segment.label_value}"
    if names is not None and (unnamed or path.name.lower().endswith((".nii", ".nii.gz"))):
        return names.get(str(segment.label_value))
    if names is not None:
        return names.get(segment.name, segment.name)
    return _class_name(segment.label_value, path) if unnamed else segment.name


def _class_name(value: int, path: Path) -> str:
    if value > len(catalog.structures()):
        raise InputError(
            f"{path} has the label {value}, and the class ids go from 1 to {len(catalog.structures())}. "
            "Say with --names what its labels mean."
        )
    return catalog.get(value).name


def _targets(named: Sequence[tuple[str, Segment]]) -> tuple[GroundTruthStructure, ...]:
    made: dict[str, GroundTruthStructure] = {}
    for text, segment in named:
        name, ids = _known_as(text)
        before = made.get(name.casefold(), GroundTruthStructure(name, ids, ()))
        made[name.casefold()] = replace(before, pieces=(*before.pieces, segment))
    return tuple(made.values())


def _known_as(text: str) -> tuple[str, tuple[int, ...]]:
    """The catalogue's name and ids for what is exactly a name or synonym, otherwise the text and no ids.

    Presets and groups do not count: a mask called "head" or "lesion" is not all that they hold.
    """
    for match in catalog.find(text, limit=1):
        if match.score == _EXACT and (match.structure or match.title in {c.title for c in catalog.composites()}):
            return match.title, match.ids
    return " ".join(text.split()), ()


def _require_grid(segmentation: Segmentation, volume: Volume, path: Path) -> None:
    nothing = Volume.from_array(np.broadcast_to(np.False_, segmentation.shape_kji), segmentation.ijk_to_ras, axes="kji")
    turned = reorient(nothing, volume.orientation)
    tolerance = _GRID_TOLERANCE * min(volume.spacing)
    same_shape = turned.shape_ijk == volume.shape_ijk
    if not same_shape or not same_grid(turned.ijk_to_ras, volume.ijk_to_ras, volume.shape_ijk, tolerance):
        raise InputError(
            f"{path} is on another grid than the CT: it has {_described(turned.grid)}, the CT "
            f"{_described(volume.grid)}. Resample it to the CT first, with nearest neighbours."
        )


def _described(grid: Grid) -> str:
    size, spacing = (" x ".join(f"{v:.4g}" for v in values) for values in (grid.shape_ijk, grid.spacing))
    return f"{size} voxels of {spacing} mm from R,A,S {','.join(f'{v:.1f}' for v in grid.ijk_to_ras[:3, 3])}"


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
