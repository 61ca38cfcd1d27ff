"""The weights on this machine: listed, downloaded, brought in from a file, verified and removed."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg.errors import UsageError, WeightsError
from vistaseg.weights.acceptance import require_acceptance
from vistaseg.weights.download import download, downloaded_revision
from vistaseg.weights.folder import discard_left_over, download_folder, staging, weights_folder, writing_to
from vistaseg.weights.manifest import WeightsEntry, load_manifest
from vistaseg.weights.record import (
    FileRecord,
    Progress,
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
    """What is on this machine of one manifest entry; `size` in bytes, `source` "download" or "user".

    `revision` is that of the published repository, where a download noted it.
    """

    entry: WeightsEntry
    state: WeightsState
    path: Path | None = None
    sha256: str | None = None
    size: int | None = None
    source: str | None = None
    revision: str | None = None


def entry_for(model: str) -> WeightsEntry:
    """The first entry of a model that is installed, else the first one, which is the recommended."""
    entries = [entry for entry in load_manifest() if entry.model == model]
    return next((entry for entry in entries if status(entry).state is WeightsState.INSTALLED), entries[0])


def list_weights() -> list[WeightsStatus]:
    """Status of each manifest entry, in the manifest's order."""
    return [status(entry) for entry in load_manifest()]


def status(entry: WeightsEntry) -> WeightsStatus:
    """Status of one entry; the file is hashed only if its size or time is not the recorded one."""
    folder = weights_folder(entry.key)
    record = _record_in(folder)
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
    discard_left_over()
    found = status(entry)
    if found.state is not WeightsState.INSTALLED or found.path is None:
        what = "not installed" if found.path is None else f"damaged or unknown ({found.path})"
        raise WeightsError(f"The weights of {entry.title} are {what}: {_how_to_install(entry)}.{_license_doubt(entry)}")
    return found.path


def fetch(entry: WeightsEntry, accept_license: str | None = None, progress: Progress | None = None) -> WeightsStatus:
    """Download, check and install the weights, unless they are; no network before the license was accepted.

    Where the file of an earlier download is damaged, the same one is downloaded again: its revision and hash count.

    Args:
        entry: what to download.
        accept_license: exact name of the license; None relies on an acceptance recorded earlier.
        progress: called with the bytes done and in all.

    Raises:
        WeightsError: the user's own file is installed, license not accepted, no connection, wrong checksum or
            content, another file than was downloaded first, or a folder that cannot be written.
    """
    _spare_own_file(entry)
    require_acceptance(entry, accept_license)
    found = status(entry)
    if found.state is WeightsState.INSTALLED:
        return found
    with staging(entry.key) as folder:
        resumable = download_folder(entry.key)
        resumable.mkdir(exist_ok=True)
        first = _record_in(weights_folder(entry.key))
        from vistaseg.io import locked
        from vistaseg.io.owner import discard

        with locked(resumable):
            downloaded = download(entry, resumable, progress, None if first is None else first.revision)
            revision = downloaded_revision(entry, resumable)
            arrived = _take(downloaded, folder)
            discard(resumable)
        sha256 = _checked_download(entry, arrived)
        _require_first(entry, first, sha256)
        return _install(entry, arrived, sha256, "download", entry.origin, revision)


def import_file(
    entry: WeightsEntry, path: Path | str, expected: Shapes | None = None, progress: Progress | None = None
) -> WeightsStatus:
    """Install a file that the user brought, for machines without a network.

    It is checked first to hold exactly the tensors of the model (`expected`: other names and shapes than the
    model's own), then copied. The published checksum is not required, since the file may be fine-tuned.

    Raises:
        WeightsError: not a checkpoint of this model, the published file of another entry, or a folder that
            cannot be written.
    """
    from vistaseg.weights.layouts import check_file

    path = Path(path)
    check_file(path, entry.model, expected)
    with staging(entry.key) as folder:
        copy = folder / f"model{_suffix_by_content(path)}"
        shutil.copyfile(path, copy)
        others = [other for other in load_manifest() if other.key != entry.key]
        digests = file_digests(copy, {"sha256"}.union(*(other.pinned for other in others)), progress)
        _refuse_file_of_others(path, others, digests)
        found = _install(entry, copy, digests["sha256"], "user", path.name)
    _discard_download(entry.key)
    return found


def verify(entry: WeightsEntry, progress: Progress | None = None) -> WeightsStatus:
    """Hash the installed file again; compare with the record, and with the checksum if the manifest has one.

    Raises:
        WeightsError: the file does not exist.
    """
    folder = weights_folder(entry.key)
    record = _record_in(folder)
    path = _weights_file(folder, record)
    if path is None:
        raise WeightsError(f"The weights of {entry.title} are not installed: {_how_to_install(entry)}.")
    pinned = entry.pinned if record is not None and record.source == "download" else {}
    digests = file_digests(path, {"sha256", *pinned}, progress)
    if record is None or digests["sha256"] != record.sha256 or _other_checksums(pinned, digests):
        return _damaged(entry, path, digests["sha256"])
    return _installed(entry, path, record)


def remove(entry: WeightsEntry) -> bool:
    """Remove the weights, their record, the acceptance and unfinished downloads; False if there are none.

    Raises:
        WeightsError: they cannot be removed.
    """
    discard_left_over()
    folder, download = weights_folder(entry.key), download_folder(entry.key)
    found = folder.exists() or download.exists()
    if folder.exists():
        with staging(entry.key) as aside:  # one move, so that they are all there or gone
            os.replace(folder, aside / folder.name)
    _discard_download(entry.key)
    return found


def _discard_download(key: str) -> None:
    """A download that broke off is kept to be resumed, which the installed weights make needless."""
    folder = download_folder(key)
    if folder.is_dir():
        from vistaseg.io import locked
        from vistaseg.io.owner import discard

        with suppress(UsageError), locked(folder):
            discard(folder)


def _how_to_install(entry: WeightsEntry) -> str:
    return (
        f"run `vistaseg weights fetch {entry.key}`, or bring the file from another machine with "
        f"`vistaseg weights import FILE --key {entry.key}`"
    )


def _license_doubt(entry: WeightsEntry) -> str:
    """A sentence about weights that are published without a license, else nothing."""
    return "" if entry.license.stated else f" They state no license. {entry.license.conditions}"


def _record_in(folder: Path) -> FileRecord | None:
    """The record of what is installed; what an interrupted run left half done is put back first."""
    if folder.is_dir():
        from vistaseg.io import recover  # where there is something to put back; the panel asks for this when it opens

        recover(folder)
    return read_record(folder)


def _weights_file(folder: Path, record: FileRecord | None) -> Path | None:
    """The file that the record names, or else whatever checkpoint somebody put there."""
    if record is not None and (folder / record.file).is_file():
        return folder / record.file
    found = [path for path in sorted(folder.glob("*")) if path.suffix in _CHECKPOINT_SUFFIXES]
    return found[0] if found else None


def _damaged(entry: WeightsEntry, path: Path, sha256: str | None = None) -> WeightsStatus:
    return WeightsStatus(entry, WeightsState.DAMAGED, path, sha256, path.stat().st_size)


def _installed(entry: WeightsEntry, path: Path, record: FileRecord) -> WeightsStatus:
    return WeightsStatus(
        entry, WeightsState.INSTALLED, path, record.sha256, record.size, record.source, record.revision or None
    )


def _hash_again(entry: WeightsEntry, path: Path, record: FileRecord) -> WeightsStatus:
    found = path.stat()
    if path.name != record.file or found.st_size != record.size:
        return _damaged(entry, path)
    sha256 = file_digests(path, ["sha256"])["sha256"]
    if sha256 != record.sha256:
        return _damaged(entry, path, sha256)
    # A store that an administrator set up may be read-only: then the hash is made again at the next start.
    with suppress(UsageError):
        write_record(path.parent, replace(record, mtime_ns=found.st_mtime_ns))
    return _installed(entry, path, record)


def _other_checksums(pinned: dict[str, str], digests: dict[str, str]) -> list[str]:
    return [name for name, digest in pinned.items() if digests[name] != digest]


def _spare_own_file(entry: WeightsEntry) -> None:
    """A file that a user brought may be the only copy of what they trained."""
    folder = weights_folder(entry.key)
    record = _record_in(folder)
    if record is not None and record.source == "user" and (folder / record.file).is_file():
        raise WeightsError(
            f"The weights {entry.key} on this machine are a file of your own ({record.origin}), which a download "
            f"would overwrite. To replace it, first run: vistaseg weights remove {entry.key}"
        )


def _take(arrived: Path, folder: Path) -> Path:
    """Move a finished download where no other run touches it."""
    own = folder / f"model{_suffix_by_content(arrived)}"
    os.replace(arrived, own)
    return own


def _checked_download(entry: WeightsEntry, arrived: Path) -> str:
    """sha256 of a download that has the published checksums and holds the weights of its model."""
    from vistaseg.weights.layouts import check_file

    digests = file_digests(arrived, {"sha256", *entry.pinned})
    _refuse_other_checksum(entry, digests)
    try:
        check_file(arrived, entry.model)
    except WeightsError as error:
        raise WeightsError(f"The download of {entry.title} was removed and nothing was installed: {error}") from error
    return digests["sha256"]


def _refuse_file_of_others(path: Path, others: list[WeightsEntry], digests: dict[str, str]) -> None:
    """Under the wrong key a file would be shown with the wrong license."""
    for other in others:
        if other.pinned and not _other_checksums(other.pinned, digests):
            raise WeightsError(
                f"{path} is the published file of {other.title}, under {other.license.in_a_sentence}. "
                f"Import it as that: vistaseg weights import {path} --key {other.key}"
            )


def _refuse_other_checksum(entry: WeightsEntry, digests: dict[str, str]) -> None:
    wrong = _other_checksums(entry.pinned, digests)
    if wrong:
        name = wrong[0]
        raise WeightsError(
            f"The download of {entry.title} is not the published file ({name} {digests[name]}, expected "
            f"{entry.pinned[name]}). It was removed and nothing was installed; try again later."
        )


def _require_first(entry: WeightsEntry, first: FileRecord | None, sha256: str) -> None:
    """A download counts as the published file from the first one on, where its publisher states no hash."""
    if first is not None and first.source == "download" and first.sha256 != sha256:
        raise WeightsError(
            f"The download of {entry.title} is not the file that was downloaded first (sha256 {sha256}, first "
            f"{first.sha256}, revision {first.revision or 'unknown'}). Nothing was installed. If the authors replaced "
            f"their file and you want the new one, first run: vistaseg weights remove {entry.key}"
        )


def _suffix_by_content(path: Path) -> str:
    with path.open("rb") as stream:
        return ".safetensors" if stream.read(9)[8:] == b"{" else ".pt"


def _install(
    entry: WeightsEntry, arrived: Path, sha256: str, source: str, origin: str, revision: str = ""
) -> WeightsStatus:
    """Move a checked file from the staging folder into its place, and write its record."""
    from vistaseg.io import together

    with writing_to(weights_folder(entry.key)) as folder, together() as files:
        path = folder / f"model{arrived.suffix}"
        before = _record_in(folder)
        record = replace(make_record(arrived, sha256, source, origin, revision), file=path.name)
        files.put(arrived, path)
        write_record(folder, record)
        # The file of the installation before, in the other format; a file that no record names is not ours.
        if before is not None and before.file != path.name and Path(before.file).name == before.file:
            files.remove(folder / before.file)
    return _installed(entry, path, record)
