"""DICOM segmentations on the command line: out, in, checked; and no word about the patient."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_segmentations import AUTOMATIC, segment_of
from dicom_series import IDENTITY, write_series
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from vistaseg.cli.results import kept_if_lost
from vistaseg.dicom import read_seg, read_series
from vistaseg.errors import InputError, UsageError
from vistaseg.io import sha256_of
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, read_segmentation, write_segmentation
from vistaseg.volume import Volume
from vistaseg.volume.limits import size_text

SHAPE = (24, 22, 20)


@pytest.fixture
def folder(ct, tmp_path):
    write_series(tmp_path / "ct", ct)
    return tmp_path / "ct"


@pytest.fixture
def nrrd(ct, tmp_path):
    """Two segments that overlap, and an empty one."""
    i, j, k = SHAPE
    one, two = np.zeros((k, j, i), dtype=bool), np.zeros((k, j, i), dtype=bool)
    one[4:9, 5:12, 6:14], two[7:10, 8:11, 2:9] = True, True
    segments = [segment_of("liver", one), segment_of("left kidney", two), segment_of("spleen", two & False)]
    path = tmp_path / "in.seg.nrrd"
    write_segmentation(Segmentation(SHAPE, ct.ijk_to_ras, segments), path)
    return path


def test_export_writes_a_segmentation_that_the_check_passes(vistaseg, folder, nrrd, tmp_path):
    done = vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm")
    assert done.code == 0 and "read back the same" in done.stderr and "empty: spleen" in done.stderr
    found = read_seg(tmp_path / "out.dcm", read_series(folder))
    meant = read_segmentation(nrrd)
    for one, other in zip(found.segments, meant.segments, strict=False):
        assert np.array_equal(found.full_mask(one), meant.full_mask(other)) and one.name == other.name
        assert one.provenance["weights_sha256"] == AUTOMATIC["weights_sha256"]
    checked = vistaseg("dicom", "check", tmp_path / "out.dcm", "--json")
    assert checked.code == 0 and {finding["level"] for finding in checked.json} <= {"warning", "note"}


def test_export_writes_the_reports_that_are_asked_for(vistaseg, folder, nrrd, tmp_path):
    outputs = ("--report", tmp_path / "out.csv", "--sr", tmp_path / "sr.dcm")
    assert vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm", *outputs).code == 0
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["name"] for row in rows] == ["liver", "left kidney"]
    assert float(rows[0]["volume_ml"]) == pytest.approx(5 * 7 * 8 * 0.512)
    assert {row["segmentation_sha256"] for row in rows} == {sha256_of(tmp_path / "out.dcm")}
    assert pydicom.dcmread(tmp_path / "sr.dcm").Modality == "SR"


def test_import_gives_back_what_was_exported(vistaseg, folder, nrrd, tmp_path):
    vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm")
    assert vistaseg("dicom", "import", tmp_path / "out.dcm", folder, "-o", tmp_path / "back.seg.nrrd").code == 0
    found, meant = read_segmentation(tmp_path / "back.seg.nrrd"), read_segmentation(nrrd)
    for one, other in zip(found.segments, meant.segments, strict=False):
        assert np.array_equal(found.full_mask(one), meant.full_mask(other))
        assert (one.name, one.structure_id, one.terminology) == (other.name, other.structure_id, other.terminology)


def test_import_finds_the_series_that_is_meant_among_larger_ones(vistaseg, folder, nrrd, ct, tmp_path):
    vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm")
    larger = Volume.from_array(np.tile(ct.array, (2, 1, 1)), ct.ijk_to_ras, axes="kji")
    write_series(folder / "more", larger, "larger")
    done = vistaseg("dicom", "import", tmp_path / "out.dcm", folder, "-o", tmp_path / "back.seg.nrrd")
    assert done.code == 0 and read_segmentation(tmp_path / "back.seg.nrrd").shape_ijk == SHAPE


def test_a_dicom_scan_becomes_a_dicom_segmentation(vistaseg, folder, tmp_path):
    done = vistaseg(
        "segment", folder, "-o", tmp_path / "out.dcm", "--model", "demo", "--classes", "liver, spleen, aorta"
    )
    found = read_seg(tmp_path / "out.dcm", read_series(folder))
    assert done.code == 0 and found.segments
    assert {segment.provenance["algorithm_type"] for segment in found.segments} == {"AUTOMATIC"}
    assert all(len(segment.provenance["weights_sha256"]) == 64 for segment in found.segments)


def test_a_cohort_becomes_dicom_segmentations(vistaseg, folder, tmp_path):
    asked = ("--model", "demo", "--classes", "liver, spleen, aorta", "--format", "dcm")
    assert vistaseg("cohort", folder.parent, "-o", tmp_path / "results", *asked).code == 0
    (made,) = (tmp_path / "results").rglob("*.dcm")
    assert read_seg(made, read_series(folder)).segments


def test_a_dicom_segmentation_is_corrected_and_references_what_it_was(vistaseg, folder, nrrd, tmp_path):
    vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "before.dcm")
    start = ("--mask", tmp_path / "before.dcm", "--segment", "liver", "--point", "10,20,-40:+")
    done = vistaseg("refine", folder, "-o", tmp_path / "after.dcm", "--model", "demo", *start)
    assert done.code == 0
    before, after = (pydicom.dcmread(tmp_path / name) for name in ("before.dcm", "after.dcm"))
    assert before.SOPInstanceUID in {item.ReferencedSOPInstanceUID for item in after.SourceImageSequence}
    assert [item.SegmentAlgorithmType for item in after.SegmentSequence] == ["SEMIAUTOMATIC", "AUTOMATIC"]
    assert [item.SegmentLabel for item in after.SegmentSequence] == ["liver", "left kidney"]


def test_check_fails_where_there_are_errors(vistaseg, folder, nrrd, tmp_path):
    vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm")
    data = pydicom.dcmread(tmp_path / "out.dcm")
    del data.FrameOfReferenceUID
    data.save_as(tmp_path / "bad.dcm")
    done = vistaseg("dicom", "check", tmp_path / "bad.dcm")
    assert done.code == 1 and "error: FrameOfReferenceUID is missing." in done.stdout


def test_a_scan_that_is_no_dicom_cannot_become_one(vistaseg, ct, tmp_path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(ct.array.transpose(2, 1, 0), ct.ijk_to_ras), tmp_path / "ct.nii.gz")
    done = vistaseg("segment", tmp_path / "ct.nii.gz", "-o", tmp_path / "out.dcm", "--model", "demo")
    assert done.code == 2 and "Give the folder of the DICOM series" in done.stderr


@pytest.mark.parametrize("command", ["export", "segment"])
def test_a_slice_of_the_scan_is_never_overwritten(command, vistaseg, folder, nrrd):
    image = sorted(folder.iterdir())[0]
    before = image.read_bytes()
    arguments = ("dicom", "export", nrrd, folder) if command == "export" else ("segment", folder, "--model", "demo")
    done = vistaseg(*arguments, "-o", image)
    assert done.code == 2 and "would be overwritten" in done.stderr and image.read_bytes() == before


def test_nothing_is_written_where_the_report_has_no_place(vistaseg, folder, nrrd, tmp_path):
    done = vistaseg(
        "dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm", "--report", tmp_path / "no" / "out.csv"
    )
    assert done.code == 2 and not (tmp_path / "out.dcm").exists()


def test_the_patient_is_named_in_dicom_files_and_nowhere_else(vistaseg, folder, nrrd, tmp_path):
    """Not even where headers are bad enough for libraries to complain of their values."""
    out, report, sr, preview = (tmp_path / name for name in ("out.dcm", "out.csv", "sr.dcm", "out.png"))
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    for file in bad.iterdir():
        image = pydicom.dcmread(file)
        image.AccessionNumber = IDENTITY["AccessionNumber"] * 4
        del image.FrameOfReferenceUID
        image.save_as(file)
    told = [
        vistaseg("dicom", "export", nrrd, folder, "-o", out, "--report", report, "--sr", sr),
        vistaseg("dicom", "check", out, "--json"),
        vistaseg("dicom", "check", out),
        vistaseg("dicom", "import", out, folder, "-o", tmp_path / "back.seg.nrrd"),
        vistaseg("dicom", "import", out, bad, "-o", tmp_path / "no.seg.nrrd"),
        vistaseg("dicom", "export", nrrd, bad, "-o", tmp_path / "bad.dcm"),
        vistaseg("dicom", "check", sorted(folder.iterdir())[0]),
        vistaseg("segment", folder, "-o", tmp_path / "made.dcm", "--model", "demo", "--classes", "liver", "--json",
                 "--preview", preview),
    ]  # fmt: skip
    data = pydicom.dcmread(out)
    assert str(data.PatientName) == IDENTITY["PatientName"] and data.PatientID == IDENTITY["PatientID"]
    assert str(pydicom.dcmread(sr).PatientName) == IDENTITY["PatientName"]
    texts = [part for done in told for part in (done.stdout, done.stderr)]
    files = [report.read_bytes(), (tmp_path / "back.seg.nrrd").read_bytes().split(b"\n\n")[0], preview.read_bytes()]
    for value in IDENTITY.values():
        assert not any(value in text for text in texts), value
        assert not any(value.encode() in content for content in files), value
    assert IDENTITY["PatientAddress"] not in json.dumps(data.to_json_dict())


ASKED = ("--model", "demo", "--classes", "liver, spleen")


def of_a_private_kind(folder):
    """Allowed to read, not to export."""
    for file in folder.iterdir():
        image = pydicom.dcmread(file)
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.3.46.670589.1"
        image.save_as(file)


@pytest.mark.parametrize(
    "command",
    [
        ("segment", *ASKED),
        ("refine", "--model", "demo", "--point", "10,20,-40:+"),
        ("segment", "--model", "demo", "--text", "liver"),
    ],
)
def test_what_stops_a_dicom_output_is_said_before_a_model_is_loaded(vistaseg, folder, tmp_path, monkeypatch, command):
    of_a_private_kind(folder)
    monkeypatch.setattr("vistaseg.models.registry.load_model", lambda *_: pytest.fail("a model was loaded"))
    done = vistaseg(command[0], folder, *command[1:], "-o", tmp_path / "out.dcm")
    assert done.code == 3 and "SOPClassUID 1.3.46.670589.1" in done.stderr
    assert not list(tmp_path.glob("out*"))


@pytest.mark.usefixtures("tiny_demo")
def test_another_output_of_the_same_series_is_not_stopped(vistaseg, folder, tmp_path):
    of_a_private_kind(folder)
    assert vistaseg("segment", folder, "-o", tmp_path / "out.seg.nrrd", *ASKED).code == 0


@pytest.mark.usefixtures("tiny_demo")
def test_a_study_of_a_cohort_that_cannot_be_exported_fails_before_it_is_segmented(
    vistaseg, folder, tmp_path, monkeypatch
):
    of_a_private_kind(folder)
    monkeypatch.setattr("vistaseg.session.Session.segment", lambda *_, **__: pytest.fail("it was segmented"))
    done = vistaseg("cohort", folder.parent, "-o", tmp_path / "results", *ASKED, "--format", "dcm")
    assert done.code == 3 and "SOPClassUID 1.3.46.670589.1" in done.stderr


def failing(*_, **__):
    raise InputError("This went wrong.")


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize("command", [("segment", *ASKED), ("refine", "--model", "demo", "--point", "10,20,-40:+")])
def test_a_result_that_cannot_be_exported_is_kept_and_the_message_says_where(
    vistaseg, folder, tmp_path, monkeypatch, command
):
    whole = vistaseg(command[0], folder, *command[1:], "-o", tmp_path / "whole.seg.nrrd")
    assert whole.code == 0
    (tmp_path / "out.seg.nrrd").write_bytes(b"of somebody else")
    monkeypatch.setattr("vistaseg.dicom.write_seg", failing)
    done = vistaseg(command[0], folder, *command[1:], "-o", tmp_path / "out.dcm")
    assert done.code == 3
    assert f"This went wrong. The result was kept as {tmp_path / 'out-2.seg.nrrd'}" in done.stderr
    kept, meant = (read_segmentation(tmp_path / name) for name in ("out-2.seg.nrrd", "whole.seg.nrrd"))
    assert kept.segments and np.array_equal(kept.label_map(), meant.label_map())
    assert (tmp_path / "out.seg.nrrd").read_bytes() == b"of somebody else" and not (tmp_path / "out.dcm").exists()


def test_a_result_is_kept_after_an_error_that_no_one_foresaw(tmp_path, capsys):
    voxel = Segment("dot", 1, None, (1, 2, 3), None, BoxedMask.of(np.ones((1, 1, 1))))
    with (
        pytest.raises(RuntimeError),
        kept_if_lost(Segmentation((2, 2, 2), np.eye(4), [voxel]), str(tmp_path / "out.dcm")),
    ):
        raise RuntimeError
    assert [segment.name for segment in read_segmentation(tmp_path / "out.seg.nrrd").segments] == ["dot"]
    assert f"kept as {tmp_path / 'out.seg.nrrd'}" in capsys.readouterr().err


@pytest.mark.parametrize("kept_in", ["work", "home"])
def test_a_result_whose_folder_is_gone_is_kept_elsewhere(tmp_path, monkeypatch, kept_in):
    """A network drive may go during the computation."""
    for name in ("home", *(["work"] if kept_in == "work" else [])):
        (tmp_path / name).mkdir()
    voxel = Segment("liver", 1, None, (1, 2, 3), None, BoxedMask.of(np.ones((1, 1, 1))))
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "work")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    kept = tmp_path / kept_in / "out.seg.nrrd"
    with (
        pytest.raises(UsageError, match=re.escape(f"kept as {kept}")),
        kept_if_lost(Segmentation((2, 2, 2), np.eye(4), [voxel]), str(tmp_path / "gone" / "out.nii.gz")),
    ):
        raise UsageError("The drive is gone.")
    assert [segment.name for segment in read_segmentation(kept).segments] == ["liver"]


@pytest.mark.usefixtures("tiny_demo")
def test_a_result_whose_picture_fails_is_kept(vistaseg, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("vistaseg.preview.preview_png", failing)
    done = vistaseg("segment", folder, "-o", tmp_path / "out.nii.gz", *ASKED, "--preview", tmp_path / "out.png")
    assert done.code == 3 and f"kept as {tmp_path / 'out.seg.nrrd'}" in done.stderr
    assert read_segmentation(tmp_path / "out.seg.nrrd").segments


@pytest.mark.usefixtures("tiny_demo")
def test_files_are_plain_unless_deflated_is_asked_for_and_their_size_is_told_before(vistaseg, folder, nrrd, tmp_path):
    done = vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "plain.dcm")
    assert done.code == 0
    assert f"takes {size_text((tmp_path / 'plain.dcm').stat().st_size)}." in done.stderr
    assert "--deflate" not in done.stderr
    packed = vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "packed.dcm", "--deflate")
    assert packed.code == 0 and "before it is deflated" in packed.stderr
    vistaseg("segment", folder, "-o", tmp_path / "made.dcm", *ASKED)
    vistaseg("segment", folder, "-o", tmp_path / "made-packed.dcm", *ASKED, "--deflate")
    syntaxes = [pydicom.dcmread(tmp_path / f"{name}.dcm").file_meta.TransferSyntaxUID
                for name in ("plain", "packed", "made", "made-packed")]  # fmt: skip
    assert syntaxes == [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian] * 2


def test_deflating_is_offered_for_large_files_with_who_reads_them(vistaseg, folder, nrrd, tmp_path, monkeypatch):
    monkeypatch.setattr("vistaseg.cli.results.LARGE_BYTES", 1000)
    done = vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm")
    assert done.code == 0 and "--deflate makes it much smaller" in done.stderr and "dcm2niix" in done.stderr


def test_export_warns_of_values_that_no_ct_has(vistaseg, folder, nrrd, tmp_path):
    for file in folder.iterdir():
        image = pydicom.dcmread(file)
        image.PixelData = bytes(np.full(len(image.PixelData) // 2, 64512, "<u2"))
        image.save_as(file)
    done = vistaseg("dicom", "export", nrrd, folder, "-o", tmp_path / "out.dcm", "--report", tmp_path / "out.csv")
    assert done.code == 0 and "Warning: liver: 280 voxels are above 30,710 HU" in done.stderr
    assert all(row["warning"] for row in csv.DictReader((tmp_path / "out.csv").open()))
