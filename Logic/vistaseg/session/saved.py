"""A session as JSON, from which the same masks can be made again."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vistaseg import catalog
from vistaseg.errors import UsageError
from vistaseg.models.protocol import SegmentationModel
from vistaseg.prompts import prompt_from_dict
from vistaseg.segmentation import Extent
from vistaseg.session.history import History, PackedMask, Step
from vistaseg.volume import Volume

FORMAT = "vistaseg session 1"

Restored = tuple[str, int | None, PackedMask, list[Step]]
"""Name, class id, the mask at the start, and the steps since."""


def saved(histories: Mapping[str, History], volume: Volume, model: SegmentationModel) -> dict[str, Any]:
    """JSON-able values that `restored` reads."""
    return {
        "format": FORMAT,
        "volume": fingerprint(volume),
        "weights_sha256": model.identity.weights_sha256,
        "computed_on": dict(model.computed_on),
        "segments": [_saved_segment(name, history) for name, history in histories.items()],
    }


def restored(document: Any, volume: Volume, model: SegmentationModel) -> Iterator[Restored]:
    """The segments of a saved session.

    Raises:
        UsageError: it is none, or was made with another volume, other weights, or on another device or in another
            precision: each would give other masks.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError("This is not a session that VistaSeg saved. Choose another file.")
    if document.get("volume") != fingerprint(volume):
        raise UsageError("The session was saved with another volume. Open the scan that it belongs to.")
    if document.get("weights_sha256") != model.identity.weights_sha256:
        raise UsageError("The session was saved with other weights, which would give other masks. Use those again.")
    if document.get("computed_on") != dict(model.computed_on):
        raise UsageError(
            f"The session was saved with {document.get('computed_on')}, which gives other masks than "
            f"{dict(model.computed_on)}. Choose that device and precision again."
        )
    try:
        segments = [_restored_segment(values, volume) for values in document["segments"]]
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise UsageError("The saved session is damaged. Choose another file.") from error
    yield from segments


def fingerprint(volume: Volume) -> dict[str, Any]:
    """What tells one volume from another: its grid and its voxels."""
    voxels = np.ascontiguousarray(volume.array)
    return {
        "shape_ijk": list(volume.shape_ijk),
        "ijk_to_ras": volume.ijk_to_ras.tolist(),
        "sha256": hashlib.sha256(voxels.data).hexdigest(),
    }


def _saved_segment(name: str, history: History) -> dict[str, Any]:
    state = history.state
    return {
        "name": name,
        "class_id": history.class_id,
        "start": _saved_mask(state.start),
        "steps": [{"prompt": step.prompt.as_dict(), "record": dict(step.record)} for step in state.steps],
    }


def _restored_segment(values: Mapping[str, Any], volume: Volume) -> Restored:
    steps = [Step(prompt_from_dict(step["prompt"]), dict(step["record"])) for step in values["steps"]]
    class_id, start = values["class_id"], _restored_mask(values["start"])
    if any(last > size for last, size in zip(start.extent.stop, volume.shape_ijk, strict=True)):
        raise ValueError("the mask reaches outside the volume")
    return str(values["name"]), None if class_id is None else catalog.get(class_id).id, start, steps


def _saved_mask(packed: PackedMask) -> dict[str, Any]:
    bits = base64.b64encode(packed.bits).decode("ascii")
    return {"start": list(packed.extent.start), "stop": list(packed.extent.stop), "bits": bits}


def _restored_mask(values: Mapping[str, Any]) -> PackedMask:
    (i, j, k), (to_i, to_j, to_k) = ([int(value) for value in values[key]] for key in ("start", "stop"))
    extent = Extent((i, j, k), (to_i, to_j, to_k))
    bits = base64.b64decode(values["bits"])
    if len(zlib.decompress(bits)) != -(-int(np.prod(extent.shape_kji)) // 8):
        raise ValueError("the mask does not fill its box")
    return PackedMask(extent, bits)
