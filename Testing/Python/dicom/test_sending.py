"""Sending to a PACS: what arrives is what was sent, in an encoding that the PACS takes; or nothing, and why."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_segmentations import AXIAL, several, volume_on
from dicom_series import write_series
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, SegmentationStorage, Verification

from vistaseg.dicom import Peer, find_outgoing, read_seg, read_series, send, write_seg
from vistaseg.errors import CancelledError, InputError, PeerError, UsageError

PLAIN = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


class Archive:
    """A PACS of one test: keeps what comes as bytes, and answers with `status`."""

    def __init__(self) -> None:
        self.peer = Peer("127.0.0.1", 0, "ARCHIVE")
        self.came: dict[str, pydicom.Dataset] = {}
        self.content: dict[str, bytes] = {}
        self.syntaxes: set[str] = set()
        self.status: Any = lambda number: 0x0000
        self._came = 0

    def store(self, event: evt.Event) -> Any:
        number, self._came = self._came, self._came + 1
        status = self.status(number)
        if (status if isinstance(status, int) else status.Status) in (0x0000, 0xB000):
            data = event.dataset
            data.file_meta = event.file_meta
            self.came[str(data.SOPInstanceUID)] = data
            self.content[str(data.SOPInstanceUID)] = event.request.DataSet.getvalue()
            self.syntaxes.add(str(event.context.transfer_syntax))
        return status


@contextmanager
def archive(
    kinds: dict[Any, list[Any]], tls: ssl.SSLContext | None = None, known: str | None = None
) -> Iterator[Archive]:
    """A PACS that takes `kinds`: transfer syntaxes of each SOP class."""
    kept, entity = Archive(), AE(ae_title="ARCHIVE")
    entity.add_supported_context(Verification)
    for sop_class, syntaxes in kinds.items():
        entity.add_supported_context(sop_class, syntaxes)
    if known is not None:
        entity.require_calling_aet = [known]
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, kept.store)], ssl_context=tls
    )
    kept.peer = Peer("127.0.0.1", server.server_address[1], "ARCHIVE")
    try:
        yield kept
    finally:
        server.shutdown()


@pytest.fixture
def study(tmp_path) -> Path:
    """A folder with a CT of six slices, and a plain and a deflated segmentation of it."""
    folder = tmp_path / "study"
    write_series(folder / "ct", volume_on(AXIAL))
    series = read_series(folder / "ct")
    write_seg(several(series), series, folder / "plain.dcm")
    write_seg(several(series), series, folder / "deflated.dcm", deflate=True)
    return folder


def sent(place: Path, kept: Archive, **kinds: Any) -> Any:
    return send(find_outgoing(place)[0], kept.peer, **kinds)


def data_set(path: Path) -> bytes:
    """The bytes of a file behind its file meta information."""
    content = path.read_bytes()
    length = int.from_bytes(content[140:144], "little")
    return content[144 + length :]


def test_what_the_pacs_takes_arrives_byte_by_byte(study):
    everything = {CTImageStorage: PLAIN, SegmentationStorage: [*PLAIN, DeflatedExplicitVRLittleEndian]}
    with archive(everything) as kept:
        answer = sent(study, kept)
    assert (answer.count, answer.converted, answer.notes) == (8, 0, ())
    for path in study.rglob("*.dcm"):
        assert kept.content[str(pydicom.dcmread(path).SOPInstanceUID)] == data_set(path)


@pytest.mark.parametrize("syntax", PLAIN)
def test_a_deflated_segmentation_is_inflated_for_a_pacs_that_cannot_inflate(study, tmp_path, syntax):
    with archive({CTImageStorage: PLAIN, SegmentationStorage: [syntax]}) as kept:
        answer = sent(study / "deflated.dcm", kept)
    assert (answer.count, answer.converted) == (1, 1) and kept.syntaxes == {syntax}
    (data,) = kept.came.values()
    data.save_as(tmp_path / "came.dcm", enforce_file_format=True)
    came, went = (read_seg(path) for path in (tmp_path / "came.dcm", study / "deflated.dcm"))
    headers = [pydicom.dcmread(path).to_json_dict() for path in (tmp_path / "came.dcm", study / "deflated.dcm")]
    for header in headers:
        header["7FE00010"].pop("vr")  # which implicit VR does not keep
    assert headers[0] == headers[1]
    assert [segment.name for segment in came.segments] == [s.name for s in went.segments]
    for one, other in zip(came.segments, went.segments, strict=True):
        assert np.array_equal(came.full_mask(one), went.full_mask(other))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_images_are_decoded_for_a_pacs_that_takes_plain_ones_alone(study, tmp_path, syntax):
    pixels = {}
    for path in (study / "ct").iterdir():
        image = pydicom.dcmread(path)
        pixels[str(image.SOPInstanceUID)] = image.pixel_array
        image.compress(syntax, generate_instance_uid=False)
        image.save_as(path)
    with archive({CTImageStorage: [ImplicitVRLittleEndian]}) as kept:
        answer = sent(study / "ct", kept)
    assert answer.converted == 6 and kept.came.keys() == pixels.keys()  # the same objects, not new ones
    for uid, image in kept.came.items():
        assert np.array_equal(image.pixel_array, pixels[uid])


def test_nothing_is_sent_to_a_pacs_that_does_not_take_everything(study):
    with archive({CTImageStorage: PLAIN}) as kept, pytest.raises(PeerError, match="Segmentation Storage"):
        sent(study, kept)
    assert not kept.came


def test_an_encoding_that_nobody_here_decodes_is_named_before_anything_is_sent(study):
    path = next((study / "ct").iterdir())
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(path, image, force_encoding=True, little_endian=False, implicit_vr=False)
    with archive({CTImageStorage: PLAIN}) as kept, pytest.raises(PeerError, match="Big Endian"):
        sent(study / "ct", kept)
    assert not kept.came


def test_a_failure_in_the_middle_says_how_many_are_stored(study):
    with archive({CTImageStorage: PLAIN}) as kept:
        kept.status = lambda number: 0xA700 if number == 4 else 0
        with pytest.raises(PeerError, match="A700.*4 of 6"):
            sent(study / "ct", kept)
    assert len(kept.came) == 4


def test_warnings_of_the_pacs_are_passed_on(study):
    status = pydicom.Dataset()
    status.Status, status.ErrorComment = 0xB000, "PatientID coerced"
    with archive({SegmentationStorage: PLAIN}) as kept:
        kept.status = lambda number: status
        answer = sent(study / "plain.dcm", kept)
    assert len(answer.notes) == 1 and "B000" in answer.notes[0] and "PatientID coerced" in answer.notes[0]


def test_cancelling_stops_between_two_files(study):
    def progress(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise CancelledError("Stopped.")

    with archive({CTImageStorage: PLAIN}) as kept, pytest.raises(CancelledError):
        sent(study / "ct", kept, progress=progress)
    assert len(kept.came) == 2


def test_a_pacs_that_does_not_know_the_sender_is_told_from_one_that_is_not_there(study):
    with archive({CTImageStorage: PLAIN}, known="SOMEBODY") as kept:
        with pytest.raises(PeerError, match="refuses VISTASEG.*(?i:calling AE title)"):
            sent(study / "ct", kept)
        assert sent(study / "ct", kept, calling_title="SOMEBODY").count == 6
        gone = kept.peer
    with pytest.raises(PeerError, match="cannot be reached"):
        send(find_outgoing(study)[0], gone)


@pytest.fixture
def certificate(tmp_path) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=archive",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", tmp_path / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (tmp_path / "certificate.pem").read_bytes())
    return path


def test_tls_sends_to_the_one_who_is_trusted_alone(study, certificate):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    with archive({CTImageStorage: PLAIN}, tls=server) as kept:
        with pytest.raises(PeerError, match="(?i:certificate)"):
            sent(study / "ct", kept, tls=ssl.create_default_context())
        assert not kept.came
        assert sent(study / "ct", kept, tls=ssl.create_default_context(cafile=str(certificate))).count == 6


def test_what_is_no_dicom_is_named_and_copies_are_sent_once(study):
    (study / "report.csv").write_text("name,ml\n")
    first = sorted((study / "ct").iterdir())[0]
    shutil.copy(first, study / "again.dcm")
    files, notes = find_outgoing(study)
    assert len(files) == 8
    assert any("report.csv" in note for note in notes) and len(notes) == 2


def test_two_objects_under_one_uid_are_refused(study):
    first = sorted((study / "ct").iterdir())[0]
    image = pydicom.dcmread(first)
    image.PixelData = bytes(len(image.PixelData))
    image.save_as(study / "other.dcm")
    with pytest.raises(InputError, match="other.dcm"):
        find_outgoing(study)


def test_a_file_whose_two_headers_differ_is_refused(study):
    image = pydicom.dcmread(study / "plain.dcm")
    image.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    pydicom.dcmwrite(study / "plain.dcm", image)
    with pytest.raises(InputError, match="plain.dcm"):
        find_outgoing(study)


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("pacs.local:104/ARCHIVE", Peer("pacs.local", 104, "ARCHIVE")),
        ("[::1]:11112/A B", Peer("::1", 11112, "A B")),
    ],
)
def test_an_address_is_read(text, peer):
    assert Peer.parse(text) == peer and str(peer) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pacs",
        "pacs:104",
        "pacs:0/A",
        "pacs:65536/A",
        "pacs:104/",
        "pacs:104/SEVENTEEN_LETTERS",
        "a:1/b\\c",
        "::1:104/A",
    ],
)
def test_what_is_no_address_is_refused_by_its_text(text):
    with pytest.raises(UsageError):
        Peer.parse(text)
