"""The public face: a scan in, a segmentation or a session out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from vistaseg.errors import UsageError
from vistaseg.models.registry import bundled_keys, spec
from vistaseg.pipeline.loading import check_weights, load_models
from vistaseg.pipeline.model_choice import AUTO, DEMO, models_for
from vistaseg.pipeline.plan import Plan
from vistaseg.pipeline.prompting import parse_texts
from vistaseg.pipeline.reporter import Silent
from vistaseg.pipeline.structures import RequestedStructures
from vistaseg.progress import Progress, silent
from vistaseg.prompts import RegionOfInterest, require_inside
from vistaseg.volume import Volume, check_ct, read_volume

if TYPE_CHECKING:
    from vistaseg.segmentation import Segmentation
    from vistaseg.session import Session

Scan = Union[str, "os.PathLike[str]", Volume, Any]
"""A path (NIfTI, NRRD, MetaImage, a DICOM folder), a `Volume`, or an image of nibabel or SimpleITK."""


def segment(
    ct: Scan,
    structures: str | Sequence[str],
    model: str = AUTO,
    device: str = AUTO,
    *,
    region: RegionOfInterest | None = None,
    precision: str = AUTO,
    memory: float | None = None,
    progress: Progress = silent,
) -> Segmentation:
    """Segment structures of a CT.

    Args:
        ct: see `read_ct`.
        structures: names, such as "liver, left kidney" or ["liver", "lung"]; a name for several stands for all of
            them. `vistaseg classes` lists them.
        model: "vista3d", "segvol", or the small bundled "demo" and "segvol-demo"; "auto" is VISTA3D. SegVol reads names
            that VISTA3D has no class for, each as a segment of its own.
        device: "cpu", "cuda", or "auto" for a GPU where there is one.
        region: only voxels inside are labelled; RAS mm.
        precision: "fp32", "bf16", or "auto".
        memory: limit of VISTA3D's working memory in GB: smaller windows where it is short.
        progress: called at least once a window; it may raise `CancelledError`.

    Returns:
        Segments on the grid of the scan, in the order of `structures`. Doubts about scan and result are in `notes`, and
        each is a Python warning.

    Raises:
        UsageError: a name, model or device is unknown, or the model does not know the structure.
        InputError: the CT cannot be used, or the region lies outside it.
        WeightsError: weights are not installed, or damaged.
        MemoryLimitError: the memory is short.
    """
    plan = _plan(structures, model, device, region, precision, memory)
    plan.check()
    volume = read_ct(ct)
    if region is not None:
        require_inside(region, volume.grid)
    from vistaseg.compute import memory_guard

    with memory_guard("the segmentation"):
        result = plan.run(volume, plan.load(), Silent(progress))
    missing = (f"Not found in this scan: {', '.join(result.not_found)}.",) if result.not_found else ()
    notes = tuple(filter(None, (*result.notes, *(str(prompt["note"]) for prompt in result.prompts), *missing)))
    _warn(notes)
    return replace(result.segmentation, notes=(*volume.notes, *notes))


def open_session(ct: Scan, model: str = AUTO, device: str = AUTO, *, precision: str = AUTO) -> Session:
    """A session on a CT: automatic masks, clicks, boxes and names, one after another, with undo.

    Args:
        ct: see `read_ct`.
        model: as for `segment`; "auto" is VISTA3D, and SegVol beside it where it is installed; "demo" is both bundled
            models.
        device, precision: as for `segment`.

    Raises:
        UsageError, InputError, WeightsError: see `segment`.
    """
    if model != AUTO:
        spec(model)  # refuses an unknown key
    keys = models_for(model, ())
    if model == AUTO:
        keys = tuple(dict.fromkeys((*keys, *models_for(model, (), boxes=True))))
    elif model == DEMO:
        keys = bundled_keys()
    check_weights(keys)
    volume = read_ct(ct)
    from vistaseg.session import Session

    return Session(volume, *load_models(keys, device, precision, True, Silent()))


def read_ct(ct: Scan, series: str | None = None) -> Volume:
    """Read a CT, or take one from memory.

    Args:
        ct: the path of a file (NIfTI, NRRD, MetaImage) or DICOM folder, a `Volume`, an image of nibabel or SimpleITK.
        series: UID or list number of the DICOM series; None is the largest CT.

    Returns:
        The volume, whose array is (k, j, i) in HU. Doubts about it are in `notes`, and each is a Python warning.

    Raises:
        InputError: it cannot be read, or is not a CT.
    """
    volume = _volume(ct, series)
    doubts = tuple(check_ct(volume))
    _warn(doubts)
    return replace(volume, notes=doubts)


def read_segmentation(path: str | os.PathLike[str]) -> Segmentation:
    """Read a segmentation: `.seg.nrrd`, a NIfTI label map, or a folder of masks.

    Raises:
        InputError: it is missing, of another kind, or damaged.
    """
    from vistaseg.segmentation import read_segmentation as read

    return read(Path(path))


def _volume(ct: Scan, series: str | None) -> Volume:
    if isinstance(ct, str | os.PathLike):
        return read_volume(ct, series)
    if series is not None:
        raise UsageError("A series is chosen in a DICOM folder: leave it out for a scan in memory.")
    if isinstance(ct, Volume):
        return ct
    return Volume.from_nibabel(ct) if hasattr(ct, "dataobj") else Volume.from_sitk(ct)


def _plan(
    structures: str | Sequence[str],
    model: str,
    device: str,
    region: RegionOfInterest | None,
    precision: str,
    memory: float | None,
) -> Plan:
    names = structures if isinstance(structures, str) else ", ".join(structures)
    reads_names = model != AUTO and spec(model).reads_names
    texts = parse_texts([name.strip() for name in names.split(",")]) if reads_names else ()
    if texts and region is not None:
        raise UsageError(f"{spec(model).title} has no region: leave it out, or use VISTA3D.")
    classes = RequestedStructures() if texts else RequestedStructures.parse(names, None)
    return Plan(classes, region, texts, None, models_for(model, texts), device, precision, memory)


def _warn(notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(note, stacklevel=3)
