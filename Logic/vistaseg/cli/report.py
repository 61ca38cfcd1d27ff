"""What a run says about itself, for people and for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vistaseg import __version__, catalog

if TYPE_CHECKING:
    from vistaseg.cli.run import Request
    from vistaseg.models.vista3d.model import Vista3d
    from vistaseg.segmentation import Segmentation
    from vistaseg.volume import Volume


@dataclass(frozen=True, eq=False)
class Outcome:
    """A finished run.

    Attributes:
        asked: ids that the model was asked.
        left_out: ids of what was asked for that the model does not know.
        warnings: what is doubtful about the scan, and what was left out, a sentence or two each.
        seconds: that the segmentation took, without reading and writing.
    """

    volume: Volume
    model: Vista3d
    segmentation: Segmentation
    asked: tuple[int, ...]
    left_out: tuple[int, ...]
    warnings: tuple[str, ...]
    seconds: float


def make_report(request: Request, outcome: Outcome) -> dict[str, Any]:
    """The report as JSON-able values.

    Returns:
        software, python: versions.
        input, output, preview, report: the paths as they were given; the last two may be null.
        model, notice, weights_sha256: which model, its caution (may be empty), sha256 in hex of its weights.
        device, precision: "cpu" or "cuda"; "fp32" or "bf16".
        volume: shape_ijk in voxels, spacing_mm along (i, j, k), orientation such as "LPS".
        region_ras_mm: {"low": [R, A, S], "high": [R, A, S]}, or null for the whole volume.
        asked, left_out, not_found: names of structures: put to the model; in a preset or a term for several but
            unknown to the model; asked, but in no voxel of the result.
        warnings: sentences.
        seconds: of the segmentation, without reading and writing.
        segments: in the order asked for: id and name, voxels, ml (millilitres).
    """
    volume, model = outcome.volume, outcome.model
    return {
        "software": f"VistaSeg {__version__}",
        "python": sys.version.split()[0],
        "input": str(request.scan),
        "output": request.output,
        "preview": None if request.preview is None else str(request.preview),
        "report": None if request.report is None else str(request.report),
        "model": model.identity.title,
        "notice": model.notice,
        "weights_sha256": model.identity.weights_sha256,
        **model.computed_on,
        "volume": {"shape_ijk": volume.shape_ijk, "spacing_mm": volume.spacing, "orientation": volume.orientation},
        "region_ras_mm": request.region and {"low": request.region.low, "high": request.region.high},
        **_structures(outcome),
        "warnings": list(outcome.warnings),
        "seconds": round(outcome.seconds, 2),
        "segments": _segments(outcome.segmentation),
    }


def report_bytes(report: dict[str, Any]) -> bytes:
    """The report as a JSON file."""
    return json.dumps(report, indent=1).encode() + b"\n"


def _structures(outcome: Outcome) -> dict[str, list[str]]:
    found = {segment.structure_id for segment in outcome.segmentation.segments}
    missing = [i for i in outcome.asked if i not in found]
    groups = {"asked": outcome.asked, "left_out": outcome.left_out, "not_found": missing}
    return {key: [catalog.get(i).name for i in ids] for key, ids in groups.items()}


def _segments(segmentation: Segmentation) -> list[dict[str, Any]]:
    return [
        {"id": s.structure_id, "name": s.name, "voxels": s.voxel_count, "ml": round(segmentation.volume_ml(s), 2)}
        for s in segmentation.segments
    ]
