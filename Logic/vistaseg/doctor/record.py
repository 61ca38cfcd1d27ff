"""A CT with published results of the real weights; and left is left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg import catalog
from vistaseg.doctor.report import FAILED, NOTE, OK, Check
from vistaseg.errors import CancelledError, VistaSegError
from vistaseg.progress import Progress

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.segmentation import Segmentation

LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY = 1, 3, 5, 14
NEAR, FAR = 0.05, 0.2
"""Relative differences of a voxel count that are worth a note, and a failure. Ours."""

_TO_THE_RIGHT = ((RIGHT_KIDNEY, LEFT_KIDNEY), (LIVER, SPLEEN))


@dataclass(frozen=True)
class PublicRecord:
    """Voxel counts that others published.

    Attributes:
        name: of the CT.
        sha256: of its file.
        voxels: by class id.
    """

    name: str
    sha256: str
    voxels: Mapping[int, int]


SPLEEN_03 = PublicRecord(
    "spleen_03 of the Medical Segmentation Decathlon",
    "18fcb3df7da91366440dc4e14a9cc814024fce4df73db999b1d32e659ad127f9",
    {LIVER: 456_974, SPLEEN: 60_161, RIGHT_KIDNEY: 51_177, LEFT_KIDNEY: 49_652},
)
"""NVIDIA-Medtech/medical-AI-skills, run record 01eec42b240c of NV-Segment-CT: best effort, not deterministic."""


def record_checks(model: SegmentationModel, ct: Path, progress: Progress) -> Iterator[Check]:
    """What a model makes of a CT, beside what was published of it; of any other CT only which side is which.

    Args:
        ct: file of the CT.
    """
    from vistaseg.session import Session
    from vistaseg.volume import check_ct, read_volume

    ids = [i for i in (LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY) if i in model.class_ids]
    key = model.identity.key
    if not ids:
        yield Check(f"record {key}", NOTE, "The model knows none of liver, spleen and kidneys.")
        return
    try:
        volume = read_volume(ct)
        check_ct(volume)
        found = Session(volume, model).segment(ids, progress=progress)
    except CancelledError:
        raise
    except VistaSegError as error:
        yield Check(f"record {key}", FAILED, f"The CT was not segmented: {type(error).__name__}.")
        return
    published = hashlib.sha256(ct.read_bytes()).hexdigest() == SPLEEN_03.sha256 if ct.is_file() else False
    if published:
        yield counts_check(key, found, SPLEEN_03)
    else:
        yield Check(f"record {key}", NOTE, f"The CT is not {SPLEEN_03.name}: published counts do not apply.")
    yield sides_check(key, found)


def counts_check(key: str, found: Segmentation, record: PublicRecord) -> Check:
    """Voxels of each structure beside those of a public record."""
    own = {segment.structure_id: segment.voxel_count for segment in found.segments}
    counts = {catalog.get(i).name: (own.get(i, 0), published) for i, published in record.voxels.items()}
    farthest = max(abs(mine - theirs) / theirs for mine, theirs in counts.values())
    listed = ", ".join(f"{name} {mine:,} ({theirs:,})" for name, (mine, theirs) in counts.items())
    state = OK if farthest <= NEAR else NOTE if farthest <= FAR else FAILED
    values = {name: {"voxels": mine, "published": theirs} for name, (mine, theirs) in counts.items()}
    return Check(f"record {key}", state, f"Voxels in {record.name}, published in brackets: {listed}.", values)


def sides_check(key: str, found: Segmentation) -> Check:
    """Whether the right kidney lies right of the left one, and the liver right of the spleen."""
    right = {segment.structure_id: _right(found, number) for number, segment in enumerate(found.segments)}
    pairs = [(a, b) for a, b in _TO_THE_RIGHT if a in right and b in right]
    swapped = [(a, b) for a, b in pairs if right[a] <= right[b]]
    name = f"sides {key}"
    if not pairs:
        return Check(name, NOTE, "Too little was found to tell left from right.")
    if swapped:
        sides = " and ".join(f"{catalog.get(a).name} left of {catalog.get(b).name}" for a, b in swapped)
        text = f"Sides are swapped: {sides}. The weights, the scan or its header are mirrored, or the patient is."
        return Check(name, FAILED, text)
    return Check(name, OK, "Right is right: of the kidneys, or of liver and spleen.")


def _right(found: Segmentation, number: int) -> float:
    """R in mm of the centroid of a segment."""
    segment = found.segments[number]
    return float(found.grid.index_to_ras([segment.mask.centroid])[0, 0])
