"""DICOM on the command line: the list of series, the choice of one, and no word about the patient."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dicom_series import IDENTITY, uid_of, write_series

from vistaseg.segmentation import read_segmentation
from vistaseg.volume import Volume, read_volume


@pytest.fixture
def folder(ct, tmp_path) -> Path:
    """A CT of 20 slices, one of 10, and a PET of 30 images without a slice."""
    place = tmp_path / "patient"
    write_series(place / "a", ct, "large")
    write_series(place / "b", Volume.from_array(ct.array[:10], ct.ijk_to_ras, axes="kji"), "small")
    pet = Volume.from_array(np.tile(ct.array, (2, 1, 1))[:30], ct.ijk_to_ras, axes="kji")
    write_series(place / "c", pet, "pet", lambda image, _: setattr(image, "Modality", "PT"))[3].unlink()
    return place


def test_the_list_tells_what_there_is_and_what_is_wrong_with_it(vistaseg, folder):
    rows = vistaseg("dicom", "list", folder, "--json").json
    assert [(row["number"], row["modality"], row["images"], row["rows"], row["columns"]) for row in rows] == [
        (1, "CT", 20, 22, 24), (2, "CT", 10, 22, 24), (3, "PT", 29, 22, 24),
    ]  # fmt: skip
    assert [row["uid"] for row in rows] == [uid_of(name, "series") for name in ("large", "small", "pet")]
    assert rows[0]["problem"] is rows[1]["problem"] is None and "Slices are missing" in rows[2]["problem"]
    assert len(rows[1]["files"]) == 10
    table = vistaseg("dicom", "list", folder).stdout
    assert all(row["uid"] in table for row in rows) and "Slices are missing" in table


def test_the_list_of_what_is_no_dicom_is_bad_input(vistaseg, tmp_path, scan):
    (tmp_path / "empty").mkdir()
    for place, words in (
        (tmp_path / "empty", "no DICOM images"),
        (scan, "not a DICOM file"),
        ("absent", "No such file"),
    ):
        done = vistaseg("dicom", "list", place)
        assert done.code == 3 and words in done.stderr


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize(
    ("wanted", "slices"), [((), 20), (("--series", "2"), 10), (("--series", uid_of("small", "series")), 10)]
)
def test_a_series_is_chosen(vistaseg, folder, results, wanted, slices):
    out = results / "out.seg.nrrd"
    done = vistaseg("segment", folder, "-o", out, "--model", "demo", "--classes", "liver", "--json", *wanted)
    assert done.code == 0, done.stderr
    assert done.json["volume"]["shape_ijk"] == [24, 22, slices]
    chosen = read_volume(folder, wanted[1] if wanted else None)
    assert np.allclose(read_segmentation(out).ijk_to_ras, chosen.ijk_to_ras)
    assert any("3 series; the largest one" in warning for warning in done.json["warnings"]) == (not wanted)


@pytest.mark.usefixtures("tiny_models")
def test_every_command_that_reads_a_scan_takes_the_choice(vistaseg, folder, results):
    point, wanted = "40,0,-20", ("--series", "2")
    done = vistaseg("refine", folder, "-o", results / "a.seg.nrrd", "--model", "demo", "--point", f"{point}:+", *wanted)
    assert done.code == 0, done.stderr
    assert read_segmentation(results / "a.seg.nrrd").shape_ijk[2] == 10
    done = vistaseg("identify", folder, "--model", "demo", "--point", point, "--series", "9")
    assert done.code == 3 and "'9' matches no series here" in done.stderr
    vistaseg("segment", folder, "-o", results / "t.nii.gz", "--model", "demo", "--classes", "liver, spleen", *wanted)
    truth = ("--truth", results / "t.nii.gz", "--model", "demo", "--clicks", "1")
    assert vistaseg("evaluate", folder, *truth, *wanted).code == 0
    assert vistaseg("evaluate", folder, *truth).code == 3


def test_a_choice_that_is_not_there_is_bad_input(vistaseg, folder, scan, results):
    for place, words in ((folder, "'9' matches no series here"), (scan, "not DICOM")):
        done = vistaseg("segment", place, "-o", results / "out.seg.nrrd", "--model", "demo", "--series", "9")
        assert done.code == 3 and words in done.stderr
    assert not list(results.iterdir())


@pytest.mark.usefixtures("tiny_demo")
def test_a_refused_series_says_which_one_it_was(vistaseg, folder, results):
    next((folder / "a").glob("*.dcm")).unlink()
    done = vistaseg("segment", folder, "-o", results / "out.seg.nrrd", "--model", "demo")
    assert done.code == 3
    assert "Slices are missing" in done.stderr and "the largest one (Thorax, 19 images) was taken" in done.stderr


@pytest.mark.usefixtures("tiny_demo")
def test_nothing_that_identifies_the_patient_is_told(vistaseg, ct, tmp_path, results, caplog):
    def invalid(image, k):
        """Values that a reader might complain about, and quote."""
        if k == 3:
            image._dict.pop(image["PatientBirthDate"].tag)
            image.add_new("PatientBirthDate", "LO", IDENTITY["PatientBirthDate"] + "Q")

    folder = tmp_path / "studies"
    write_series(folder / "one", ct, "one", invalid)
    write_series(folder / "two", ct, "two", invalid)[4].unlink()
    preview, report = results / "out.png", results / "report.csv"
    told = [
        vistaseg("dicom", "list", folder),
        vistaseg("dicom", "list", folder, "--json"),
        vistaseg("segment", folder / "one", "-o", results / "out.seg.nrrd", "--model", "demo", "--classes", "liver",
                 "--preview", preview, "--json"),
        vistaseg("segment", folder / "two", "-o", results / "no.seg.nrrd", "--model", "demo"),
        vistaseg("cohort", folder, "-o", results / "cohort", "--model", "demo", "--classes", "liver",
                 "--report", report),
    ]  # fmt: skip
    assert [done.code for done in told] == [0, 0, 0, 3, 3]
    files = [path.read_bytes().decode("latin-1") for path in results.rglob("*") if path.is_file()]
    everything = "\n".join([*(done.stdout + done.stderr for done in told), caplog.text, *files])
    assert preview.exists() and "Thorax" in json.dumps(told[1].json)
    for keyword, value in IDENTITY.items():
        parts = [part for part in value.replace("^", " ").split() if len(part) > 3]
        assert not [part for part in parts if part.casefold() in everything.casefold()], keyword


def test_the_folder_does_not_name_a_scan_without_a_description(ct, tmp_path):
    def undescribed(image, _):
        del image.SeriesDescription

    write_series(tmp_path / "SYNTHETICA_SIBYLLA", ct, change=undescribed)
    assert read_volume(tmp_path / "SYNTHETICA_SIBYLLA").name == "CT series"


def test_send_wants_an_address_and_files_before_it_connects(vistaseg, folder, tmp_path):
    (tmp_path / "key.pem").write_text("not a key")
    wrong = {
        "HOST:PORT/AET": (folder, "--to", "pacs"),
        "nowhere": (tmp_path / "nowhere", "--to", "127.0.0.1:1/A"),
        "key.pem": (folder, "--to", "127.0.0.1:1/A", "--tls-cert", tmp_path / "key.pem"),
    }
    for named, arguments in wrong.items():
        outcome = vistaseg("dicom", "send", *arguments)
        assert outcome.code == 2 and named in outcome.stderr
    outcome = vistaseg("dicom", "send", folder, "--to", "127.0.0.1:1/A")
    assert outcome.code == 6 and "127.0.0.1:1/A" in outcome.stderr
