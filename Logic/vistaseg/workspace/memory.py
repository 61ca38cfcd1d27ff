"""The prompts of a segment, kept in one of its tags, so that they survive with the scene and the file."""

from __future__ import annotations

from typing import Any

import numpy as np

from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.grid import Grid, apply_affine
from vistaseg.mrml.placement import noted_placement, voxels_key
from vistaseg.mrml.seals import seal_answer
from vistaseg.mrml.tags import PROMPTS_TAG, read_tag
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.prompts import Point, Prompt, RegionOfInterest, prompt_from_dict
from vistaseg.segmentation.tags import json_tag, values_of_json_tag
from vistaseg.session import Session
from vistaseg.volume import Volume

_ROUNDING_MM = 1e-6  # more than what writing and reading a scene changes of a matrix
_SAME_SHAPE = 1e-4
_ANOTHER = "another scan"


def remember(vtk_segment: Any, session: Session, key: str) -> None:
    """Write the prompts of a session's segment into its tag, and seal what they made; one without prompts has none."""
    memory = session.memory_of(key)
    if not memory["steps"]:
        vtk_segment.RemoveTag(PROMPTS_TAG)
        return
    seal_answer(vtk_segment, session.fingerprint(key))
    volume = session.volume
    document = {"volume": volume.content_hash, "ijk_to_ras": volume.ijk_to_ras.tolist(), "segment": memory}
    vtk_segment.SetTag(PROMPTS_TAG, json_tag(document))


def recall(vtk_segment: Any) -> dict[str, Any] | None:
    """What `remember` wrote; None where there is nothing, or nothing that can be read."""
    text = read_tag(vtk_segment, PROMPTS_TAG)
    if not text:
        return None
    document = values_of_json_tag(text)
    return document if document is not None and isinstance(document.get("segment"), dict) else None


def prompts_of(document: dict[str, Any] | None) -> tuple[Prompt, ...]:
    """The prompts in such a document."""
    try:
        return tuple(prompt_from_dict(step["prompt"]) for step in (document or {})["segment"]["steps"])
    except (KeyError, TypeError, UsageError):
        return ()


def moved(document: dict[str, Any] | None, ijk_to_ras: np.ndarray) -> dict[str, Any] | None:
    """Such a document with its prompts where they lie now on their volume, which may have been moved since.

    A transform that is hardened moves a volume in its own coordinates, in which prompts are.

    Args:
        ijk_to_ras: (4, 4), of the volume now, mm.

    Returns:
        None where the prompts cannot follow: the volume was stretched, or turned until its axes run another way, or a
        box would not lie along R, A and S any more.
    """
    there = None if document is None else _matrix_of(document)
    if document is None or there is None or np.allclose(there, ijk_to_ras, rtol=0, atol=_ROUNDING_MM):
        return document
    if not _alike(there, ijk_to_ras):
        return None
    move = ijk_to_ras @ np.linalg.inv(there)
    try:
        steps = [_moved_step(step, move) for step in document["segment"]["steps"]]
    except (KeyError, TypeError, UsageError):
        return None
    return {**document, "segment": {**document["segment"], "steps": steps}}


def is_of(document: dict[str, Any], volume: Volume) -> bool:
    """Whether the prompts were made on this volume, wherever it was then; reads all voxels at the first call."""
    there, noted = _matrix_of(document), document.get("volume")
    if noted == volume.content_hash or there is None or np.array_equal(there, volume.ijk_to_ras):
        return bool(noted == volume.content_hash)
    return bool(Volume.from_array(volume.array, there, axes="kji").content_hash == noted)


def made_of_another(vtk_segment: Any, volume_node: Any) -> str:
    """Name of the volume that the last result in a segment was made of, where it is another one; otherwise nothing.

    Segments of earlier versions tell it by their prompts alone, for which all voxels are read.
    """
    if volume_node.GetImageData() is None:
        return ""
    noted = noted_placement(vtk_segment)
    if noted is not None:
        return "" if noted.voxels == voxels_key(volume_node) else noted.name or _ANOTHER
    document = recall(vtk_segment)
    try:
        is_other = document is not None and not is_of(document, volume_from_node(volume_node))
    except InputError:
        return ""
    return _ANOTHER if is_other else ""


def models_of(document: dict[str, Any]) -> set[str]:
    """Keys of the models that answered the prompts."""
    try:
        return {str(step["record"]["model"]) for step in document["segment"]["steps"]}
    except (KeyError, TypeError):
        return set()


def _matrix_of(document: dict[str, Any]) -> np.ndarray | None:
    """Where the volume was, (4, 4); None where nothing usable says so."""
    try:
        return Grid((1, 1, 1), np.array(document["ijk_to_ras"], dtype=float)).ijk_to_ras
    except (KeyError, TypeError, ValueError, InputError):
        return None


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two matrices have the same spacing and angles, and axes that run along the same of R, A and S.

    Then a model resamples the volume to the same voxels, and what it noted about earlier prompts stays right.
    """
    here, there = (matrix[:3, :3].T @ matrix[:3, :3] for matrix in (one, other))
    return Grid((1, 1, 1), one).orientation == Grid((1, 1, 1), other).orientation and np.allclose(
        here, there, rtol=_SAME_SHAPE, atol=_SAME_SHAPE * here.max()
    )


def _moved_step(step: dict[str, Any], move: np.ndarray) -> dict[str, Any]:
    return {**step, "prompt": _moved_prompt(prompt_from_dict(step["prompt"]), move).as_dict()}


def _moved_prompt(prompt: Prompt, move: np.ndarray) -> Prompt:
    if isinstance(prompt, Point):
        r, a, s = apply_affine(move, [prompt.ras])[0].tolist()
        return Point((r, a, s), prompt.positive)
    if isinstance(prompt, RegionOfInterest):
        (r, a, s), (to_r, to_a, to_s) = apply_affine(move, [prompt.low, prompt.high]).tolist()
        along = np.abs(move[:3, :3])
        if (np.sort(along, axis=0)[:2] > _SAME_SHAPE).any():
            raise UsageError("A box that was turned is not along R, A and S any more.")
        return RegionOfInterest.between((r, a, s), (to_r, to_a, to_s))
    return prompt
