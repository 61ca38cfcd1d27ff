"""Which published weights a file is, by its layout and its hash."""

from __future__ import annotations

from pathlib import Path

from vistaseg.errors import WeightsError
from vistaseg.weights.checkpoint import read_state_dict
from vistaseg.weights.layouts import LAYOUTS
from vistaseg.weights.manifest import WeightsEntry, load_manifest
from vistaseg.weights.record import file_digests
from vistaseg.weights.store import entry_for, status


def recognised_entry(path: Path) -> WeightsEntry:
    """The entry of the manifest whose file this is, or has the layout of.

    A published hash decides. Without one, the names of the tensors do, where they are those of one entry alone, or of
    entries that are used alike.

    Raises:
        WeightsError: unreadable, of no known model, or of a layout of several entries that are used differently.
    """
    names = set(read_state_dict(path))
    candidates = [entry for entry in load_manifest() if entry.model == _model_of(path, names)]
    pinned = [entry for entry in candidates if entry.pinned]
    digests = file_digests(path, {name for entry in pinned for name in entry.pinned}) if pinned else {}
    published = [entry for entry in pinned if all(digests[name] == pin for name, pin in entry.pinned.items())]
    if published:
        return published[0]
    if len({(entry.padding, entry.license) for entry in candidates}) == 1:
        return candidates[0]
    marked = [entry for entry in candidates if entry.prefix and all(name.startswith(entry.prefix) for name in names)]
    if len(marked) == 1:
        return marked[0]
    raise _undecided(path, candidates)


def published_padding(model: str) -> str | None:
    """The padding of the program that was published with a model's installed weights; None for models without one.

    What the file is says more than the key that it was installed under.

    Args:
        model: key of a model; bundled ones have no published program.
    """
    entries = [entry for entry in load_manifest() if entry.model == model]
    if not entries:
        return None
    entry = entry_for(model)
    path = status(entry).path
    if path is None:
        return entry.padding
    try:
        return recognised_entry(path).padding
    except WeightsError:
        return entry.padding


def _model_of(path: Path, names: set[str]) -> str:
    for model, layout in LAYOUTS.items():
        if any(name.endswith(layout.mark) for name in names):
            return model
    titles = " or ".join(layout.title for layout in LAYOUTS.values())
    raise WeightsError(f"{path} does not hold the weights of {titles}. Check that it is the right file.")


def _undecided(path: Path, candidates: list[WeightsEntry]) -> WeightsError:
    known = "; ".join(f"--key {entry.key} for {entry.hub_id} ({entry.license.name})" for entry in candidates)
    return WeightsError(
        f"{path} may be any of several weights, whose published programs treat short scans differently and whose "
        f"licenses differ. Say which it is, or which it was fine-tuned from: {known}."
    )
