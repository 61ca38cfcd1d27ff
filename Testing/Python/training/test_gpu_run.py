"""The run on a GPU, as far as a CPU can show it: what is packed comes back, and a step is made."""

from __future__ import annotations

import argparse
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gpu.run
import numpy as np
import pytest
import torch
from cases import Case
from gpu.run import HU_STEP, GpuRun, in_order, packed, read_pack, seeds, unpacked, write_pack
from resumable import export
from training_structures import TUMOUR

from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network

SMALL = Vista3dConfiguration(width=8, features=32, blocks_down=(1, 1), spacing=(3.0, 3.0, 3.0), window=(32, 32, 32))


def scan(name: str, source: str = "sts", side: int = 36) -> Case:
    """A bright cube in noise."""
    rng = np.random.default_rng(0)
    labels = np.zeros((side, side + 2, side + 4), np.uint8)
    labels[8:20, 10:24, 12:26] = TUMOUR
    return Case(
        name,
        source,
        (rng.normal(0, 40, labels.shape) + 3 * labels).astype(np.int16),
        labels,
        {TUMOUR: (0, side)},
    )


def test_a_packed_ct_comes_back_within_half_a_step() -> None:
    image = np.random.default_rng(0).integers(-1024, 3072, (5, 6, 7)).astype(np.int16)
    again = unpacked(packed(image))
    assert again.dtype == np.int16
    assert np.abs(again.astype(int) - image).max() <= HU_STEP // 2


def test_a_pack_holds_names_and_labels(tmp_path: Path) -> None:
    case = scan("STS_007")
    assert write_pack([case], tmp_path / "pack") == 1
    (again,) = read_pack(tmp_path / "pack")
    assert (again.name, again.source) == ("STS_007", "sts")
    assert np.array_equal(again.labels, case.labels)
    assert again.annotated == case.annotated
    assert np.abs(again.image - case.image).max() <= HU_STEP // 2


def test_a_pack_is_no_larger_than_allowed_and_keeps_the_rare_collections(tmp_path: Path) -> None:
    many = [scan(f"pt_{n}", "openkbp") for n in range(4)]
    whole = tmp_path / "whole"
    write_pack([*many, scan("STS_001")], whole)
    part = tmp_path / "part"
    limit = whole.stat().st_size * 2 // 3
    assert write_pack([*many, scan("STS_001")], part, limit) == 3
    assert part.stat().st_size <= limit
    assert zipfile.ZipFile(part).namelist() == ["sts-STS_001.npz", "openkbp-pt_0.npz", "openkbp-pt_1.npz"]
    assert [case.name for case in in_order([*many, scan("STS_001")])][0] == "STS_001"


def test_a_step_on_a_cpu_moves_the_branch_for_clicks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu.run, "PATCHES", 2)
    torch.manual_seed(0)
    (tmp_path / "start").mkdir()
    export(build_network(SMALL).state_dict(), SMALL.as_dict(), tmp_path / "start")
    write_pack([scan("STS_001"), scan("STS_002")], tmp_path / "pack")
    arguments = argparse.Namespace(
        start=tmp_path / "start", output=tmp_path / "run", minutes=1.0, rate=1e-3, seed=1, copy=None
    )
    prepared = (tmp_path / "pack", SMALL.intensity_range)
    with ThreadPoolExecutor(1, initializer=gpu.run._prepare, initargs=prepared) as executor:
        run = GpuRun(arguments, executor, torch.device("cpu"))
        before = {name: value.clone() for name, value in run.network.state_dict().items()}
        assert run.advance() is not None
        run.save()
        again = GpuRun(arguments, executor, torch.device("cpu"))
    assert again.step == 1
    after = again.network.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"image_encoder", "point_head"}
    assert torch.equal(
        after["image_encoder.encoder.conv_init.weight"], before["image_encoder.encoder.conv_init.weight"]
    )


def test_a_run_that_was_stopped_sees_the_same_patches() -> None:
    assert seeds(3, 1) == seeds(3, 1)
    assert len({seed for step in range(50) for seed in seeds(step, 1)}) == 50 * gpu.run.PATCHES
