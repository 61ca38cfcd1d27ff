"""Weights on this machine: there, whole, of the right size, and of the layout of their entry."""

from __future__ import annotations

from collections.abc import Iterator

from vistaseg.doctor.report import FAILED, NOTE, OK, Check
from vistaseg.errors import WeightsError
from vistaseg.weights import WeightsEntry, WeightsState, WeightsStatus, status, verify


def weights_checks(entry: WeightsEntry, thorough: bool) -> Iterator[Check]:
    """Of one entry of the manifest.

    Args:
        thorough: read and hash the file, and compare its tensors and its layout with those of the entry.
    """
    found = verify(entry) if thorough and status(entry).path is not None else status(entry)
    name = f"weights {entry.key}"
    if found.state is WeightsState.MISSING:
        yield Check(name, NOTE, f"{entry.title} is not installed.")
        return
    values = {"sha256": found.sha256, "bytes": found.size, "revision": found.revision, "source": found.source}
    if found.state is WeightsState.DAMAGED:
        text = f"{entry.title} is damaged, cut off, or not the file that was installed: fetch or import it again."
        yield Check(name, FAILED, text, values)
        return
    whence = "imported from a file" if found.source == "user" else f"from {entry.hub_id}, {found.revision or 'main'}"
    yield Check(name, OK, f"{entry.title}, {whence}, unchanged since it was installed.", values)
    yield _size(entry, found)
    if thorough:
        yield _tensors(entry, found)
        if entry.padding is not None:
            yield _layout(entry, found)


def _size(entry: WeightsEntry, found: WeightsStatus) -> Check:
    name = f"size {entry.key}"
    known = entry.size_bytes or entry.reported_bytes
    values = {"bytes": found.size, "record": known}
    if known is None or found.size is None:
        return Check(name, OK, "Nobody has published the size of the file.", values)
    if found.size == known:
        return Check(name, OK, f"{found.size:,} bytes, as published.", values)
    return Check(name, NOTE, f"{found.size:,} bytes, and the public record says {known:,}: another file.", values)


def _tensors(entry: WeightsEntry, found: WeightsStatus) -> Check:
    from vistaseg.weights.layouts import check_file

    name = f"tensors {entry.key}"
    if found.path is None:
        return Check(name, FAILED, "The file is missing.")
    try:
        check_file(found.path, entry.model)
    except WeightsError as error:
        return Check(name, FAILED, str(error).replace(str(found.path), "The file"))
    return Check(name, OK, "All tensors of the model are there, with their shapes.")


def _layout(entry: WeightsEntry, found: WeightsStatus) -> Check:
    """A file under the key of others is padded as theirs."""
    from vistaseg.weights.recognising import recognised_entry

    name = f"layout {entry.key}"
    if found.path is None:
        return Check(name, FAILED, "The file is missing.")
    try:
        own = recognised_entry(found.path)
    except WeightsError:
        return Check(name, OK, "The layout is one that several weights have.")
    if own.padding == entry.padding:
        return Check(name, OK, f"The layout is that of {own.hub_id}.")
    text = (
        f"The file has the layout or the hash of {own.hub_id}, and is used as {entry.hub_id}: scans shorter than a "
        f'window are padded by "{entry.padding}" and not by "{own.padding}". Remove it, and import it with '
        f"--key {own.key}."
    )
    return Check(name, FAILED, text, {"used": entry.padding, "published": own.padding})
