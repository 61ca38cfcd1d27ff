"""What VistaSeg writes, through a real PACS and back, and in a real web viewer.

`make test-pacs` fetches the viewer and runs this. Pictures of the viewer go to the folder PACS_PICTURES, if it is set.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import archive as orthanc
import numpy as np
import pydicom
import pytest
from dicom_segmentations import AXIAL, GRIDS, box, on, same_masks, segment_of, volume_on
from dicom_series import uid_of, write_series
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    ComprehensiveSRStorage,
    CTImageStorage,
    EnhancedSRStorage,
    SegmentationStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from vistaseg.dicom import find_outgoing, measure, read_seg, read_series, send, structured_report, write_seg
from vistaseg.volume import Volume

pytestmark = pytest.mark.skipif(bool(orthanc.missing()), reason=orthanc.missing())

TOOLS = Path(__file__).resolve().parents[2] / ".cache" / "pacs"
SHAPE = (10, 48, 40)
STORED = [CTImageStorage, SegmentationStorage, EnhancedSRStorage, ComprehensiveSRStorage]


def ordinary() -> tuple[Volume, list[Any]]:
    """Four segments side by side on axial slices."""
    return volume_on(AXIAL, SHAPE), [
        segment_of("liver", box((1, 8), (5, 25), (3, 18), shape_kji=SHAPE)),
        segment_of("left kidney", box((3, 6), (30, 40), (30, 38), shape_kji=SHAPE)),
        segment_of("spleen", box((0, 10), (10, 20), (25, 35), shape_kji=SHAPE)),
        segment_of("Läsion 中", box((9, 10), (47, 48), (39, 40), shape_kji=SHAPE)),
    ]


def oblique() -> tuple[Volume, list[Any]]:
    """The same on slices that lie oblique to all axes."""
    return volume_on(GRIDS["doubly oblique"], SHAPE), ordinary()[1]


def overlapping() -> tuple[Volume, list[Any]]:
    """A tumour in the liver, and the spleen through both."""
    return volume_on(AXIAL, SHAPE), [
        segment_of("liver", box((1, 8), (5, 25), (3, 18), shape_kji=SHAPE)),
        segment_of("hepatic tumor", box((2, 6), (10, 16), (5, 12), shape_kji=SHAPE)),
        segment_of("spleen", box((4, 9), (12, 22), (8, 30), shape_kji=SHAPE)),
    ]


CASES = (ordinary, oblique, overlapping)


class Study:
    """A CT, its segmentation and its report on disk."""

    def __init__(
        self, folder: Path, make: Callable[[], tuple[Volume, list[Any]]], name: str, deflate: bool = False
    ) -> None:
        volume, segments = make()
        self.folder, self.uid, self.seg = folder, uid_of(name, "study"), folder / "seg.dcm"
        write_series(folder / "ct", volume, name)
        series = read_series(folder / "ct")
        self.written = on(series, *segments)
        export = write_seg(self.written, series, self.seg, deflate=deflate)
        (folder / "sr.dcm").write_bytes(structured_report(export, series, measure(self.written, series.volume)))
        self.objects = {str(data.SOPInstanceUID): data for data in map(pydicom.dcmread, folder.rglob("*.dcm"))}
        self.count = len(self.objects)

    def came_back(self, objects: list[Dataset], place: Path) -> None:
        """Check that objects are those of the study, and their masks those that were written."""
        assert {str(data.SOPInstanceUID) for data in objects} == set(self.objects)
        for data in objects:
            assert content_of(data) == content_of(self.objects[str(data.SOPInstanceUID)])
            if data.SOPClassUID == SegmentationStorage:
                data.save_as(place / "back.dcm", enforce_file_format=True)
                assert same_masks(read_seg(place / "back.dcm"), self.written)


def content_of(data: Dataset) -> dict[str, Any]:
    """All attributes and their values, the voxels included, but for what only their encoding in a file says."""
    content: dict[str, Any] = data.to_json_dict()
    content.pop("FFFCFFFC", None)  # padding at the end of the file
    if "7FE00010" in content:
        content["7FE00010"] = data.PixelData
    return content


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Iterator[orthanc.Archive]:
    with orthanc.running(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(params=["plain", "deflated"])
def study(request, tmp_path) -> Study:
    return Study(tmp_path / "study", ordinary, f"{request.node.name}", deflate=request.param == "deflated")


def query(study: Study) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", study.uid
    return wanted


def client(title: str) -> AE:
    entity = AE(ae_title=title)
    for model in (
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        entity.add_requested_context(model)
    return entity


def store(kept: list[Dataset]) -> Any:
    def handle(event: evt.Event) -> int:
        data = event.dataset
        data.file_meta = event.file_meta
        kept.append(data)
        return 0x0000

    return [(evt.EVT_C_STORE, handle)]


def asked(archive: orthanc.Archive, entity: AE, ask: Callable[[Any], Any], **kinds: Any) -> list[Any]:
    peer = archive.peer
    association = entity.associate(peer.host, peer.port, ae_title=peer.title, **kinds)
    assert association.is_established
    answers = list(ask(association))
    association.release()
    return answers


def test_by_dimse_and_back(archive, study, tmp_path):
    """C-STORE as the command sends; found by C-FIND; back by C-GET and by C-MOVE."""
    assert send(find_outgoing(study.folder)[0], archive.peer).count == study.count

    found = asked(
        archive, client("RECEIVER"), lambda a: a.send_c_find(query(study), StudyRootQueryRetrieveInformationModelFind)
    )
    assert [str(data.StudyInstanceUID) for status, data in found if status.Status == 0xFF00] == [study.uid]

    got: list[Dataset] = []
    entity = client("RECEIVER")
    for sop_class in STORED:
        entity.add_requested_context(sop_class, [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
    asked(
        archive, entity, lambda a: a.send_c_get(query(study), StudyRootQueryRetrieveInformationModelGet),
        ext_neg=[build_role(sop_class, scp_role=True) for sop_class in STORED], evt_handlers=store(got),
    )  # fmt: skip
    study.came_back(got, tmp_path)

    moved: list[Dataset] = []
    receiver = AE(ae_title="RECEIVER")
    for sop_class in STORED:
        receiver.add_supported_context(sop_class, [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
    server = receiver.start_server(("127.0.0.1", archive.receiver_port), block=False, evt_handlers=store(moved))
    try:
        ask = lambda a: a.send_c_move(query(study), "RECEIVER", StudyRootQueryRetrieveInformationModelMove)  # noqa: E731
        asked(archive, client("RECEIVER"), ask)
    finally:
        server.shutdown()
    study.came_back(moved, tmp_path)


def test_by_dicomweb_and_back(archive, study, tmp_path):
    """STOW-RS, and back by WADO-RS."""
    mark = uuid.uuid4().hex.encode()
    parts = [
        b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n" % (mark, path.read_bytes())
        for path in study.folder.rglob("*.dcm")
    ]
    kind = f'multipart/related; type="application/dicom"; boundary={mark.decode()}'
    answer = archive.post("/dicom-web/studies", b"".join([*parts, b"--%b--\r\n" % mark]), kind)
    assert len(answer["00081199"]["Value"]) == study.count
    assert not answer.get("00081198", {}).get("Value")  # those that failed

    wanted = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    kind, content = archive.get(f"/dicom-web/studies/{study.uid}", wanted)
    message = message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (kind.encode(), content), policy=HTTP)
    back = [pydicom.dcmread(io.BytesIO(part.get_payload(decode=True))) for part in message.iter_parts()]
    study.came_back(back, tmp_path)


@pytest.mark.parametrize("make", CASES)
def test_the_viewer_shows_each_segment_where_it_is(archive, make, tmp_path):
    """OHIF: names, colours, and voxels of each slice equal those that were written, by their count and places."""
    if lacking := orthanc.missing_viewer(TOOLS):
        pytest.skip(lacking)
    study = Study(tmp_path / "study", make, f"viewer {make.__name__}")
    send(find_outgoing(study.folder)[0], archive.peer)
    pictures = Path(os.environ.get("PACS_PICTURES", tmp_path))
    pictures.mkdir(parents=True, exist_ok=True)
    with orthanc.viewer(archive, TOOLS) as address:
        shown = orthanc.look(address, study.uid, pictures / make.__name__, TOOLS)
    segments = study.written.segments
    (segmentation,) = shown["shown"]
    assert [one["name"] for one in segmentation["segments"]] == [segment.name for segment in segments]
    for one, segment in zip(segmentation["segments"], segments, strict=True):
        assert np.allclose(one["color"], segment.color, atol=2), (one, segment.color)
    assert voxels_shown(segmentation) == voxels_written(study)


def voxels_shown(segmentation: Any) -> dict[tuple[int, str], tuple[int, int, int]]:
    """Of each segment (by its number) and image (by its UID): voxels, and sums of their columns and rows."""
    found: dict[tuple[int, str], tuple[int, int, int]] = {}
    for one in segmentation["slices"]:
        for index, sums in one["sums"].items():
            image = one["image"].split("/instances/")[1].split("/")[0]
            before = found.get((int(index), image), (0, 0, 0))
            found[int(index), image] = tuple(map(sum, zip(before, sums, strict=True)))  # type: ignore[assignment]
    return found


def voxels_written(study: Study) -> dict[tuple[int, str], tuple[int, int, int]]:
    series = read_series(study.folder / "ct")
    found = {}
    for number, segment in enumerate(study.written.segments, 1):
        mask = study.written.full_mask(segment)
        for k in np.flatnonzero(mask.any(axis=(1, 2))):
            rows, columns = np.nonzero(mask[k])
            found[number, str(series.datasets[k].SOPInstanceUID)] = (len(rows), int(columns.sum()), int(rows.sum()))
    return found
