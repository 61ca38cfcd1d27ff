"""A small network with VISTA3D's tensor names, its state in every published layout, a store of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_vista3d
import torch
from torch import Tensor, nn

State = dict[str, Tensor]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("VISTASEG_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def network_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)


@pytest.fixture(scope="session")
def build_network() -> Callable[[], nn.Module]:
    return small_vista3d.build_network


@pytest.fixture(scope="session")
def state(build_network: Callable[[], nn.Module]) -> State:
    torch.manual_seed(0)
    return build_network().state_dict()


@pytest.fixture(scope="session")
def shapes(state: State) -> dict[str, tuple[int, ...]]:
    return small_vista3d.shapes_of(state)


def research_layout(state: State) -> State:
    renamed = {name.replace(".mlp.linear", ".mlp.lin"): tensor for name, tensor in state.items()}
    mapper = {f"weight_mapper.{layer}.{kind}": torch.ones(2) for layer in (0, 3) for kind in ("weight", "bias")}
    added = {
        f"point_head.output_add_hypernetworks_mlps.{which}.layers.{layer}.{kind}": torch.ones(2)
        for which in (0, 1)
        for layer in (0, 1, 2)
        for kind in ("weight", "bias")
    }
    return {**renamed, **mapper, **added}


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


LAYOUTS: dict[str, Callable[[State], dict[str, Any]]] = {
    "bundle": lambda state: dict(state),
    "hub": lambda state: prefixed(state, "network."),
    "research": research_layout,
    "parallel": lambda state: prefixed(state, "module."),
    "parallel hub": lambda state: prefixed(state, "module.network."),
    "hub parallel": lambda state: prefixed(state, "network.module."),
    "wrapped model": lambda state: {"model": prefixed(state, "module."), "epoch": 3},
    "wrapped state_dict": lambda state: {"state_dict": dict(state), "best_metric": 0.5},
    "wrapped research": lambda state: {"model": prefixed(research_layout(state), "module.")},
}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Callable[[State], dict[str, Any]]:
    return LAYOUTS[request.param]


def save(content: dict[str, Any], path: Path, form: str) -> Path:
    if form == "safetensors":
        from safetensors.torch import save_file

        save_file(content, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return path


@pytest.fixture(scope="session")
def save_checkpoint() -> Callable[[dict[str, Any], Path, str], Path]:
    return save


@pytest.fixture
def checkpoint(state: State, tmp_path: Path) -> Path:
    """A good file, as the hub publishes it."""
    return save(prefixed(state, "network."), tmp_path / "brought.safetensors", "safetensors")
