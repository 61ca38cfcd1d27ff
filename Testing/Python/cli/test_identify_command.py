"""`vistaseg identify`: names for a click, a box or a mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, write_segmentation
from vistaseg.volume import read_volume

pytestmark = pytest.mark.usefixtures("tiny_models")
Command = Callable[..., Any]


@pytest.fixture
def drawn(scan: Path, tmp_path: Path) -> Path:
    """The bright ball of the phantom, and everything that is dense, as two segments."""
    volume = read_volume(scan)
    found = [(name, BoxedMask.of(volume.array > level)) for name, level in (("ball", 500), ("body", 0))]
    segments = [Segment(name, n, None, (1, 2, 3), None, made) for n, (name, made) in enumerate(found, start=1)]
    write_segmentation(Segmentation(volume.shape_ijk, volume.ijk_to_ras, segments, "drawn"), tmp_path / "d.seg.nrrd")
    return tmp_path / "d.seg.nrrd"


def test_a_mask_gets_names_with_probabilities_and_classes_with_overlap(
    vistaseg: Command, scan: Path, drawn: Path
) -> None:
    ask = ["identify", scan, "--mask", drawn, "--segment", "body", "--model", "demo", "--limit", "3"]
    rows = vistaseg(*ask, "--json").json
    read = [row for row in rows if row["model"] == "segvol-demo"]
    classes = [row for row in rows if row["model"] == "demo"]
    assert len(read) == 3 and {row["measure"] for row in read} == {"probability"}
    assert 1 <= len(classes) <= 3 and {row["measure"] for row in classes} == {"overlap"}
    for ranked in (read, classes):
        values = [row["value"] for row in ranked]
        assert values == sorted(values, reverse=True) and all(0 < value <= 1 for value in values)
    text = vistaseg(*ask).stdout
    assert "probability among" in text and "Dice with its classes" in text and read[0]["name"] in text


@pytest.mark.parametrize("what", [["--point", "-40,10,20"], ["--box=-60,-10,0:-20,30,40"]])
def test_a_click_or_a_box_gets_names(vistaseg: Command, scan: Path, what: list[str]) -> None:
    done = vistaseg("identify", scan, *what, "--model", "segvol-demo", "--limit", "2", "--json")
    assert done.code == 0, done.stderr
    assert [row["model"] for row in done.json] == ["segvol-demo"] * 2


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 2, "Give one of --point, --box and --mask"),
        (["--point", "0,0,0", "--box", "0,0,0:1,1,1"], 2, "Give one of"),
        (["--point", "0,0,0", "--segment", "ball"], 2, "--segment goes with --mask"),
        (["--point", "0,0,0:-"], 2, "give a positive one"),
        (["--point", "900,0,0"], 3, "outside the scan"),
        (["--mask", "none.seg.nrrd"], 3, "none.seg.nrrd"),
    ],
)
def test_bad_requests_say_what_is_wrong(
    vistaseg: Command, scan: Path, options: list[str], code: int, words: str
) -> None:
    done = vistaseg("identify", scan, "--model", "segvol-demo", *options)
    assert (done.code, done.stdout) == (code, "") and words in done.stderr


def test_without_segvol_its_weights_are_asked_for(vistaseg: Command, scan: Path) -> None:
    done = vistaseg("identify", scan, "--point", "0,0,0")
    assert done.code == 4 and "vistaseg weights fetch segvol" in done.stderr
