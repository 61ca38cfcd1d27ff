from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vistaseg.errors import WeightsError
from vistaseg.weights.checkpoint import check_tensors, load_strictly, normalise_vista3d, read_state_dict, unwrap

State = dict[str, Tensor]


def refuse(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_every_published_layout_loads_bit_equal(form, layout, state, build_network, save_checkpoint, tmp_path):
    path = save_checkpoint(layout(state), tmp_path / "file.bin", form)
    network = build_network()
    load_strictly(network, normalise_vista3d(read_state_dict(path)), "file.bin")
    loaded = network.state_dict()
    assert list(loaded) == list(state)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


def test_the_safetensors_of_the_hub_load_bit_equal(checkpoint, state, build_network):
    network = build_network()
    load_strictly(network, normalise_vista3d(read_state_dict(checkpoint)), "hub")
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_wrapped_state_is_unwrapped_in_memory_too(state):
    assert normalise_vista3d({"model": {"module." + name: value for name, value in state.items()}}) == state


def test_a_prefix_that_only_some_names_have_is_not_stripped(state):
    first, *_ = state
    odd = {f"module.{name}" if name == first else name: value for name, value in state.items()}
    assert f"module.{first}" in normalise_vista3d(odd)


def test_an_empty_state_stays_empty():
    assert normalise_vista3d({}) == {}


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_the_type_of_the_network(kind, state, build_network):
    network = build_network()
    load_strictly(network, {name: tensor.to(kind) for name, tensor in state.items()}, "half")
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state[name].to(kind).float())


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_a_network_on_the_meta_device_gets_its_tensors(kind, state, build_network):
    with torch.device("meta"):
        network = build_network()
    load_strictly(network, {name: tensor.to(kind) for name, tensor in state.items()}, "meta")
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, state[name].to(kind).float())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_the_network_does_not_depend_on_the_file_after_loading(state, build_network, save_checkpoint, tmp_path):
    path = save_checkpoint(state, tmp_path / "file.pt", "zip")
    with torch.device("meta"):
        network = build_network()
    found = read_state_dict(path)
    load_strictly(network, found, "file.pt")
    borrowed = {tensor.untyped_storage().data_ptr() for tensor in found.values()}
    owned = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    assert not borrowed & owned


def load_changed(state: State, build: Callable[[], nn.Module], **changes: Tensor | None) -> str:
    """Message of the refusal; the network must be as it was."""
    changed = {**state, **changes}
    network = build()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_strictly(network, {name: value for name, value in changed.items() if value is not None}, "FILE")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    return str(caught.value)


def test_a_missing_tensor_is_named(state, build_network):
    name = "class_head.mlp.0.weight"
    assert f"FILE does not hold the weights of this model: missing: {name}." in load_changed(
        state, build_network, **{name: None}
    )


def test_an_extra_tensor_is_named(state, build_network):
    assert "unexpected: stranger.weight" in load_changed(state, build_network, **{"stranger.weight": torch.ones(1)})


def test_a_wrong_shape_is_named_with_both_shapes(state, build_network):
    name = "class_head.class_embeddings.weight"
    message = load_changed(state, build_network, **{name: torch.ones(5, 8)})
    assert f"{name} is (5, 8), expected (16, 8)" in message


def test_integers_in_place_of_weights_are_refused(state, build_network):
    name = "class_head.class_embeddings.weight"
    message = load_changed(state, build_network, **{name: torch.ones(16, 8, dtype=torch.int8)})
    assert f"{name} is (16, 8) of int8, expected (16, 8)" in message


def test_many_wrong_names_are_counted_not_listed():
    with pytest.raises(WeightsError, match=r"missing: a, b, c and 2 more\."):
        check_tensors({name: (1,) for name in "abcde"}, {}, "FILE")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert "No such file" in refuse(tmp_path / "nothing.pt")


def test_a_folder_is_refused(tmp_path):
    assert "Cannot read" in refuse(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty (0 bytes)"),
        (b"these are not weights\n" * 9, "neither safetensors nor written by torch.save"),
        (b"<!doctype html><html>Sign in</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 872000000\n", "Git LFS pointer"),
        (b"\x10\x00\x00\x00", "neither safetensors nor written by torch.save"),
        (b"PK\x03\x04 and nothing else", "truncated or damaged"),
    ],
)
def test_what_is_not_a_checkpoint_is_refused_with_its_reason(content, reason, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    assert reason in refuse(path)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_refused(form, kept, state, save_checkpoint, tmp_path):
    path = save_checkpoint(state, tmp_path / "whole", form)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "damaged" in refuse(path)


def test_a_checkpoint_with_a_damaged_end_is_refused(state, save_checkpoint, tmp_path):
    path = save_checkpoint(state, tmp_path / "whole", "zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x06\x07") + 16] = 5  # the archive is said to be of 5 disks
    path.write_bytes(content)
    assert "damaged" in refuse(path)


class Attack:
    """Unpickled, it makes the sentinel file."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.sentinel),)


def write_attack(form: str, attack: Attack, path: Path) -> None:
    if form == "plain pickle":
        path.write_bytes(pickle.dumps({"state_dict": attack}))
    else:
        torch.save({"state_dict": attack}, path, _use_new_zipfile_serialization=form == "zip")


@pytest.mark.parametrize("form", ["zip", "legacy", "plain pickle"])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(form, tmp_path):
    sentinel, path = tmp_path / "sentinel", tmp_path / "model.pt"
    write_attack(form, Attack(sentinel), path)
    message = refuse(path)
    assert not sentinel.exists()
    assert "run code" in message and "NOT run" in message


def test_the_attack_of_these_tests_is_real(tmp_path):
    path = tmp_path / "model.pt"
    write_attack("plain pickle", Attack(tmp_path / "sentinel"), path)
    pickle.loads(path.read_bytes())
    assert (tmp_path / "sentinel").exists()


def test_a_checkpoint_with_more_than_tensors_names_the_stranger(state, save_checkpoint, tmp_path):
    path = save_checkpoint({**state, "epoch": 3}, tmp_path / "mixed.pt", "zip")
    assert "not a tensor: epoch" in refuse(path)


def test_a_list_of_tensors_is_refused(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "list.pt")
    assert "no tensors by name" in refuse(tmp_path / "list.pt")


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_checkpoint_that_holds_itself_is_refused(form, state, save_checkpoint, tmp_path):
    content: dict[str, Any] = {"epoch": 3}
    content["model"] = content
    assert "wrapped more than 8 times" in refuse(save_checkpoint(content, tmp_path / "file.bin", form))
    with pytest.raises(WeightsError, match="wrapped more than 8 times"):
        normalise_vista3d(content)


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict"])
def test_a_circle_of_wrappers_ends(key):
    first: dict[str, Any] = {}
    first["model"] = {key: first, "weights": 1}
    with pytest.raises(WeightsError, match="wrapped more than 8 times"):
        unwrap(first)


def test_a_state_that_is_wrapped_8_times_is_read_and_one_more_is_refused(state):
    wrapped: dict[str, Any] = dict(state)
    for _ in range(8):
        wrapped = {"state_dict": wrapped}
    assert normalise_vista3d(wrapped) == state
    with pytest.raises(WeightsError, match="wrapped more than 8 times"):
        normalise_vista3d({"model": wrapped})
