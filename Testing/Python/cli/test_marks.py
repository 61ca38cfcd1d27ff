"""What the panel marks, the command line says: on the screen, in JSON and in the table beside a label map."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.confidence import with_confidence
from vistaseg.segmentation.finding_text import finding_text
from vistaseg.segmentation.plausibility import segment_findings

pytestmark = pytest.mark.usefixtures("tiny_demo")
LIVER, SPLEEN = 1, 3


def box(*spans: tuple[int, int]) -> BoxedMask:
    extent = VoxelBox(tuple(first for first, _ in spans), tuple(last for _, last in spans))
    return BoxedMask(np.ones(extent.shape_kji), extent)


@pytest.fixture
def marked(monkeypatch) -> None:
    """The answer of the model: something of each kind, and one segment that is fine."""

    def answer(session, *_: object) -> Segmentation:
        pieces = box((5, 15), (5, 15), (5, 15))
        pieces.array[:, :, 4:6] = False
        made = {"window": [32, 32, 32]}
        unsure = box((20, 24), (5, 9), (20, 24))
        segments = [
            Segment("small liver", 1, LIVER, (1, 2, 3), None, box((5, 8), (5, 8), (20, 23)), made),
            Segment("in pieces", 2, None, (1, 2, 3), None, pieces, made),
            Segment("at the border", 3, None, (1, 2, 3), None, box((0, 3), (20, 23), (20, 23)), made),
            Segment("large spleen", 4, SPLEEN, (1, 2, 3), None, box((17, 36), (10, 28), (5, 19)), made),
            Segment("unsure", 5, None, (1, 2, 3), None, unsure, with_confidence(made, 0.5, 64)),
            Segment("fine", 6, None, (1, 2, 3), None, box((30, 34), (2, 6), (30, 34)), made),
        ]
        return Segmentation(session.volume.shape_ijk, session.volume.ijk_to_ras, segments)

    monkeypatch.setattr("vistaseg.session.Session.segment", answer)


KINDS = {
    "small liver": ["small"], "in pieces": ["pieces"], "at the border": ["border"], "large spleen": ["large"],
    "unsure": ["confidence"], "fine": [],
}  # fmt: skip


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("name", ["out.seg.nrrd", "out.nii.gz", "masks/"])
def test_every_mark_is_in_the_report_the_worst_three_on_the_screen_and_all_in_the_table(vistaseg, scan, results, name):
    out = f"{results}/{name}"
    done = vistaseg("segment", scan, "-o", out, "--model", "demo", "--classes", "liver", "--json")
    assert done.code == 0, done.stderr
    rows = {row["name"]: row for row in done.json["segments"]}
    assert {key: [each["kind"] for each in row["findings"]] for key, row in rows.items()} == KINDS
    (note,) = done.json["warnings"]
    assert f"Warning: {note}" in done.stderr and done.stderr.count("Worth a look") == 1
    assert note == (
        "Worth a look: small liver (small for its kind: 3.4 ml, 667 to 3429 ml expected), "
        f"large spleen ({rows['large spleen']['findings'][0]['text']}), "
        f"in pieces ({rows['in pieces']['findings'][0]['text']}), and 2 more, which --json names."
    )
    assert rows["in pieces"]["findings"][0] == {
        "kind": "pieces", "pieces": 2, "share_outside_largest": 0.5, "text": "2 pieces, 50 % outside the largest",
    }  # fmt: skip
    tables = list(results.rglob("*.json"))
    assert len(tables) == (0 if name == "out.seg.nrrd" else 1)
    for table in tables:
        written = json.loads(table.read_text())["segments"]
        assert {row["name"]: [each["kind"] for each in row["findings"]] for row in written} == KINDS
        assert written[0]["findings"] == [{"kind": "small", "ml": 3.375, "least_ml": pytest.approx(667, abs=1),
                                           "most_ml": pytest.approx(3429, abs=1)}]  # fmt: skip


@pytest.mark.usefixtures("marked")
def test_the_screen_names_the_worst_three_and_how_many_more_without_a_report(vistaseg, scan, results):
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--model", "demo", "--classes", "liver")
    (line,) = (line for line in done.stderr.splitlines() if "Worth a look" in line)
    assert line.startswith("Warning: Worth a look: small liver (") and "and 2 more" in line
    assert "large spleen (" in line and "in pieces (" in line and "fine" not in line


@pytest.mark.usefixtures("marked")
def test_what_is_further_from_what_is_expected_is_more_severe(vistaseg, scan, results):
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--model", "demo", "--classes", "liver", "--json")
    severity = {row["name"]: row["severity"] for row in done.json["segments"]}
    assert severity["small liver"] > severity["in pieces"] > 0 and severity["at the border"] > 0
    assert severity["fine"] == 0


@pytest.mark.usefixtures("marked")
def test_each_segment_says_where_it_lies(vistaseg, scan, results):
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--model", "demo", "--classes", "liver", "--json")
    row = done.json["segments"][0]
    # The scan is stored in LPS with voxels of 5 mm from R 90, A 70, S -95; the segment is [5, 8) x [5, 8) x [20, 23).
    assert row["box_ijk"] == {"start": [5, 5, 20], "stop": [8, 8, 23]}
    assert row["centroid_ras_mm"] == [60.0, 40.0, 10.0]
    assert row["box_ras_mm"] == {"low": [52.5, 32.5, 2.5], "high": [67.5, 47.5, 17.5]}
    assert row["ml"] == pytest.approx(27 * 0.125, abs=0.01)


def test_what_is_corrected_is_marked_too(vistaseg, scan, results):
    options = ("--class", "liver", "--point", "0,0,0", "--model", "demo", "--json")
    done = vistaseg("refine", scan, "-o", results / "out.seg.nrrd", *options)
    assert done.code == 0, done.stderr
    for row in done.json["segments"]:
        texts = "; ".join(each["text"] for each in row["findings"])
        assert (f"Worth a look: {row['name']} ({texts})." in done.stderr) == bool(texts)


def test_the_panel_says_the_same_in_its_language():
    def german(text: str) -> str:
        return text.replace("touches the border of the scan", "berührt den Rand")

    made = Segmentation((4, 4, 4), np.eye(4), [Segment("x", 1, None, (1, 2, 3), None, box((0, 2), (1, 2), (1, 2)))])
    (finding,) = segment_findings(made.segments[0], made.grid)
    assert (finding_text(finding), finding_text(finding, german)) == (
        "touches the border of the scan",
        "berührt den Rand",
    )
