"""Series that hold the same place several times: phases, acquisitions, reconstructions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vistaseg.volume.dicom.copies import are_doubled
from vistaseg.volume.dicom.slices import Slice

_TELLING = {
    "TemporalPositionIdentifier": "",
    "TemporalPositionIndex": "FrameContentSequence",
    "AcquisitionNumber": "",
    "FrameAcquisitionNumber": "FrameContentSequence",
    "NominalPercentageOfCardiacPhase": "CardiacSynchronizationSequence",
    "TriggerTime": "",
    "AcquisitionDateTime": "",
    "AcquisitionTime": "",
    "ContentTime": "",
    "StackID": "FrameContentSequence",
    "EchoNumbers": "",
    "ConvolutionKernel": "CTReconstructionSequence",
    "ImageType": "",
    "FrameOfReferenceUID": "",
}
"""Attributes that tell the parts of a series apart, the most telling first, and where a multi-frame image has them."""


def by_time(slices: Sequence[Slice]) -> list[tuple[str, list[Slice]]]:
    """Split slices that share places into parts in which no place occurs twice.

    Returns:
        What to call each part, "" where there is only one, and its slices. Where no attribute tells the parts apart
        the slices stay together.
    """
    if are_doubled(slices):
        for keyword, sequence in _TELLING.items():
            parts = _split(slices, keyword, sequence)
            if len(parts) > 1 and all(len(part) > 1 and not are_doubled(part) for part in parts):
                return [
                    (f"part {number} of {len(parts)} by {keyword}", part) for number, part in enumerate(parts, start=1)
                ]
    return [("", list(slices))]


def _split(slices: Sequence[Slice], keyword: str, sequence: str) -> list[list[Slice]]:
    parts: dict[str, list[Slice]] = defaultdict(list)
    for piece in slices:
        parts[str(piece.value(keyword, sequence))].append(piece)
    return [parts[value] for value in sorted(parts, key=_order)]


def _order(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return 0.0, value
