"""The weights on this machine: listed, downloaded, brought in from a file, verified and removed."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg.errors import WeightsError
from vistaseg.weights.acceptance import require_acceptance
from vistaseg.weights.download import download
from vistaseg.weights.folder import staging_folder, weights_folder, writing_to
from vistaseg.weights.manifest import WeightsEntry, load_manifest
from vistaseg.weights.record import (
    Progress,
    Record,
    file_digests,
    make_record,
    read_record,
    write_record,
)

if TYPE_CHECKING:
    from vistaseg.weights.layouts import Shapes

_CHECKPOINT_SUFFIXES = (".safetensors", ".pt")


class WeightsState(Enum):
    """State of one manifest entry on this machine; DAMAGED: no record vouches for the file that is there."""

    MISSING = "missing"
    INSTALLED = "installed"
    DAMAGED = "damaged-unknown"


@dataclass(frozen=True)
class WeightsStatus:
    """What is on this machine of one manifest entry; `size` in bytes, `source` "download" or "user"."""

    entry: WeightsEntry
    state: WeightsState
    path: Path | None = None
    sha256: str | None = None
    size: int | None = None
    source: str | None = None


def list_weights() -> list[WeightsStatus]:
    """Status of each manifest entry, in the manifest's order."""
    return [status(entry) for entry in load_manifest()]


def status(entry: WeightsEntry) -> WeightsStatus:
    """Status of one entry; the file is hashed only if its size or time is not the recorded one."""
    folder = weights_folder(entry.key)
    record = read_record(folder)
    path = _weights_file(folder, record)
    if path is None:
        return WeightsStatus(entry, WeightsState.MISSING)
    if record is None:
        return _damaged(entry, path)
    if not record.describes(path):
        return _hash_again(entry, path, record)
    return _installed(entry, path, record)


def installed_path(entry: WeightsEntry) -> Path:
    """Path of the installed weights.

    Raises:
        WeightsError: not installed or damaged; says how to get them.
    """
    found = status(entry)
    if found.state is not WeightsState.INSTALLED or found.path is None:
        what = "not installed" if found.path is None else f"damaged or unknown ({found.path})"
        raise WeightsError(f"The weights of {entry.title} are {what}: {_how_to_install(entry)}.")
    return found.path


def fetch(
    entry: WeightsEntry, accept_license: str | None = None, progress: Progress | None = None
) -> WeightsStatus:
    """Download, check and install the weights, unless they are; no network before the license was accepted.

    Args:
        entry: what to download.
        accept_license: exact name of the license; None relies on an acceptance recorded earlier.
        progress: called with the bytes done and in all.

    Raises:
        WeightsError: license not accepted, no connection, wrong checksum, or a folder that cannot be written.
    """
    require_acceptance(entry, accept_license)
    found = status(entry)
    if found.state is WeightsState.INSTALLED and found.source == "download":
        return found
    with writing_to(staging_folder(entry.key)) as staging:
        pass
    arrived = download(entry, staging, progress)
    digests = file_digests(arrived, {"sha256", *entry.pinned})
    _refuse_other_checksum(entry, staging, digests)
    return _install(entry, arrived, digests["sha256"], "download", entry.origin)


def import_file(
    entry: WeightsEntry, path: Path | str, expected: Shapes | None = None, progress: Progress | None = None
) -> WeightsStatus:
    """Install a file that the user brought, for machines without a network.

    It is checked first to hold exactly the tensors of the model (`expected`: other names and shapes than the
    model's own), then copied. The published checksum is not asked for, since the file may be fine-tuned.

    Raises:
        WeightsError: not a checkpoint of this model, or a folder that cannot be written.
    """
    from vistaseg.weights.layouts import check_file

    path = Path(path)
    check_file(path, entry.model, expected)
    with writing_to(staging_folder(entry.key)) as staging:
        copy = staging / f"model{_suffix_by_content(path)}"
        shutil.copyfile(path, copy)
    sha256 = file_digests(copy, ["sha256"], progress)["sha256"]
    return _install(entry, copy, sha256, "user", path.name)


def verify(entry: WeightsEntry, progress: Progress | None = None) -> WeightsStatus:
    """Hash the installed file again; compare with the record, and with the checksum if the manifest has one.

    Raises:
        WeightsError: there is no file.
    """
    folder = weights_folder(entry.key)
    record = read_record(folder)
    path = _weights_file(folder, record)
    if path is None:
        raise WeightsError(f"The weights of {entry.title} are not installed: {_how_to_install(entry)}.")
    pinned = entry.pinned if record is not None and record.source == "download" else {}
    digests = file_digests(path, {"sha256", *pinned}, progress)
    if record is None or digests["sha256"] != record.sha256 or _other_checksums(pinned, digests):
        return _damaged(entry, path, digests["sha256"])
    return _installed(entry, path, record)


def remove(entry: WeightsEntry) -> bool:
    """Remove the weights, their record, the acceptance and unfinished downloads; False if there are none."""
    folders = [folder for folder in (weights_folder(entry.key), staging_folder(entry.key)) if folder.exists()]
    for folder in folders:
        with writing_to(folder):
            shutil.rmtree(folder)
    return bool(folders)


def _how_to_install(entry: WeightsEntry) -> str:
    return (
        f"run `vistaseg weights fetch {entry.key}`, or bring the file from another machine with "
        f"`vistaseg weights import FILE --key {entry.key}`"
    )


def _weights_file(folder: Path, record: Record | None) -> Path | None:
    """The file that the record names, or else whatever checkpoint somebody put there."""
    if record is not None and (folder / record.file).is_file():
        return folder / record.file
    found = [path for path in sorted(folder.glob("*")) if path.suffix in _CHECKPOINT_SUFFIXES]
    return found[0] if found else None


def _damaged(entry: WeightsEntry, path: Path, sha256: str | None = None) -> WeightsStatus:
    return WeightsStatus(entry, WeightsState.DAMAGED, path, sha256, path.stat().st_size)


def _installed(entry: WeightsEntry, path: Path, record: Record) -> WeightsStatus:
    return WeightsStatus(entry, WeightsState.INSTALLED, path, record.sha256, record.size, record.source)


def _hash_again(entry: WeightsEntry, path: Path, record: Record) -> WeightsStatus:
    found = path.stat()
    if path.name != record.file or found.st_size != record.size:
        return _damaged(entry, path)
    sha256 = file_digests(path, ["sha256"])["sha256"]
    if sha256 != record.sha256:
        return _damaged(entry, path, sha256)
    # A store that an administrator set up may be read-only: then the hash is made again at the next start.
    with suppress(OSError):
        write_record(path.parent, replace(record, mtime_ns=found.st_mtime_ns))
    return _installed(entry, path, record)


def _other_checksums(pinned: dict[str, str], digests: dict[str, str]) -> list[str]:
    return [name for name, digest in pinned.items() if digests[name] != digest]


def _refuse_other_checksum(entry: WeightsEntry, staging: Path, digests: dict[str, str]) -> None:
    wrong = _other_checksums(entry.pinned, digests)
    if wrong:
        shutil.rmtree(staging)
        name = wrong[0]
        raise WeightsError(
            f"The download of {entry.title} is not the published file ({name} {digests[name]}, expected "
            f"{entry.pinned[name]}). It was removed and nothing was installed; try again later."
        )


def _suffix_by_content(path: Path) -> str:
    with path.open("rb") as stream:
        return ".safetensors" if stream.read(9)[8:] == b"{" else ".pt"


def _install(entry: WeightsEntry, arrived: Path, sha256: str, source: str, origin: str) -> WeightsStatus:
    """Move a checked file from the staging folder into its place, and write its record."""
    with writing_to(weights_folder(entry.key)) as folder:
        path = folder / f"model{arrived.suffix}"
        os.replace(arrived, path)
        record = make_record(path, sha256, source, origin)
        write_record(folder, record)
        _remove_predecessors(folder, path)
        shutil.rmtree(staging_folder(entry.key))
    return _installed(entry, path, record)


def _remove_predecessors(folder: Path, path: Path) -> None:
    """The file of an earlier installation in the other format."""
    for other in folder.glob("model.*"):
        if other.name != path.name:
            other.unlink()
