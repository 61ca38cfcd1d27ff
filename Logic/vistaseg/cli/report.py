"""A run of the command line: its request, its outcome, and the report for people and programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg import __version__
from vistaseg.pipeline.plan import Plan, Result

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.segmentation import Segment, Segmentation
    from vistaseg.volume import Volume


MOST_MARKED = 3
"""Segments that are worth a look in a message; the report has all."""
MOST_NAMED = 12
"""Structures in a message; the report names all."""


@dataclass(frozen=True)
class RunRequest:
    """One run of the command line.

    Attributes:
        output: where the segmentation goes, as it was typed: a slash at its end means a folder.
        series: UID or number of the DICOM series, or None for the largest CT.
        plan: what to segment, and with what.
        preview, report: where a picture and the report go, or None.
        deflate: pack a DICOM segmentation.
    """

    scan: Path
    output: str
    plan: Plan = Plan()
    series: str | None = None
    preview: Path | None = None
    report: Path | None = None
    deflate: bool = False


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """A finished run.

    Attributes:
        models: at least one.
        doubts: what is doubtful about the scan, a sentence or two each.
        seconds: of the segmentation, without reading and writing.
    """

    volume: Volume
    models: Sequence[SegmentationModel]
    result: Result
    doubts: tuple[str, ...]
    seconds: float

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """`segment_rows`, measured once."""
        return segment_rows(self.result.segmentation)

    @property
    def notice(self) -> str:
        """The cautions of the models."""
        return " ".join(model.notice for model in self.models if model.notice)


def make_report(request: RunRequest, outcome: RunOutcome) -> dict[str, Any]:
    """The report as JSON-able values.

    Returns:
        software, python: versions.
        input, output, preview, report: the paths as they were given; the last two may be null.
        model, notice, weights_sha256: which model, its caution (may be empty), sha256 in hex of its weights; of several
            models all of them in their order.
        device, precision: "cpu" or "cuda"; "fp32" or "bf16".
        volume: shape_ijk in voxels, spacing_mm along (i, j, k), orientation such as "LPS".
        region_ras_mm: {"low": [R, A, S], "high": [R, A, S]}, or null for the whole volume.
        asked, left_out, not_found: names of structures: put to the model; in a preset or a term for several but
            unknown to the model; put to it, but in no voxel of the result.
        prompts: each with the segment, the model that answered, seconds, voxels and note; empty without prompts.
        warnings: sentences.
        seconds: of the segmentation, without reading and writing.
        segments: in the order requested: id (null without a class) and name, voxels, ml (millilitres), confidence (0…1,
            of automatic masks; null where the model says none); centroid_ras_mm [R, A, S], the mean of the voxel
            centres; box_ras_mm {"low": [R, A, S], "high": …}, to the outer edges of the voxels; box_ijk {"start":
            [i, j, k], "stop": …} in voxels of the scan, from 0, the last one not counted; findings, why it is worth a
            look: kind ("border", "pieces", "small", "large", "confidence"), numbers and text of each; severity, their
            sum, larger where the result is further from what is expected. Places are null for a segment without voxels.
    """
    volume, plan, result = outcome.volume, request.plan, outcome.result
    identities = [model.identity for model in outcome.models]
    return {
        "software": f"VistaSeg {__version__}",
        "python": sys.version.split()[0],
        "input": str(request.scan),
        "output": request.output,
        "preview": None if request.preview is None else str(request.preview),
        "report": None if request.report is None else str(request.report),
        "model": ", ".join(identity.title for identity in identities),
        "notice": outcome.notice,
        "weights_sha256": ", ".join(identity.weights_sha256 for identity in identities),
        **outcome.models[0].computed_on,
        "volume": {"shape_ijk": volume.shape_ijk, "spacing_mm": volume.spacing, "orientation": volume.orientation},
        "region_ras_mm": plan.region and {"low": plan.region.low, "high": plan.region.high},
        "asked": list(result.requested),
        "left_out": list(result.left_out),
        "not_found": result.not_found,
        "prompts": list(result.prompts),
        "warnings": list(filter(None, (*outcome.doubts, *result.notes, look_note(outcome.rows)))),
        "seconds": round(outcome.seconds, 2),
        "segments": outcome.rows,
    }


def shortened(listed: Sequence[str]) -> str:
    """The first of a list, and how many more there are."""
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more


def report_bytes(report: dict[str, Any]) -> bytes:
    """The report as a JSON file."""
    return json.dumps(report, indent=1).encode() + b"\n"


def segment_rows(segmentation: Segmentation) -> list[dict[str, Any]]:
    """What there is to say of each segment, JSON-able; see `make_report`."""
    return [_row(segmentation, segment) for segment in segmentation.segments]


def _row(segmentation: Segmentation, segment: Segment) -> dict[str, Any]:
    from vistaseg.segmentation.finding_text import finding_text
    from vistaseg.segmentation.place import place_of
    from vistaseg.segmentation.plausibility import segment_findings

    found, place = segment_findings(segment, segmentation.grid), place_of(segment, segmentation.grid)
    return {
        "id": segment.structure_id,
        "name": segment.name,
        "voxels": segment.voxel_count,
        "ml": round(segmentation.volume_ml(segment), 2),
        "confidence": segment.confidence,
        "centroid_ras_mm": place and _rounded(place.centroid),
        "box_ras_mm": place and {"low": _rounded(place.low), "high": _rounded(place.high)},
        "box_ijk": place and {"start": list(place.box.start), "stop": list(place.box.stop)},
        "findings": [finding.as_dict() | {"text": finding_text(finding)} for finding in found],
        "severity": round(sum(finding.severity for finding in found), 4),
    }


def _rounded(ras: tuple[float, float, float]) -> list[float]:
    return [round(value, 3) for value in ras]


def look_note(rows: Sequence[dict[str, Any]]) -> str:
    """The segments that are most worth a look, and how many more there are; nothing where none is."""
    marked = sorted((row for row in rows if row["findings"]), key=lambda row: -float(row["severity"]))
    if not marked:
        return ""
    shown = [f"{row['name']} ({'; '.join(each['text'] for each in row['findings'])})" for row in marked[:MOST_MARKED]]
    more = f", and {len(marked) - MOST_MARKED} more, which --json names" if len(marked) > MOST_MARKED else ""
    return f"Worth a look: {', '.join(shown)}{more}."
