"""SegVol's published layouts, and files that are not SegVol's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from vistaseg.errors import WeightsError
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import build_network
from vistaseg.weights import WeightsState, find_entry, import_file, layouts, status
from vistaseg.weights.checkpoint import load_strictly, normalise_segvol, read_state_dict
from vistaseg.weights.layouts import check_file
from vistaseg.weights.segvol_tensors import segvol_shapes

State = dict[str, Tensor]

SMALL = SegVolConfiguration(
    image_size=(8, 16, 32),
    patch_size=(4, 8, 8),
    width=48,
    depth=2,
    heads=4,
    mlp=16,
    decoder_mlp=16,
    text_width=8,
    text_depth=1,
    text_heads=2,
    text_mlp=8,
)
NUMBERS = "text_encoder.clip_text_model.text_model.embeddings.position_ids"


@pytest.fixture(scope="module")
def segvol() -> State:
    torch.manual_seed(1)
    return build_network(SMALL).state_dict()


@pytest.fixture(scope="module")
def segvol_sizes(segvol: State) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in segvol.items()}


def published(state: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in (state | {NUMBERS: torch.arange(77)[None]}).items()}


def with_cross_attention(state: State) -> State:
    """As MONAI saves its blocks since it has attention to a context, and as it did before it could be left out."""
    added = {
        f"image_encoder.blocks.{i}.norm_cross_attn.{kind}": torch.ones(48)
        for i in (0, 1)
        for kind in ("weight", "bias")
    }
    added |= {f"image_encoder.blocks.{i}.cross_attn.to_q.weight": torch.ones(48, 48) for i in (0, 1)}
    return state | added


LAYOUTS: dict[str, Callable[[State], dict[str, Any]]] = {
    "own": dict,
    "research": lambda state: {"model": published(state, "module."), "epoch": 3, "optimizer": {"state": {}}},
    "hub": lambda state: published(state, "model."),
    "fork": lambda state: {"model_state_dict": published(state, "")},
    "fork in parallel": lambda state: {"model_state_dict": published(state, "module.")},
    "newer MONAI": lambda state: published(with_cross_attention(state), "model."),
}


@pytest.fixture(params=LAYOUTS)
def segvol_layout(request: pytest.FixtureRequest) -> Callable[[State], dict[str, Any]]:
    return LAYOUTS[request.param]


@pytest.fixture
def hub_file(segvol: State, tmp_path: Path, save_checkpoint: Callable[..., Path]) -> Path:
    return save_checkpoint(published(segvol, "model."), tmp_path / "pytorch_model.bin", "zip")


@pytest.fixture
def small_segvol(segvol_sizes: dict[str, tuple[int, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(layouts.LAYOUTS["segvol"], shapes=lambda: segvol_sizes)
    monkeypatch.setitem(layouts.LAYOUTS, "segvol", small)


def test_the_full_size_network_has_the_tensors_of_the_inventory():
    with torch.device("meta"):
        state = build_network(SegVolConfiguration()).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == segvol_shapes()


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_every_layout_loads_bit_equal(segvol, segvol_layout, form, save_checkpoint, tmp_path):
    path = save_checkpoint(segvol_layout(segvol), tmp_path / "file.bin", form)
    network = build_network(SMALL)
    load_strictly(network, normalise_segvol(read_state_dict(path)), "file.bin")
    loaded = network.state_dict()
    assert list(loaded) == list(segvol)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in segvol.items())


def test_the_hubs_safetensors_load_into_a_network_without_memory(segvol, save_checkpoint, tmp_path):
    path = save_checkpoint(published(segvol, "model."), tmp_path / "model.safetensors", "safetensors")
    with torch.device("meta"):
        network = build_network(SMALL)
    load_strictly(network, normalise_segvol(read_state_dict(path)), "hub")
    assert all(torch.equal(tensor, segvol[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("part", ["image_encoder", "prompt_encoder", "mask_decoder", "text_encoder"])
def test_a_missing_tensor_is_named(part, segvol, segvol_sizes, save_checkpoint, tmp_path):
    gone = next(name for name in segvol if name.startswith(part))
    path = save_checkpoint({n: t for n, t in segvol.items() if n != gone}, tmp_path / "file.pt", "zip")
    with pytest.raises(WeightsError, match=f"missing: {gone}"):
        check_file(path, "segvol", segvol_sizes)


def test_a_tensor_too_many_and_one_of_another_shape_are_named(segvol, segvol_sizes, save_checkpoint, tmp_path):
    strange = segvol | {"image_encoder.extra": torch.ones(1), "text_encoder.dim_align.bias": torch.ones(3)}
    path = save_checkpoint(strange, tmp_path / "file.pt", "zip")
    with pytest.raises(WeightsError, match=r"unexpected: image_encoder\.extra; .*dim_align\.bias is \(3,\)"):
        check_file(path, "segvol", segvol_sizes)


@pytest.mark.parametrize("name", ["image_encoder.blocks.0.norm_cross_attn", "text_encoder.embeddings.position_ids"])
def test_names_that_only_look_like_the_dropped_ones_are_left_to_the_strict_check(name):
    assert list(normalise_segvol({name: torch.ones(1), "other": torch.ones(1)})) == [name, "other"]


def test_a_brought_file_is_installed(home, hub_file, small_segvol):
    entry = find_entry("segvol")
    assert import_file(entry, hub_file).state is WeightsState.INSTALLED
    assert status(entry).path == home / "weights" / "segvol" / "model.pt"


def test_segvols_file_is_not_taken_for_vista3d(home, hub_file):
    with pytest.raises(WeightsError, match=r"holds the weights of SegVol, not of VISTA3D\. .*--key segvol"):
        import_file(find_entry("vista3d"), hub_file)
    assert not home.exists()


def test_vista3ds_file_is_not_taken_for_segvol(home, checkpoint):
    with pytest.raises(WeightsError, match=r"holds the weights of VISTA3D, not of SegVol\. .*--key vista3d"):
        import_file(find_entry("segvol"), checkpoint)
    assert not home.exists()


def test_a_published_file_under_another_key_is_said_to_have_no_stated_license(
    home, hub_file, small_segvol, monkeypatch
):
    pinned = replace(find_entry("segvol"), sha256=hashlib.sha256(hub_file.read_bytes()).hexdigest())
    other = find_entry("segvol-safetensors")
    monkeypatch.setattr("vistaseg.weights.store.load_manifest", lambda: (pinned, other))
    with pytest.raises(WeightsError, match=r"published file of SegVol, under no stated license\. .*--key segvol"):
        import_file(other, hub_file)
