"""Faults that a first user may meet, each made here with weights of a small network, and found by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vistaseg.compute import Compute
from vistaseg.doctor import Report, examine, record
from vistaseg.doctor.record import LEFT_KIDNEY, LIVER, RIGHT_KIDNEY, SPLEEN, PublicRecord, counts_check, sides_check
from vistaseg.doctor.report import FAILED, NOTE, OK
from vistaseg.doctor.software import known_combination
from vistaseg.masks.boxed import BoxedMask
from vistaseg.models import registry
from vistaseg.models.recipe import Recipe
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.weights import find_entry, import_file, layouts
from vistaseg.weights.folder import weights_folder

CPU = Compute(torch.device("cpu"), torch.float32)
SMALL = Vista3dConfiguration(width=8, features=8, blocks_down=(1, 1), spacing=(6.0, 6.0, 6.0), window=(16, 16, 16))
ORGANS = (LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY)
Install = Callable[..., None]


@pytest.fixture(autouse=True)
def small_vista3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of its own, and a published VISTA3D that is small."""
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "home"))
    shapes = {name: tuple(t.shape) for name, t in build_network(SMALL).state_dict().items()}
    monkeypatch.setitem(layouts.LAYOUTS, "vista3d", replace(layouts.LAYOUTS["vista3d"], shapes=lambda: shapes))
    monkeypatch.setattr("vistaseg.models.vista3d.spec.Vista3dConfiguration", lambda: SMALL)


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Install fabricated weights, by default in the layout of nvidia/NV-Segment-CT."""

    def do(key: str = "vista3d", prefix: str = "network.", change: Callable[[Any], Any] = lambda state: state) -> None:
        torch.manual_seed(3)
        state = change(build_network(SMALL).state_dict())
        path = tmp_path / "fabricated.safetensors"
        save_file({prefix + name: tensor.contiguous() for name, tensor in state.items()}, path)
        import_file(find_entry(key), path)

    return do


def states(report: Report) -> dict[str, str]:
    return {check.name: check.state for check in report.checks}


def installed_file(key: str = "vista3d") -> Path:
    return weights_folder(key) / "model.safetensors"


def test_sound_weights_pass(install: Install) -> None:
    install()
    found = states(examine(CPU, thorough=True))
    assert {found[f"{what} vista3d"] for what in ("weights", "tensors", "layout", "window", "padding")} == {OK}
    assert found["size vista3d"] == NOTE, "a small network is not the published file"
    assert found["weights segvol"] == NOTE


def test_without_weights_a_report_is_made() -> None:
    report = examine(CPU, thorough=True)
    assert not report.failed and states(report)["weights vista3d"] == NOTE
    assert {"software", "device", "memory", "combination"} <= set(states(report))


def test_truncated_weights_fail_by_name_and_no_path_is_told(install: Install, tmp_path: Path) -> None:
    install()
    content = installed_file().read_bytes()
    installed_file().write_bytes(content[: len(content) // 2])
    for thorough in (False, True):
        assert "weights vista3d" in examine(CPU, thorough=thorough).failed
    report = examine(CPU, ["vista3d"], thorough=True)
    assert "model vista3d" in report.failed and tmp_path.name not in json.dumps(report.as_dict())


def test_weights_that_were_cut_off_before_they_came_fail_by_name(install: Install) -> None:
    """As where a store was copied from another machine, with a record of what arrived."""
    install()
    content = installed_file().read_bytes()
    installed_file().write_bytes(content[: len(content) // 2])
    (weights_folder("vista3d") / "record.json").unlink()
    assert "weights vista3d" in examine(CPU, thorough=True).failed


def test_foreign_weights_fail_by_name(install: Install) -> None:
    install()
    save_file({"backbone.weight": torch.ones(3)}, installed_file())
    note = weights_folder("vista3d") / "record.json"
    from vistaseg.weights.record import file_digests

    known = json.loads(note.read_text())
    size, sha256 = installed_file().stat().st_size, file_digests(installed_file(), ["sha256"])["sha256"]
    note.write_text(json.dumps(known | {"size": size, "sha256": sha256}))
    failed = examine(CPU, ["vista3d"], thorough=True).failed
    assert "tensors vista3d" in failed and "model vista3d" in failed


def test_weights_under_the_key_of_others_are_padded_wrongly_and_fail_by_name(install: Install) -> None:
    install("vista3d-bundle")
    failed = examine(CPU, thorough=True).failed
    assert "layout vista3d-bundle" in failed and "padding vista3d" in failed


def test_a_padding_that_is_not_the_published_one_fails_by_name(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    monkeypatch.setattr(registry, "recipe_for", lambda key: Recipe(padding="zero"))
    assert examine(CPU, thorough=True).failed == ("padding vista3d",)


def test_weights_that_are_no_numbers_fail_by_name(install: Install) -> None:
    install(change=lambda state: {name: torch.full_like(t, torch.nan) for name, t in state.items()})
    assert "window vista3d" in examine(CPU, thorough=True).failed


def found_organs(places: dict[int, int]) -> Segmentation:
    """A segment of 3³ voxels for each class, at an index along i; R falls with i, as in LPS."""
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    segments = [
        Segment(str(i), i, i, (0.0, 0.0, 0.0), None, BoxedMask.of(np.ones((3, 3, 3)), (at, 0, 0)), {})
        for i, at in places.items()
    ]
    return Segmentation((100, 3, 3), affine, segments, "")


def test_swapped_sides_fail_by_name() -> None:
    right, swapped = {RIGHT_KIDNEY: 10, LEFT_KIDNEY: 60}, {RIGHT_KIDNEY: 60, LEFT_KIDNEY: 10}
    assert sides_check("vista3d", found_organs(right)).state == OK
    check = sides_check("vista3d", found_organs(swapped))
    assert (check.name, check.state) == ("sides vista3d", FAILED) and "right kidney left of left kidney" in check.text
    assert sides_check("vista3d", found_organs({LIVER: 50, SPLEEN: 10})).state == FAILED
    assert sides_check("vista3d", found_organs({LIVER: 50})).state == NOTE


@pytest.mark.parametrize(("share", "state"), [(1.0, OK), (0.9, NOTE), (0.5, FAILED), (0.0, FAILED)])
def test_counts_stand_beside_the_public_ones(share: float, state: str) -> None:
    known = PublicRecord("a CT", "", {LIVER: 27, SPLEEN: round(27 / share) if share else 27})
    organs = {LIVER: 1, SPLEEN: 20} if share else {LIVER: 1}
    check = counts_check("vista3d", found_organs(organs), known)
    assert (check.name, check.state) == ("record vista3d", state)
    assert check.values["liver"] == {"voxels": 27, "published": 27}


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """Named after a patient, in a folder named after one."""
    folder = tmp_path / "Jane Doe"
    folder.mkdir()
    array = np.random.default_rng(0).normal(40, 60, (20, 30, 30)).astype(np.int16)
    image = nibabel.Nifti1Image(array.transpose(2, 1, 0), np.diag([-6.0, -6.0, 6.0, 1.0]))
    nibabel.save(image, folder / "doe-jane.nii.gz")
    return folder / "doe-jane.nii.gz"


def test_the_published_ct_is_known_by_its_hash(install: Install, ct: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    install()
    text = {c.name: c.text for c in examine(CPU, ["vista3d"], ct=ct).checks}["record vista3d"]
    assert "published counts do not apply" in text
    published = replace(record.SPLEEN_03, sha256=hashlib.sha256(ct.read_bytes()).hexdigest())
    monkeypatch.setattr(record, "SPLEEN_03", published)
    check = next(c for c in examine(CPU, ["vista3d"], ct=ct).checks if c.name == "record vista3d")
    assert check.state == FAILED, "random weights do not find the published counts"
    assert {values["published"] for values in check.values.values()} == {456974, 60161, 51177, 49652}


def test_the_report_names_no_patient_no_user_and_no_place(install: Install, ct: Path, tmp_path: Path) -> None:
    install()
    text = json.dumps(examine(CPU, ["vista3d", "segvol"], thorough=True, ct=ct).as_dict())
    shutil.copy(ct, tmp_path / "broken.nii.gz")
    ct.write_bytes(ct.read_bytes()[:100])
    text += json.dumps(examine(CPU, ["vista3d"], ct=ct).as_dict())
    for word in ("Jane", "doe", str(tmp_path), tmp_path.name, "home"):
        assert word not in text
    assert "record vista3d" in text


@pytest.mark.parametrize(
    ("version", "cudnn", "precision", "state", "words"),
    [
        ("2.9.1+cu128", 91002, "bf16", FAILED, "wrong without a word"),
        ("2.9.0", 91301, "fp32", FAILED, "slowly"),
        ("2.9.1", 91500, "bf16", OK, "No bad"),
        ("2.9.1", None, "fp32", OK, "No bad"),
        ("2.10.0", 91002, "bf16", OK, "No bad"),
        ("2.8.0", 91002, "bf16", OK, "No bad"),
    ],
)
def test_bad_combinations_are_known(version: str, cudnn: int | None, precision: str, state: str, words: str) -> None:
    check = known_combination(version, cudnn, precision)
    assert check.state == state and words in check.text
