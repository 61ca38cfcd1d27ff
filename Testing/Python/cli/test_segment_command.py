from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from third_model import offered

from vistaseg.cli.options import Device, Precision
from vistaseg.compute.device import DEVICES, PRECISIONS
from vistaseg.segmentation import Segmentation, read_segmentation
from vistaseg.segmentation.confidence import LOW_CONFIDENCE
from vistaseg.session import Session
from vistaseg.volume import read_volume

pytestmark = pytest.mark.usefixtures("tiny_demo")


@pytest.fixture
def segment(vistaseg, scan):
    """Run `vistaseg segment SCAN -o OUTPUT --model demo …`."""

    def run(output: Path | str, *more: object, code: int = 0):
        done = vistaseg("segment", scan, "-o", output, "--model", "demo", *more)
        assert done.code == code, done.stderr
        return done

    return run


def names(segmentation: Segmentation) -> list[str]:
    return [segment.name for segment in segmentation.segments]


def test_named_classes_are_written_in_the_order_asked_on_the_grid_of_the_scan(segment, scan, results):
    segment(results / "out.seg.nrrd", "--classes", "spleen, left kidney, liver")
    found, volume = read_segmentation(results / "out.seg.nrrd"), read_volume(scan)
    assert found.shape_ijk == volume.shape_ijk and np.allclose(found.ijk_to_ras, volume.ijk_to_ras)
    assert names(found) == [n for n in ("spleen", "left kidney", "liver") if n in names(found)]
    assert len(found.segments) >= 2


def test_the_three_forms_hold_the_same_segmentation(segment, results):
    outputs = [results / "one.seg.nrrd", results / "two.nii.gz", str(results / "three") + "/"]
    for output in outputs:
        segment(output, "--classes", "liver, spleen, kidney")
    maps = [read_segmentation(output).label_map() for output in outputs]
    assert maps[0].any() and np.array_equal(maps[0], maps[1])
    masks = read_segmentation(outputs[2])
    for one, other in zip(read_segmentation(outputs[0]).segments, masks.segments, strict=True):
        assert one.name == other.name and one.mask.equals(other.mask)


def test_a_slash_at_the_end_makes_a_folder_even_when_the_name_has_a_dot(segment, results):
    segment(str(results / "run.1") + "/", "--classes", "liver")
    assert (results / "run.1" / "segments.json").is_file()


def test_without_a_choice_the_model_answers_all_that_it_knows(segment, results):
    report = segment(results / "out.seg.nrrd", "--json").json
    assert report["asked"] == ["liver", "spleen", "right kidney", "left kidney"]


def test_classes_of_a_preset_that_the_model_does_not_know_are_left_out_with_one_message(segment, results):
    done = segment(results / "out.seg.nrrd", "--preset", "abdomen", "--json")
    told = [line for line in done.stderr.splitlines() if "does not know" in line]
    assert len(told) == 1
    assert "Tiny does not know 9 of the requested structures, left out: pancreas," in told[0]
    assert "and 3 more" in told[0]
    assert sorted(done.json["asked"]) == ["left kidney", "liver", "right kidney", "spleen"]
    assert len(done.json["left_out"]) == 9
    assert any("does not know 9 of" in warning for warning in done.json["warnings"])


def test_a_term_for_several_is_answered_as_far_as_the_model_knows_it(segment, results):
    done = segment(results / "out.seg.nrrd", "--classes", "spleen, urogenital", "--json")
    assert done.json["asked"] == ["spleen", "left kidney", "right kidney"]
    assert sorted(done.json["left_out"]) == ["bladder", "prostate"]
    assert "Tiny does not know 2 of the requested structures, left out: " in done.stderr


def test_a_preset_and_classes_are_asked_together(segment, results):
    report = segment(results / "out.seg.nrrd", "--classes", "airway", "--preset", "abdomen", "--json").json
    assert report["asked"][0] == "airway" and "liver" in report["asked"]


def test_nothing_is_labelled_outside_the_region(segment, results):
    segment(results / "out.seg.nrrd", "--roi", "-60,-20,40:10,30,-30")
    found = read_segmentation(results / "out.seg.nrrd")
    assert found.segments
    for piece in found.segments:
        ras = found.grid.index_to_ras(np.argwhere(found.full_mask(piece))[:, ::-1])
        assert (ras >= [-60, -20, -30]).all() and (ras <= [10, 30, 40]).all()


def test_the_preview_is_a_picture(segment, results):
    segment(results / "out.seg.nrrd", "--preview", results / "out.png")
    with Image.open(results / "out.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 100


def test_json_is_one_object_on_standard_output_and_everything_else_on_standard_error(segment, scan, results):
    done = segment(results / "out.seg.nrrd", "--classes", "liver", "--roi", "-60,-20,40:10,30,-30", "--json")
    report = json.loads(done.stdout)
    assert report["input"] == str(scan) and report["output"] == str(results / "out.seg.nrrd")
    assert report["model"] == "Tiny" and report["notice"] == "Tiny model: for tests."
    assert len(report["weights_sha256"]) == 64
    assert report["device"] == "cpu" and report["precision"] in ("fp32", "bf16")
    assert report["volume"] == {"shape_ijk": [37, 29, 39], "spacing_mm": [5, 5, 5], "orientation": "LPS"}
    assert report["region_ras_mm"] == {"low": [-60, -20, -30], "high": [10, 30, 40]}
    assert report["left_out"] == []
    found = read_segmentation(results / "out.seg.nrrd").segments
    assert [row["voxels"] for row in report["segments"]] == [piece.voxel_count for piece in found]
    assert [row["ml"] for row in report["segments"]] == pytest.approx([f.voxel_count * 0.125 for f in found], abs=0.01)
    assert [row["confidence"] for row in report["segments"]] == [piece.confidence for piece in found]
    assert "Tiny model: for tests." in done.stderr and "written to" in done.stderr


def test_what_the_model_is_not_sure_of_is_named(segment, results):
    """The tiny model has learnt nothing, and is sure of nothing where classes compete."""
    done = segment(results / "out.seg.nrrd", "--classes", "liver, spleen, left kidney", "--json")
    rows = sorted(done.json["segments"], key=lambda row: row["confidence"])
    assert len(rows) > 1 and rows[-1]["confidence"] < LOW_CONFIDENCE
    for row in rows:
        assert {"kind": "confidence", "confidence": row["confidence"],
                "text": f"low confidence: {row['confidence']:.2f}"} in row["findings"]  # fmt: skip
        assert f"low confidence: {row['confidence']:.2f}" in done.json["warnings"][0]
    assert f"Warning: {done.json['warnings'][0]}" in done.stderr


def test_without_json_standard_output_stays_empty(segment, results):
    assert segment(results / "out.seg.nrrd", "--classes", "liver").stdout == ""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_precision_asked_for_is_used(segment, results, precision):
    choice = ["--classes", "liver", "--roi", "0,0,0:20,20,20", "--device", "cpu", "--precision", precision]
    report = segment(results / "out.seg.nrrd", *choice, "--json").json
    assert report["precision"] == precision


def test_every_segment_says_on_what_it_was_computed(segment, results):
    choice = ["--classes", "liver, spleen", "--roi", "-60,-20,40:10,30,-30", "--device", "cpu", "--precision", "fp32"]
    segment(results / "out.seg.nrrd", *choice)
    made = [piece.provenance for piece in read_segmentation(results / "out.seg.nrrd").segments]
    assert made and all((one["device"], one["precision"]) == ("cpu", "fp32") for one in made)


def test_a_result_replaces_the_one_before(segment, results):
    (results / "out.seg.nrrd").write_bytes(b"before")
    segment(results / "out.seg.nrrd", "--classes", "liver")
    assert read_segmentation(results / "out.seg.nrrd").shape_ijk == (37, 29, 39)
    assert [path.name for path in results.iterdir()] == ["out.seg.nrrd"]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_result_keeps_the_mode_of_the_one_that_it_replaces(segment, results):
    paths = [results / name for name in ("out.seg.nrrd", "out.png")]
    for path, mode in zip(paths, (0o600, 0o640), strict=True):
        path.write_bytes(b"before")
        path.chmod(mode)
    segment(paths[0], "--classes", "liver", "--preview", paths[1])
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600, 0o640]
    assert all(path.read_bytes() != b"before" for path in paths)


def test_what_was_asked_for_but_not_found_is_reported(segment, results, monkeypatch):
    def nothing(session, *_: object) -> Segmentation:
        return Segmentation(session.volume.shape_ijk, session.volume.ijk_to_ras)

    monkeypatch.setattr("vistaseg.session.Session.segment", nothing)
    done = segment(results / "out.seg.nrrd", "--classes", "liver", "--json")
    assert done.json["segments"] == [] and done.json["not_found"] == done.json["asked"] == ["liver"]
    assert "None of the requested structures was found" in done.stderr


def test_what_is_missing_beside_what_was_found_is_named(segment, results, monkeypatch):
    answer = Session.segment

    def without_spleen(self, class_ids, *more):
        found = answer(self, class_ids, *more)
        found.segments = [segment for segment in found.segments if segment.name != "spleen"]
        return found

    monkeypatch.setattr(Session, "segment", without_spleen)
    done = segment(results / "ct.seg.nrrd", "--classes", "liver, spleen")
    assert "Not found in this scan: spleen." in done.stderr


def test_the_options_offer_what_the_engine_has():
    assert tuple(d.value for d in Device) == DEVICES
    assert tuple(p.value for p in Precision) == PRECISIONS


def test_a_model_that_another_package_offers_is_one_key_more(segment, vistaseg, scan, results):
    with offered():
        assert segment(results / "ct.seg.nrrd", "--model", "third", "--json").json["segments"]
        wrong = vistaseg("segment", scan, "-o", results / "ct.seg.nrrd", "--model", "fourth")
    assert wrong.code == 2 and "third" in wrong.stderr


def test_a_limit_of_memory_takes_smaller_windows_and_says_so(segment, results):
    report = segment(results / "out.seg.nrrd", "--classes", "liver, spleen", "--memory", "0.01", "--json").json
    assert any("windows of 28 x 28 x 28 voxels were used, not 32 x 32 x 32" in text for text in report["warnings"])
    assert read_segmentation(results / "out.seg.nrrd").segments[0].provenance["window"] == [28, 28, 28]


def test_a_limit_of_memory_that_nothing_fits_is_refused(segment, results, monkeypatch):
    monkeypatch.setattr("vistaseg.models.vista3d.scaling.needed_bytes", lambda *_: 10**12)
    refused = segment(results / "out.seg.nrrd", "--classes", "liver", "--memory", "1", code=5)
    assert "at least 1e+03 GB of working memory, and 1 GB are allowed" in refused.stderr
    assert not (results / "out.seg.nrrd").exists()


@pytest.mark.parametrize("limit", ["inf", "nan", "-1", "1e300"])
def test_a_limit_of_memory_that_is_none_is_refused(segment, results, limit):
    segment(results / "out.seg.nrrd", "--classes", "liver", "--memory", limit, code=2)
