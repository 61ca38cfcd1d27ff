"""What a run says about itself, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vistaseg import __version__

if TYPE_CHECKING:
    from vistaseg.cli.run import Request
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.segmentation import Segmentation
    from vistaseg.volume import Volume


MOST_NAMED = 12
"""Structures in a message; the report names all."""


@dataclass(frozen=True, eq=False)
class Finding:
    """What came of a question.

    Attributes:
        asked: names of the segments that were asked for.
        left_out: names of what was asked for that the model does not know.
        notes: what a user should know of the result, a sentence or two each.
        prompts: JSON-able, each prompt and how it was answered; none of a question by class.
    """

    segmentation: Segmentation
    asked: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    prompts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Outcome:
    """A finished run.

    Attributes:
        models: that were asked, at least one.
        doubts: what is doubtful about the scan, a sentence or two each.
        seconds: that the finding took, without reading and writing.
    """

    volume: Volume
    models: Sequence[SegmentationModel]
    finding: Finding
    doubts: tuple[str, ...]
    seconds: float

    @property
    def notice(self) -> str:
        """The cautions of the models."""
        return " ".join(model.notice for model in self.models if model.notice)


def make_report(request: Request, outcome: Outcome) -> dict[str, Any]:
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
            unknown to the model; asked, but in no voxel of the result.
        prompts: each with the segment, the model that answered, seconds, voxels and note; empty without prompts.
        warnings: sentences.
        seconds: of the segmentation, without reading and writing.
        segments: in the order asked for: id (null without a class) and name, voxels, ml (millilitres), confidence (0…1,
            of automatic masks; null where the model says none).
    """
    volume, finding, identities = outcome.volume, outcome.finding, [model.identity for model in outcome.models]
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
        "region_ras_mm": request.region and {"low": request.region.low, "high": request.region.high},
        "asked": list(finding.asked),
        "left_out": list(finding.left_out),
        "not_found": not_found(finding),
        "prompts": list(finding.prompts),
        "warnings": [*outcome.doubts, *finding.notes],
        "seconds": round(outcome.seconds, 2),
        "segments": segment_rows(finding.segmentation),
    }


def not_found(finding: Finding) -> list[str]:
    """Names of what was asked for and is in no voxel of the result."""
    found = {segment.name for segment in finding.segmentation.segments}
    return [name for name in finding.asked if name not in found]


def shortened(listed: Sequence[str]) -> str:
    """The first of a list, and how many more there are."""
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more


def report_bytes(report: dict[str, Any]) -> bytes:
    """The report as a JSON file."""
    return json.dumps(report, indent=1).encode() + b"\n"


def segment_rows(segmentation: Segmentation) -> list[dict[str, Any]]:
    """Id, name, voxels, millilitres and confidence of each segment, JSON-able."""
    return [
        {
            "id": s.structure_id,
            "name": s.name,
            "voxels": s.voxel_count,
            "ml": round(segmentation.volume_ml(s), 2),
            "confidence": s.confidence,
        }
        for s in segmentation.segments
    ]
