"""`vistaseg refine`: clicks in, a corrected segmentation out, and nothing else touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, read_segmentation, write_segmentation
from vistaseg.volume import read_volume

pytestmark = pytest.mark.usefixtures("tiny_demo")
Command = Callable[..., Any]
INSIDE, BESIDE, OUTSIDE = "0,0,0", "10,5,5", "900,0,0"


def masks(path: Path) -> dict[str, np.ndarray]:
    found = read_segmentation(path)
    return {segment.name: found.full_mask(segment) for segment in found.segments}


@pytest.fixture
def drawn(scan: Path, tmp_path: Path) -> Path:
    """Two segments that somebody drew on the scan."""
    volume = read_volume(scan)
    generator = np.random.default_rng(2)
    segments = [
        Segment(name, label, structure, (9, 8, label), None, BoxedMask.of(generator.random(volume.array.shape) < 0.4))
        for label, (name, structure) in enumerate((("Liver", 1), ("thing", None)), start=1)
    ]
    path = tmp_path / "drawn.seg.nrrd"
    write_segmentation(Segmentation(volume.shape_ijk, volume.ijk_to_ras, segments, "drawn"), str(path))
    return path


def test_a_click_makes_a_segment_with_the_name_and_codes_of_its_class(
    vistaseg: Command, scan: Path, results: Path
) -> None:
    output = results / "x.seg.nrrd"
    done = vistaseg(
        "refine", scan, "-o", output, "--class", "liver", "--point", f"{INSIDE}:+", "--model", "demo", "--json"
    )
    assert done.code == 0
    assert "Tiny model: for tests." in done.stderr
    (row,) = done.json["prompts"]
    assert row["ras"] == [0, 0, 0]
    assert row["voxels"] == done.json["segments"][0]["voxels"] > 0
    (segment,) = read_segmentation(output).segments
    assert (segment.name, segment.structure_id) == ("liver", 1)
    assert segment.provenance["algorithm_type"] == "SEMIAUTOMATIC"


def test_correcting_a_mask_leaves_the_other_segments_and_keeps_its_looks(
    vistaseg: Command, scan: Path, drawn: Path, results: Path
) -> None:
    output = results / "x.seg.nrrd"
    done = vistaseg(
        "refine", scan, "-o", output, "--mask", drawn, "--segment", "liver", "--model", "demo",
        "--point", f"{INSIDE}:-", "--point", BESIDE,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    before, after = masks(drawn), masks(output)
    assert list(after) == ["Liver", "thing"]
    assert np.array_equal(after["thing"], before["thing"])
    assert not np.array_equal(after["Liver"], before["Liver"])
    liver = read_segmentation(output).segments[0]
    assert (liver.structure_id, liver.color) == (1, (9, 8, 1))


def test_a_saved_session_replays_to_the_same_masks(vistaseg: Command, scan: Path, drawn: Path, results: Path) -> None:
    one, other, session = results / "1.seg.nrrd", results / "2.seg.nrrd", results / "session.json"
    first = vistaseg(
        "refine", scan, "-o", one, "--segment", "x", "--box=-30,-30,-30:40,40,40", "--point", f"{BESIDE}:+",
        "--point", f"{INSIDE}:-", "--model", "demo", "--save-session", session,
    )  # fmt: skip
    assert first.code == 0, first.stderr
    assert vistaseg("refine", scan, "-o", other, "--replay", session, "--model", "demo").code == 0
    assert np.array_equal(masks(one)["x"], masks(other)["x"])


def test_a_session_of_the_first_versions_is_done_again_under_its_rules(
    vistaseg: Command, scan: Path, results: Path
) -> None:
    """It wrote down none; clicks were rounded to voxels then. Its answer is then saved under version 1."""
    session, again = results / "session.json", results / "again.json"
    ask = ["refine", scan, "-o", results / "1.seg.nrrd", "--model", "demo", "--point", "1.1,2.3,0.7:+"]
    assert vistaseg(*ask, "--save-session", session).code == 0
    document = json.loads(session.read_text())
    del document["models"]["demo"]["recipe"]
    session.write_text(json.dumps(document))
    done = vistaseg("refine", scan, "-o", results / "2.seg.nrrd", "--replay", session, "--save-session", again)
    assert done.code == 0, done.stderr
    recipe = json.loads(again.read_text())["models"]["demo"]["recipe"]
    assert (recipe["version"], recipe["click_place"]) == (1, "voxel")
    document["models"]["demo"]["recipe"] = {"version": 9}
    session.write_text(json.dumps(document))
    refused = vistaseg("refine", scan, "-o", results / "3.seg.nrrd", "--replay", session)
    assert refused.code == 2 and "saved under rules for demo that this version does not have" in refused.stderr


def test_a_known_organ_and_the_published_merging_are_asked_for_by_options(
    vistaseg: Command, scan: Path, results: Path
) -> None:
    session = results / "session.json"
    ask = ["refine", scan, "-o", results / "x.seg.nrrd", "--model", "demo", "--point", f"{INSIDE}:+"]
    done = vistaseg(*ask, "--known-organ", "--merging", "published", "--save-session", session)
    assert done.code == 0, done.stderr
    document = json.loads(session.read_text())
    assert document["segments"][0]["known_organ"] is True
    assert document["models"]["demo"]["recipe"]["merging"] == "published"
    (made,) = read_segmentation(results / "x.seg.nrrd").segments
    assert made.provenance["clicked_as"] == "known organ"
    refused = vistaseg(*ask, "--known-organ", "--class", "liver")
    assert refused.code == 2 and "--known-organ without --class" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "at least one --text, --box or --point"),
        (["--point", "1,2"], 2, "is not a click"),
        (["--point", "a,b,c"], 2, "is not a click"),
        (["--point", "1,2,nan"], 2, "not a number"),
        (["--point", INSIDE, "--class", "kidney"], 2, "stands for several"),
        (["--point", INSIDE, "--class", "livver"], 2, "liver"),
        (["--point", f"{OUTSIDE}:+"], 3, "outside the scan"),
        (["--replay", "none.json"], 3, "cannot be read"),
        (["--replay", "none.json", "--point", INSIDE], 2, "without others"),
        (["--point", INSIDE, "--mask", "none.seg.nrrd"], 3, "none.seg.nrrd"),
    ],
)
def test_bad_requests_say_what_is_wrong_and_write_nothing(
    vistaseg: Command, scan: Path, results: Path, arguments: list[str], code: int, words: str
) -> None:
    done = vistaseg("refine", scan, "-o", results / "x.seg.nrrd", "--model", "demo", *arguments)
    assert done.code == code, done.stderr
    assert words in done.stderr
    assert not list(results.iterdir())


def test_nothing_that_is_read_is_written_over(vistaseg: Command, scan: Path, drawn: Path, results: Path) -> None:
    foreign = scan.with_name("slice-of-another-program")
    foreign.write_bytes(b"DICM")
    before = scan.read_bytes(), drawn.read_bytes(), foreign.read_bytes()
    ask = ["refine", scan, "--model", "demo", "--point", INSIDE]
    asked = [
        ["-o", scan],
        ["-o", results / "x.seg.nrrd", "--save-session", scan],
        ["-o", results / "x.seg.nrrd", "--save-session", drawn, "--mask", drawn, "--segment", "thing"],
        ["-o", results / "x.seg.nrrd", "--save-session", results / "x.seg.nrrd"],
        ["-o", results / "liver.nii.gz", "--save-session", results / "liver.json"],
        ["-o", f"{results / 'masks'}/", "--save-session", results / "masks" / "segments.json"],
        ["-o", results / "x.seg.nrrd", "--save-session", foreign],
        ["-o", results / "x.seg.nrrd", "--save-session", results / "missing" / "session.json"],
        ["-o", results / "x.nii.gz", "--mask", drawn, "--segment", "thing"],
    ]
    for options in asked:
        done = vistaseg(*ask, *options)
        assert done.code == 2, (options, done.stderr)
        assert "Tiny on" not in done.stderr, "said before the work"
    assert (scan.read_bytes(), drawn.read_bytes(), foreign.read_bytes()) == before
    assert not list(results.iterdir())


def test_a_saved_session_takes_the_place_of_another_one(vistaseg: Command, scan: Path, results: Path) -> None:
    session = results / "session.json"
    for output in ("one.seg.nrrd", "two.seg.nrrd"):
        ask = ["refine", scan, "-o", results / output, "--model", "demo", "--point", INSIDE, "--save-session", session]
        assert vistaseg(*ask).code == 0


def test_a_mask_of_another_grid_and_an_unknown_segment_are_refused(
    vistaseg: Command, scan: Path, drawn: Path, results: Path
) -> None:
    ask = ["refine", scan, "-o", results / "x.seg.nrrd", "--model", "demo", "--point", INSIDE]
    done = vistaseg(*ask, "--mask", drawn)
    assert done.code == 3
    assert "Liver, thing" in done.stderr
    moved = read_segmentation(drawn)
    moved.ijk_to_ras[0, 3] += 2
    write_segmentation(moved, str(drawn.with_name("moved.seg.nrrd")))
    done = vistaseg(*ask, "--mask", drawn.with_name("moved.seg.nrrd"), "--segment", "thing")
    assert done.code == 3
    assert "another grid" in done.stderr
    assert not list(results.iterdir())


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"format": "vistaseg session 1"})])
def test_a_damaged_session_is_refused(
    vistaseg: Command, scan: Path, results: Path, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "session.json"
    file.write_text(content)
    done = vistaseg("refine", scan, "-o", results / "x.seg.nrrd", "--replay", file, "--model", "demo")
    assert done.code in (2, 3)
    assert "session" in done.stderr
    assert not list(results.iterdir())
