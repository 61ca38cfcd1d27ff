"""A session as JSON, from which the same masks can be made again."""

from __future__ import annotations

import base64
import binascii
import hashlib
import reprlib
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vistaseg import catalog
from vistaseg.errors import UsageError
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.masks.packed import PackedMask
from vistaseg.models.protocol import SegmentationModel
from vistaseg.models.recipe import Recipe
from vistaseg.prompts import prompt_from_dict
from vistaseg.segmentation.table import whole_number
from vistaseg.session.engines import Engines
from vistaseg.session.history import History, Step
from vistaseg.session.routing import Route
from vistaseg.volume import Volume

FORMAT = "vistaseg session 1"

DAMAGE = (KeyError, TypeError, ValueError, OverflowError, binascii.Error, zlib.error)
"""What reading values that were tampered with may raise."""

_ROUNDING_MM = 1e-6  # more than what writing and reading a file changes of a geometry

Restored = tuple[str, History, PackedMask, list[Step]]
"""Name, an empty history, the mask at the start, and the steps since."""


def saved(histories: Mapping[str, History], volume: Volume, engines: Engines) -> dict[str, Any]:
    """JSON-able values that `restored` reads."""
    return {
        "format": FORMAT,
        "volume": fingerprint(volume),
        "models": {model.identity.key: _saved_model(model) for model in engines.models},
        "segments": [saved_segment(name, history) for name, history in histories.items()],
    }


def models_of(document: Any) -> list[str]:
    """Keys of the models that a saved session had, in their order.

    Raises:
        UsageError: it is not a saved session.
    """
    models = document.get("models") if isinstance(document, dict) and document.get("format") == FORMAT else None
    if not isinstance(models, dict) or not models:
        raise UsageError("This is not a session that VistaSeg saved. Choose another file.")
    return [str(key) for key in models]


def recipe_of(document: Any, key: str) -> Recipe:
    """The rules that a model of a saved session had; those of the first versions where none were written down.

    Raises:
        UsageError: it is not a saved session with that model, or its rules are not known here.
    """
    try:
        return Recipe.of(document["models"][key].get("recipe"))
    except ValueError as error:
        raise UsageError(
            f"The session was saved under rules for {key} that this version does not have: {error}. Open it with the "
            "version of VistaSeg that saved it."
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError("The saved session is damaged. Choose another file.") from error


def restored(document: Any, volume: Volume, engines: Engines) -> Iterator[Restored]:
    """The segments of a saved session.

    Raises:
        UsageError: it is none, or was made with another volume, other weights, under other rules, or on another
            device or in another precision: each would give other masks.
    """
    keys = models_of(document)
    if not _is_of(document.get("volume"), volume):
        raise UsageError("The session was saved with another volume. Open the scan that it belongs to.")
    for key in keys:
        _require_same(document["models"][key], engines.model(key))
        _require_recipe(recipe_of(document, key), engines.model(key))
    try:
        segments = [restored_segment(values, volume) for values in document["segments"]]
        names = {name for name, *_ in segments}
        if len(names) < len(segments):
            raise ValueError("two segments of one name")
        if any(step.record["model"] not in keys for *_, steps in segments for step in steps):
            raise ValueError("a prompt was answered by a model that the session does not list")
    except UsageError as error:  # of a prompt or a class, which know nothing of the file
        raise UsageError(f"The saved session is damaged: {error}") from error
    except DAMAGE as error:
        raise UsageError("The saved session is damaged. Choose another file.") from error
    yield from segments


def repeated(step: Step) -> Route:
    """The way that a saved prompt took.

    Raises:
        UsageError: its record is damaged.
    """
    try:
        class_ids = tuple(whole_number(value) for value in step.record.get("class_ids", ()))
        model = step.record["model"]
        if not isinstance(model, str):
            raise TypeError("a model is named by a text")
        return Route(model, step.prompt, class_ids)
    except DAMAGE as error:
        raise UsageError("The saved session is damaged. Choose another file.") from error


def _saved_model(model: SegmentationModel) -> dict[str, Any]:
    identity = model.identity
    computed_on = dict(model.computed_on)
    return {
        "weights_sha256": identity.weights_sha256,
        "computed_on": computed_on,
        "recipe": identity.recipe.as_dict(),
    }


def _require_same(was: Any, model: SegmentationModel) -> None:
    now, title = _saved_model(model), model.identity.title
    if not isinstance(was, dict) or was.get("weights_sha256") != now["weights_sha256"]:
        raise UsageError(
            f"The session was saved with other weights of {title}, which would give other masks. Use those again."
        )
    if was.get("computed_on") != now["computed_on"]:
        raise UsageError(
            f"The session was saved with {reprlib.repr(was.get('computed_on'))}, which gives other masks than "
            f"{now['computed_on']}. Choose that device and precision again."
        )


def _require_recipe(was: Recipe, model: SegmentationModel) -> None:
    now, title = model.identity.recipe, model.identity.title
    differing = was.differences(now)
    if differing:
        rules = "; ".join(f"{name} is {getattr(now, name)} and was {getattr(was, name)}" for name in differing)
        raise UsageError(
            f"The session was saved under other rules of {title}, which would give other masks: {rules}. "
            "Load the model with the rules of the session."
        )


def fingerprint(volume: Volume) -> dict[str, Any]:
    """What tells one volume from another: its grid and its voxels."""
    voxels = np.ascontiguousarray(volume.array)
    return {
        "shape_ijk": list(volume.shape_ijk),
        "ijk_to_ras": volume.ijk_to_ras.tolist(),
        "sha256": hashlib.sha256(voxels.data).hexdigest(),
    }


def _is_of(saved: Any, volume: Volume) -> bool:
    """Whether a saved fingerprint is that of a volume; its geometry but for what writing and reading files changes."""
    own = fingerprint(volume)
    try:
        there = np.asarray(saved["ijk_to_ras"], dtype=float)
        alike = {**saved, "ijk_to_ras": own["ijk_to_ras"]} == own
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return alike and there.shape == (4, 4) and bool(np.allclose(there, volume.ijk_to_ras, rtol=0, atol=_ROUNDING_MM))


def saved_segment(name: str, history: History) -> dict[str, Any]:
    """JSON-able values of one segment that `restored_segment` reads."""
    state = history.state
    return {
        "name": name,
        "class_id": history.class_id,
        "known_organ": history.known_organ,
        "start": _saved_mask(state.start),
        "steps": [_saved_step(step) for step in state.steps],
    }


def restored_segment(values: Mapping[str, Any], volume: Volume) -> Restored:
    """One segment of a saved session.

    Raises:
        UsageError, one of `DAMAGE`: it is damaged, or of another grid.
    """
    steps = [_restored_step(step, volume.shape_ijk) for step in values["steps"]]
    class_id, start = values["class_id"], _restored_mask(values["start"], volume.shape_ijk)
    name, known_organ = values["name"], values.get("known_organ", False)
    if not isinstance(name, str) or not isinstance(known_organ, bool):
        raise TypeError("a name is a text, and a known organ true or false")
    history = History(None if class_id is None else catalog.get(whole_number(class_id)).id, known_organ)
    return name, history, start, steps


def _saved_step(step: Step) -> dict[str, Any]:
    mask = {} if step.mask is None else {"mask": _saved_mask(step.mask)}
    return {"prompt": step.prompt.as_dict(), "record": dict(step.record), **mask}


def _restored_step(values: Mapping[str, Any], shape_ijk: Index) -> Step:
    mask = _restored_mask(values["mask"], shape_ijk) if "mask" in values else None
    return Step(prompt_from_dict(values["prompt"]), dict(values["record"]), mask)


def _saved_mask(packed: PackedMask) -> dict[str, Any]:
    bits = base64.b64encode(packed.bits).decode("ascii")
    return {"start": list(packed.box.start), "stop": list(packed.box.stop), "bits": bits}


def _restored_mask(values: Mapping[str, Any], shape_ijk: Index) -> PackedMask:
    (i, j, k), (to_i, to_j, to_k) = ([whole_number(value) for value in values[key]] for key in ("start", "stop"))
    box = VoxelBox((i, j, k), (to_i, to_j, to_k))
    if box.intersection(VoxelBox.whole(shape_ijk)) != box:
        raise ValueError("a mask reaches outside the volume")
    bits = base64.b64decode(values["bits"])
    if not _inflates_to(bits, -(-box.size // 8)):
        raise ValueError("the mask does not fill its box")
    return PackedMask(box, bits)


def _inflates_to(packed: bytes, count: int) -> bool:
    """Whether compressed bytes are this many; no more than one beyond is inflated to know it."""
    inflating = zlib.decompressobj()
    return len(inflating.decompress(packed, count + 1)) == count and inflating.eof and not inflating.unused_data
