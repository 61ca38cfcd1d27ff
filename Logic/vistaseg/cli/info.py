"""`vistaseg info`: what a scan is, where it lies, and what is doubtful about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.options import JsonOption, ScanArgument, SeriesOption
from vistaseg.errors import InputError

if TYPE_CHECKING:
    from vistaseg.volume import Volume

_FORMATS = {
    ".nii.gz": "NIfTI, gzip", ".nii": "NIfTI", ".nrrd": "NRRD", ".nhdr": "NRRD", ".mha": "MetaImage",
    ".mhd": "MetaImage", ".vtk": "VTK", ".gipl": "GIPL",
}  # fmt: skip


def info_command(scan: ScanArgument, series: SeriesOption = None, as_json: JsonOption = False) -> None:
    """Show format, grid, orientation, position, value range and doubtful header values of a scan."""
    from vistaseg.volume import read_volume

    found = _described(scan, read_volume(scan, series))
    if as_json:
        echo_json(found)
    else:
        echo(*_lines(found))


def _described(place: Path, volume: Volume) -> dict[str, Any]:
    """JSON-able; places are those of voxel centres, in mm."""
    from vistaseg.models.registry import PREFERRED, spec

    low, high = _range(volume)
    doubts, problem = _doubts(volume)
    size = [count * step for count, step in zip(volume.shape_ijk, volume.spacing, strict=True)]
    return {
        "format": _format(place),
        "name": volume.name,
        "modality": volume.modality,
        "shape_ijk": list(volume.shape_ijk),
        "spacing_mm": list(volume.spacing),
        "size_mm": size,
        "orientation": volume.orientation,
        "orthogonal": volume.grid.is_orthogonal,
        "ijk_to_ras": volume.ijk_to_ras.tolist(),
        "range_ras": [low, high],
        "range_lps": [[-high[0], -high[1], low[2]], [-low[0], -low[1], high[2]]],
        "voxel_type": str(volume.array.dtype),
        "values": [volume.array.min().item(), volume.array.max().item()],
        "doubts": doubts,
        "problem": problem,
        "vista3d_windows": None if problem else spec(PREFERRED[0]).expected_windows(size),
    }


def _format(place: Path) -> str:
    from vistaseg.volume import holds_dicom

    if holds_dicom(place):
        return "DICOM"
    return next(name for suffix, name in _FORMATS.items() if place.name.lower().endswith(suffix))


def _range(volume: Volume) -> tuple[list[float], list[float]]:
    """Lowest and highest R, A and S of the voxel centres."""
    i, j, k = (count - 1 for count in volume.shape_ijk)
    corners = volume.index_to_ras([(a, b, c) for a in (0, i) for b in (0, j) for c in (0, k)])
    return corners.min(axis=0).tolist(), corners.max(axis=0).tolist()


def _doubts(volume: Volume) -> tuple[list[str], str | None]:
    """What is doubtful, and why it cannot be segmented as a CT, or None."""
    from vistaseg.volume import check_ct

    try:
        return check_ct(volume), None
    except InputError as error:
        return list(volume.notes), str(error)


def _lines(found: dict[str, Any]) -> list[str]:
    low, high = found["values"]
    unit = " HU" if found["modality"] in (None, "", "CT") else ""
    lines = [
        f"Format       {found['format']}, {found['modality'] or 'modality not stated'}, {found['voxel_type']}",
        f"Voxels       {_times(found['shape_ijk'])} (i, j, k)",
        f"Spacing      {_times(found['spacing_mm'])} mm, in all {_times(found['size_mm'])} mm",
        f"Orientation  {found['orientation']} (i, j, k grow to these sides)",
        f"Range RAS    {_span(found['range_ras'])} mm",
        f"Range LPS    {_span(found['range_lps'])} mm",
        f"Values       {low:g} to {high:g}{unit}",
    ]
    if found["vista3d_windows"] is not None:
        lines.append(f"VISTA3D      at most {found['vista3d_windows']} windows for the whole scan")
    lines += [f"Doubtful     {doubt}" for doubt in found["doubts"]]
    if found["problem"] is not None:
        lines.append(f"Not usable   {found['problem']}")
    elif not found["doubts"]:
        lines.append("Nothing is doubtful.")
    return lines


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)


def _span(corners: Sequence[Sequence[float]]) -> str:
    return ", ".join(f"{low:.1f} to {high:.1f}" for low, high in zip(*corners, strict=True))
