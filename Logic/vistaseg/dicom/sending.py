"""DICOM files sent to a PACS by C-STORE (PS3.4 annex B), as they are where the PACS takes their transfer syntax."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from vistaseg.errors import InputError, PeerError, UsageError
from vistaseg.escaping import printable
from vistaseg.progress import Progress, silent
from vistaseg.volume.dicom.files import damage, has_mark, open_dicom
from vistaseg.volume.dicom.folders import recognise, walk

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

CALLING_TITLE = "VISTASEG"
"""AE title of the sender where no other is given."""

_PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_DIRECTORY = "1.2.840.10008.1.3.10"
_MOST_CONTEXTS = 128
"""Presentation contexts of one association (PS3.8 section 9.3.2.2)."""

_TIMEOUT_S = 60.0
_SLOWEST_BYTES_PER_S = 100e3
"""A network is waited for so long that a file takes this rate."""

_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:/\[\]\s]+):(?P<port>\d{1,5})/(?P<title>.+)")
_NAMED = 3


@dataclass(frozen=True)
class Peer:
    """Where a PACS listens.

    Attributes:
        host: name or address.
        port: of its DICOM service.
        title: its AE title.
    """

    host: str
    port: int
    title: str

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Read `HOST:PORT/AET`; an IPv6 address stands in brackets.

        Raises:
            UsageError: the text has another form; says which part.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{printable(text)} is not an address. Give HOST:PORT/AET, such as pacs.local:104/ARCHIVE."
            )
        port = int(match["port"])
        if not 0 < port < 2**16:
            raise UsageError(
                f"Port {port} does not exist. Give one from 1 to 65535; PACS often listen on 104 or 11112."
            )
        return cls(match["host"].strip("[]"), port, check_title(match["title"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.title}"


def check_title(text: str) -> str:
    """Check an AE title (PS3.5 section 6.2): 1 to 16 printable ASCII characters without a backslash.

    Raises:
        UsageError: it is another text.
    """
    title = text.strip(" ")
    if not 0 < len(title) <= 16 or "\\" in title or not (title.isascii() and title.isprintable()):
        raise UsageError(f"{printable(text)[:80]} is not an AE title: 1 to 16 letters, digits and signs, no backslash.")
    return title


@dataclass(frozen=True)
class Outgoing:
    """A file to send.

    Attributes:
        sop_class: UID of the kind of its object.
        instance: UID of its object.
        transfer_syntax: UID of its encoding.
        marked: whether it carries the DICOM mark, so that its data set can be sent byte by byte.
    """

    path: Path
    sop_class: str
    instance: str
    transfer_syntax: str
    marked: bool


@dataclass(frozen=True)
class Sent:
    """What a PACS has stored.

    Attributes:
        count: objects.
        converted: those whose transfer syntax the PACS does not take, sent in plain Little Endian.
        notes: what a user should know, such as warnings of the PACS.
    """

    count: int
    converted: int
    notes: tuple[str, ...]


def find_outgoing(places: Path | Iterable[Path]) -> tuple[list[Outgoing], tuple[str, ...]]:
    """The DICOM objects of folders, those below them included, or of files; and notes of what is left out.

    Raises:
        InputError: there is none; one is damaged; two files with the same SOP Instance UID differ.
    """
    found = walk(places)
    recognised, unreachable = recognise(found)
    if unreachable:
        raise InputError(f"{_names(unreachable)} cannot be opened. Make it readable, or move it out of the folder.")
    outgoing: dict[str, Outgoing] = {}
    others, copies = [], []
    for path, is_dicom in recognised.items():
        file = _described(path) if is_dicom else None
        if file is None:
            others.append(path)
        elif file.instance not in outgoing:
            outgoing[file.instance] = file
        elif _hash(path) == _hash(outgoing[file.instance].path):
            copies.append(path)
        else:
            raise InputError(
                f"{printable(path.name)} and {printable(outgoing[file.instance].path.name)} have the same SOP Instance "
                "UID and differ. A PACS would keep one of them: move the other out of the folder."
            )
    if not outgoing:
        raise InputError("No DICOM object to send. Give a folder of DICOM files, or the files.")
    notes = []
    if others:
        notes.append(f"Not sent, because they are not DICOM objects: {_names(others)}.")
    if copies:
        notes.append(f"Sent once, though the folder holds copies: {_names(copies)}.")
    return list(outgoing.values()), tuple(notes)


def _described(path: Path) -> Outgoing | None:
    """None for a DICOMDIR, which is of a medium."""
    try:
        data = open_dicom(path, stop_before_pixels=True, tags=["SOPClassUID", "SOPInstanceUID"])
        meta = data.file_meta
        if str(meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
            return None
        sop_class, instance = str(data.get("SOPClassUID", "")), str(data.get("SOPInstanceUID", ""))
    except damage() as error:
        raise InputError(f"{printable(path.name)} is damaged and was not sent. Export it again.") from error
    if not (sop_class and instance):
        raise InputError(f"{printable(path.name)} has no SOP Class UID or SOP Instance UID: a PACS cannot store it.")
    in_meta = str(meta.get("MediaStorageSOPClassUID", sop_class)), str(meta.get("MediaStorageSOPInstanceUID", instance))
    if in_meta != (sop_class, instance):
        raise InputError(
            f"The file meta information of {printable(path.name)} names another object than its data set. Which of "
            "them is right cannot be known: export the file again."
        )
    marked = has_mark(path) and "MediaStorageSOPInstanceUID" in meta
    return Outgoing(path, sop_class, instance, str(meta.TransferSyntaxUID), marked)


def _hash(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.digest()


def _names(paths: Sequence[Path]) -> str:
    named = ", ".join(printable(path.name) for path in paths[:_NAMED])
    return named if len(paths) <= _NAMED else f"{named} and {len(paths) - _NAMED} more"


def send(
    files: Sequence[Outgoing],
    peer: Peer,
    *,
    calling_title: str = CALLING_TITLE,
    tls: SSLContext | None = None,
    progress: Progress = silent,
) -> Sent:
    """Send files over one association. None is sent unless the PACS takes them all.

    Each goes as it is, byte by byte, where the PACS takes its transfer syntax. Where it does not, deflated and
    compressed objects are sent in plain Little Endian, under the same UID and with the same pixels.

    Args:
        files: of `find_outgoing`.
        tls: encrypts the association and says whom to trust; None for a plain one.

    Raises:
        PeerError: the PACS cannot be reached, refuses the association, does not take a file, or fails to store one;
            says how many it had stored.
        UsageError: the files are of too many kinds for one association.
        InputError: a file cannot be decoded.
    """
    with _log() as log:
        association = _associate(files, peer, calling_title, tls, log)
        try:
            accepted = {(str(c.abstract_syntax), str(c.transfer_syntax[0])) for c in association.accepted_contexts}
            _check_all_taken(files, accepted, peer)
            return _send_all(files, accepted, association, peer, progress)
        finally:
            if association.is_established:
                association.release()


def _associate(
    files: Sequence[Outgoing], peer: Peer, calling_title: str, tls: SSLContext | None, log: list[str]
) -> Association:
    from pynetdicom import AE

    entity = AE(ae_title=calling_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = _TIMEOUT_S
    contexts = sorted({(f.sop_class, s) for f in files for s in (f.transfer_syntax, *_PLAIN)})
    if len(contexts) > _MOST_CONTEXTS:
        raise UsageError("The files are of too many kinds for one association. Send the folders one by one.")
    for sop_class, transfer_syntax in contexts:  # one syntax each: else the PACS chooses one of them
        entity.add_requested_context(sop_class, transfer_syntax)
    association = entity.associate(
        peer.host, peer.port, ae_title=peer.title, tls_args=None if tls is None else (tls, peer.host)
    )
    if association.is_established:
        return association
    if association.is_rejected:
        answer = association.acceptor.primitive
        why = "" if answer is None else f": {answer.reason_str}"
        raise PeerError(
            f"{peer} refuses {calling_title}{why}. Check both AE titles, and that the PACS knows this sender."
        )
    why = f" ({printable(log[-1])})" if log else ""
    raise PeerError(f"{peer} cannot be reached{why}. Check host, port and whether it wants TLS. Nothing was sent.")


def _check_all_taken(files: Sequence[Outgoing], accepted: set[tuple[str, str]], peer: Peer) -> None:
    from pydicom.uid import UID

    for file in files:
        own = file.transfer_syntax
        if (file.sop_class, own) in accepted:
            continue
        if not any((file.sop_class, plain) in accepted for plain in _PLAIN):
            raise PeerError(
                f"{peer} does not take {UID(file.sop_class).name}, such as {printable(file.path.name)}. "
                "Nothing was sent."
            )
        if not _can_be_converted(own):
            raise PeerError(
                f"{peer} does not take {UID(own).name}, and it cannot be decoded here: {printable(file.path.name)}. "
                "Nothing was sent."
            )


def _can_be_converted(transfer_syntax: str) -> bool:
    if transfer_syntax in (*_PLAIN, _DEFLATED):
        return True
    if transfer_syntax == _BIG_ENDIAN:
        return False
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        return bool(get_decoder(UID(transfer_syntax)).is_available)
    except NotImplementedError:
        return False


def _send_all(
    files: Sequence[Outgoing],
    accepted: set[tuple[str, str]],
    association: Association,
    peer: Peer,
    progress: Progress,
) -> Sent:
    stage, converted, notes = "Sending", 0, []
    for number, file in enumerate(files):
        progress(stage, number, len(files))
        as_it_is = file.marked and (file.sop_class, file.transfer_syntax) in accepted
        association.dimse_timeout = _TIMEOUT_S + file.path.stat().st_size / _SLOWEST_BYTES_PER_S
        status = association.send_c_store(file.path if as_it_is else _plain(file, accepted))
        converted += not as_it_is and (file.sop_class, file.transfer_syntax) not in accepted
        code = status.get("Status")
        if code is None or not (code == 0 or _is_warning(code)):
            raise PeerError(_failure(file, number, len(files), peer, status))
        if code:
            notes.append(f"{peer} stored {printable(file.path.name)} with warning {code:04X}{_comment(status)}.")
    progress(stage, len(files), len(files))
    return Sent(len(files), converted, tuple(notes))


def _plain(file: Outgoing, accepted: set[tuple[str, str]]) -> Dataset:
    from pydicom.uid import UID

    try:
        data: Dataset = open_dicom(file.path)
        if (file.sop_class, file.transfer_syntax) in accepted:
            return data
        if UID(file.transfer_syntax).is_encapsulated:
            data.decompress(generate_instance_uid=False)
    except damage() as error:
        raise InputError(f"{printable(file.path.name)} cannot be decoded: it is damaged. Export it again.") from error
    if file.transfer_syntax == _DEFLATED:
        data.file_meta.TransferSyntaxUID = UID(_PLAIN[0])
    return data


def _is_warning(code: int) -> bool:
    """Whether an object was stored, though something was changed or doubtful (PS3.4 table B.2-1)."""
    return 0xB000 <= code <= 0xBFFF


def _failure(file: Outgoing, number: int, count: int, peer: Peer, status: Any) -> str:
    code = status.get("Status")
    what = "The connection broke" if code is None else f"{peer} failed with status {code:04X}{_comment(status)}"
    return (
        f"{what} at {printable(file.path.name)}. It has stored {number} of {count} objects. "
        "The same command sends them all again; a PACS keeps each object once."
    )


def _comment(status: Any) -> str:
    comment = str(status.get("ErrorComment", "")).strip()
    return f" ({printable(comment)})" if comment else ""


@contextmanager
def _log() -> Iterator[list[str]]:
    """What pynetdicom says of errors, which it tells its log alone; and files are sent as they lie on the disk."""
    from pynetdicom import _config

    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler, logger = Keep(logging.ERROR), logging.getLogger("pynetdicom")
    chunked, _config.STORE_SEND_CHUNKED_DATASET = _config.STORE_SEND_CHUNKED_DATASET, True
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        _config.STORE_SEND_CHUNKED_DATASET = chunked
