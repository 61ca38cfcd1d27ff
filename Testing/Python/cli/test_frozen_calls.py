"""Every command says today what it said when it was recorded: exit code, JSON, and the elements that errors name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from frozen_calls import CALLS, FROZEN, Call, comparable, differences, lay_out

from vistaseg.resources import resource_path
from vistaseg.segmentation import read_segmentation

RECORDED = json.loads((FROZEN / "calls.json").read_text(encoding="utf-8"))
MODEL = "weights_sha256"


def same_model() -> bool:
    """Whether the bundled demo model is still the one that the calls were recorded with."""
    content = (resource_path("demo-model") / "model.safetensors").read_bytes()
    return hashlib.sha256(content).hexdigest() == RECORDED["segment-nrrd"]["json"][MODEL]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "calls"
    place.mkdir()
    lay_out(place)
    monkeypatch.chdir(place)
    return place


def test_every_recorded_call_is_made():
    assert {call.name for call in CALLS} == RECORDED.keys()


@pytest.mark.parametrize("call", CALLS, ids=[call.name for call in CALLS])
def test_a_call_says_what_it_said(call: Call, vistaseg, folder):
    if call.computed and not same_model():
        pytest.skip("the bundled demo model is another one: record the calls with it again")
    done, recorded = vistaseg(*call.arguments), RECORDED[call.name]
    assert done.code == recorded["code"] == call.code, done.stderr
    for name in call.names:
        assert name in done.stderr and name in recorded["stderr"]
    assert bool(done.stderr) == bool(recorded["stderr"])
    if recorded["json"] is None:
        assert bool(done.stdout) == bool(recorded["stdout"])
    else:
        assert not differences(comparable(recorded["json"]), comparable(done.json), call.computed)


def test_a_replayed_session_comes_to_the_recorded_mask(vistaseg, folder):
    if not same_model():
        pytest.skip("the bundled demo model is another one: record the calls with it again")
    vistaseg("refine", "scan.nii.gz", "-o", "again.seg.nrrd", "--replay", "session.json", "--device", "cpu")
    old = read_segmentation(FROZEN / "results" / "refined.seg.nrrd")
    new = read_segmentation(folder / "again.seg.nrrd")
    one, other = old.full_mask(old.segments[0]), new.full_mask(new.segments[0])
    assert 2 * np.count_nonzero(one & other) > 0.98 * (np.count_nonzero(one) + np.count_nonzero(other))


def test_a_cohort_goes_on_from_recorded_results(vistaseg, folder):
    """Nothing that the recorded report calls done is done again."""
    import shutil

    shutil.copytree(FROZEN / "results" / "cohort", folder / "cohort")
    before = {path: path.read_bytes() for path in (folder / "cohort").rglob("*.seg.nrrd")}
    done = vistaseg("cohort", "studies", "-o", "cohort", "--classes", "liver", "--model", "demo", "--json")
    assert done.code == 3 and "a: done before" in done.stderr
    assert before and all(path.read_bytes() == content for path, content in before.items())
    assert [row["status"] for row in done.json] == ["done", "failed"]
