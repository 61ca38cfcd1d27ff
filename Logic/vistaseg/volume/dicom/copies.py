"""Slices that lie at the same place, and copies among them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from vistaseg.volume.dicom.headers import read_header
from vistaseg.volume.dicom.slices import Slice

SAME_PLACE_MM = 1e-3


def places(slices: Sequence[Slice]) -> np.ndarray:
    """(N,) mm along the normal of the first slice; every slice has a position."""
    first = slices[0].orientation
    assert first is not None
    return np.array([piece.position for piece in slices]) @ np.cross(*first)


def by_place(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices that lie at the same place together, in the order in which they were given."""
    if any(piece.missing is not None for piece in slices):
        return [[piece] for piece in slices]
    along = places(slices)
    order = np.argsort(along, kind="stable")
    starts = np.flatnonzero(np.diff(along[order]) > SAME_PLACE_MM) + 1
    groups = [sorted(group.tolist()) for group in np.split(order, starts)]
    return [[slices[index] for index in group] for group in groups]


def are_doubled(slices: Sequence[Slice]) -> bool:
    """Whether two slices lie at the same place."""
    return any(len(group) > 1 for group in by_place(slices))


def without_copies(slices: Sequence[Slice], same_uid: bool) -> tuple[list[Slice], tuple[str, ...]]:
    """Leave out slices that lie where another one does and have the same pixels and rescaling.

    Args:
        same_uid: only those that are the same instance also by their UID.

    Returns:
        The others, in no order, and a sentence about what was left out, if anything.
    """
    kept = [piece for group in by_place(slices) for piece in _distinct(group, same_uid)]
    copies = len(slices) - len(kept)
    if not copies:
        return kept, ()
    subject = "1 image is a copy of another one and was" if copies == 1 else f"{copies} images are copies and were"
    return kept, (f"{subject} left out.",)


def _distinct(group: Sequence[Slice], same_uid: bool) -> list[Slice]:
    if len(group) == 1 or any(piece.frame is not None for piece in group):
        return list(group)
    once: dict[tuple[object, ...], Slice] = {}
    for piece in group:
        once.setdefault((piece.text("SOPInstanceUID") if same_uid else "", piece.rescale, _digest(piece)), piece)
    return list(once.values())


def _digest(piece: Slice) -> str:
    """Of the pixels as they are stored; of a file that cannot be read its name, as it is like no other."""
    stored = read_header(piece.path, pixels=True)
    pixels = None if stored is None else stored.get("PixelData")
    return str(piece.path) if pixels is None else hashlib.sha256(pixels).hexdigest()
