from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

from vistaseg.cli.weights import app
from vistaseg.errors import UsageError, WeightsError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def network_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of one tensor, and a VISTA3D that consists of it."""
    from vistaseg.weights import layouts

    small = replace(layouts.LAYOUTS["vista3d"], mark="weight", normalise=dict, shapes=lambda: {"weight": (2,)})
    monkeypatch.setitem(layouts.LAYOUTS, "vista3d", small)
    torch.save({"weight": torch.ones(2)}, tmp_path / "mine.pt")
    return tmp_path / "mine.pt"


def run(*arguments: object) -> str:
    """Output of `vistaseg weights …`; an error of ours is raised, as the main command does."""
    main = typer.Typer()
    main.add_typer(app, name="weights")
    result = CliRunner().invoke(main, ["weights", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_list_shows_state_and_license_of_each(home):
    text = run("list")
    assert "vista3d: missing" in text and "vista3d-bundle: missing" in text
    assert "NVIDIA Open Model License (https://" in text
    assert "about 872 MB" in text


def test_list_as_json_can_be_read_by_programs(home):
    rows = {row["key"]: row for row in json.loads(run("list", "--json"))}
    assert rows["vista3d"]["state"] == "missing" and rows["vista3d"]["path"] is None
    assert rows["vista3d"]["commercial_use"] is True and rows["vista3d-bundle"]["commercial_use"] is False
    assert rows["segvol"]["commercial_use"] is False and rows["segvol"]["license"] == "no stated license"


def test_fetch_without_the_license_prints_the_command_that_accepts_it(home):
    with pytest.raises(WeightsError, match='--accept-license "NVIDIA Open Model License"'):
        run("fetch", "vista3d")


def test_fetch_downloads_once_the_license_is_accepted(home, checkpoint, monkeypatch):
    def download(_repo: str, filename: str, *, local_dir: Path, tqdm_class: Any, **_: Any) -> str:
        path = Path(local_dir) / Path(filename).name
        path.write_bytes(checkpoint.read_bytes())
        tqdm_class(total=7).update(7)
        return str(path)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    text = run("fetch", "vista3d", "--accept-license", "NVIDIA Open Model License")
    assert "vista3d: installed" in text and str(home) in text


def test_import_verify_list_remove_round_trip(home, checkpoint):
    assert "vista3d: installed" in run("import", checkpoint, "--key", "vista3d")
    assert "is unchanged (sha256 " in run("verify", "vista3d")
    listed = json.loads(run("list", "--json"))[0]
    assert listed["state"] == "installed" and listed["source"] == "user"
    assert json.loads(run("verify", "vista3d", "--json"))["sha256"] == listed["sha256"]
    assert "Removed the weights vista3d" in run("remove", "vista3d")
    assert "No weights vista3d" in run("remove", "vista3d")


def test_what_was_installed_can_be_read_by_programs(home, checkpoint, monkeypatch):
    imported = json.loads(run("import", checkpoint, "--key", "vista3d", "--json"))
    assert imported == json.loads(run("list", "--json"))[0]
    assert imported["key"] == "vista3d" and imported["state"] == "installed" and len(imported["sha256"]) == 64
    assert Path(imported["path"]).read_bytes() == checkpoint.read_bytes()
    run("remove", "vista3d")
    monkeypatch.setattr("vistaseg.weights.store.download", copy_of(checkpoint))
    fetched = json.loads(run("fetch", "vista3d", "--accept-license", "NVIDIA Open Model License", "--json"))
    assert fetched == imported | {"source": "download"}


def copy_of(checkpoint: Path) -> Any:
    def download(_entry: Any, folder: Path, progress: Any, _revision: Any) -> Path:
        progress(7, 7)
        return Path(shutil.copy(checkpoint, folder / "model.pt"))

    return download


def test_import_installs_under_the_key_that_is_given(home, checkpoint):
    assert "vista3d-bundle: installed" in run("import", checkpoint, "--key", "vista3d-bundle")


@pytest.mark.parametrize(
    ("key", "other", "tensor"),
    [
        ("vista3d", "SegVol", "text_encoder.dim_align.weight"),
        ("segvol", "VISTA3D", "class_head.class_embeddings.weight"),
    ],
)
def test_a_file_of_another_model_is_refused_and_its_key_is_told(home, tmp_path, key, other, tensor):
    torch.save({tensor: torch.ones(2)}, tmp_path / "mine.pt")
    with pytest.raises(WeightsError, match=rf"holds the weights of {other}, .*--key {other.lower()}"):
        run("import", tmp_path / "mine.pt", "--key", key)
    assert {row["state"] for row in json.loads(run("list", "--json"))} == {"missing"}


def test_verify_refuses_changed_weights(home, checkpoint):
    run("import", checkpoint, "--key", "vista3d")
    (home / "weights" / "vista3d" / "model.pt").write_bytes(b"changed")
    with pytest.raises(WeightsError, match="not the file that was installed"):
        run("verify", "vista3d")


def test_an_unknown_key_is_a_usage_error(home):
    with pytest.raises(UsageError, match="Known: vista3d"):
        run("fetch", "nothing")


def test_the_command_and_the_list_import_nothing_heavy(home):
    code = (
        "import sys; from vistaseg.cli.weights import app; from vistaseg.weights import list_weights; "
        "list_weights(); print(sorted({'torch', 'monai', 'numpy', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
