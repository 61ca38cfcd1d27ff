"""The command as a user runs it, on a model and a scan that take a second."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vistaseg.cli.main import main
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import build_network as build_segvol
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.volume import Volume

KNOWN = (1, 3, 5, 14, 23, 132)  # liver, spleen, both kidneys, lung tumor, airway
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Command = Callable[..., Outcome]
Write = Callable[..., Path]


@pytest.fixture
def vistaseg(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `vistaseg …` through its entry point."""
    monkeypatch.setenv("COLUMNS", "300")  # messages on one line
    monkeypatch.setenv("TERMINAL_WIDTH", "300")

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["vistaseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in a box: a tiny VISTA3D that has learnt nothing, with the files of the real one."""
    folder = tmp_path_factory.mktemp("resources") / "demo-model"
    folder.mkdir()
    configuration = Vista3dConfiguration(
        name="Tiny", width=8, features=8, blocks_down=(1, 1), spacing=(6.0, 6.0, 6.0), window=(32, 32, 32),
        trained_classes=KNOWN, notice="Tiny model: for tests.",
    )  # fmt: skip
    torch.manual_seed(0)
    put_into(folder, build_network(configuration), configuration)
    return folder


@pytest.fixture(scope="session")
def segvol_demo_folder(demo_folder: Path) -> Path:
    """Beside it a tiny SegVol that has learnt nothing."""
    folder = demo_folder.parent / "segvol-demo"
    folder.mkdir()
    configuration = SegVolConfiguration(
        name="Tiny SegVol", image_size=(8, 16, 16), patch_size=(4, 4, 4), width=48, depth=1, heads=4, mlp=32,
        decoder_mlp=32, text_width=32, text_depth=1, text_heads=4, text_mlp=32, trained_with_boxes=False,
        notice="Tiny SegVol: for tests.",
    )  # fmt: skip
    torch.manual_seed(0)
    put_into(folder, build_segvol(configuration), configuration)
    return folder


def put_into(folder: Path, network: torch.nn.Module, configuration: Any) -> None:
    """The files of a bundled model."""
    state = network.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(configuration.as_dict()))


@pytest.fixture
def tiny_demo(demo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--model demo` is the tiny one."""
    monkeypatch.setattr("vistaseg.models.files.resource_path", lambda name: demo_folder.parent / name)


@pytest.fixture
def tiny_models(tiny_demo: None, segvol_demo_folder: Path) -> None:
    """`--model demo` and `--model segvol-demo` are the tiny ones."""


@pytest.fixture
def write_nifti(tmp_path: Path) -> Write:
    """(array (k, j, i), affine, name) -> path of a NIfTI file, apart from the folder for results."""

    def write(array: np.ndarray, affine: np.ndarray | None = None, name: str = "scan.nii.gz") -> Path:
        path = tmp_path / "scans" / name
        path.parent.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(array.T, 4 * np.eye(4) if affine is None else affine), path)
        return path

    return write


@pytest.fixture
def scan(phantom: Callable[..., Any], write_nifti: Write) -> Path:
    """A small patient in LPS, 5 mm."""
    affine = LPS @ np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = [90, 70, -95]
    volume = phantom((37, 29, 39), affine)
    return write_nifti(volume.array, volume.ijk_to_ras)


@pytest.fixture
def ct(phantom: Callable[..., Volume]) -> Volume:
    """A small patient of 24 x 22 x 20 voxels of 8 mm, to be written as DICOM."""
    affine = np.diag([-8.0, -8.0, 8.0, 1.0])
    affine[:3, 3] = [90, 80, -80]
    return phantom((24, 22, 20), affine)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """An empty folder for results."""
    folder = tmp_path / "results"
    folder.mkdir()
    return folder
