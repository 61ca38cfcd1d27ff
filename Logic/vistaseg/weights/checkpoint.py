"""Reading checkpoint files without ever running what is in them, and loading them strictly."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vistaseg.errors import WeightsError

_WRAPPERS = ("model", "state_dict", "model_state_dict")
MAX_WRAPPERS = 8
"""Of the weights in a file; published files have one or two."""
_PREFIXES = ("module.", "network.", "model.")
_VISTA3D_DROPPED = re.compile(r"weight_mapper\.[03]\.|point_head\.output_add_hypernetworks_mlps\.")
_VISTA3D_RENAMED = re.compile(r"(point_head\.transformer\.layers\.[01]\.mlp\.)lin([12]\.)")
_SEGVOL_DROPPED = re.compile(
    r"text_encoder\.clip_text_model\.text_model\.embeddings\.position_ids$"
    r"|image_encoder\.blocks\.\d+\.(norm_cross_attn|cross_attn)\."
)

# Starts a checkpoint in the format of torch.save before PyTorch 1.6: 0x1950a86a20f9469cfc6c, pickled.
_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
_NOT_RUN = "It was refused and NOT run. Use a file that holds only tensors, best .safetensors."
_SHOWN = 3


class _WithoutInitialValues(TorchFunctionMode):
    """Skips what fills a new parameter with values.

    On the meta device, where there is nothing to fill, PyTorch would import its compiler for it: a second and more.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if getattr(func, "__module__", "") == "torch.nn.init" or func in _FILLING:
            return args[0] if args else named["tensor"]
        if func in _RANDOM:  # small buffers, which are then computed with
            named["device"] = "cpu"
        return func(*args, **named)


_FILLING = (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_, Tensor.mul_, Tensor.add_, Tensor.clamp_)
_RANDOM = (torch.randn, torch.rand)


@contextmanager
def only_shapes() -> Iterator[None]:
    """Networks built in the block have parameters without memory and values, for those of a checkpoint."""
    with torch.device("meta"), _WithoutInitialValues():
        yield


def read_state_dict(path: Path | str) -> dict[str, Tensor]:
    """Tensors of a checkpoint by name, on the CPU, mapped from the file where its format allows.

    Safetensors and both formats of `torch.save` are recognized by content, not by suffix; `{"model": …}`,
    `{"state_dict": …}` and `{"model_state_dict": …}` are unwrapped. Pickles are read with `weights_only=True`: code in
    them is never run.

    Raises:
        WeightsError: no such file, empty, truncated, not a checkpoint, wrapped without end, or a pickle that would run
            code.
    """
    path = Path(path)
    content = _reader(path)(path)
    try:
        inner = unwrap(content)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return _only_tensors(inner, path)


def unwrap(content: Any) -> Any:
    """What a training wrote beside the weights (epoch, optimiser, …) taken away.

    Raises:
        WeightsError: they are wrapped more than `MAX_WRAPPERS` times; a pickle can even hold itself.
    """
    for _ in range(MAX_WRAPPERS + 1):
        inner = _wrapped(content)
        if inner is None:
            return content
        content = inner
    raise WeightsError(
        f"The weights are wrapped more than {MAX_WRAPPERS} times ({', '.join(_WRAPPERS)}), which no training does. "
        "Use a file that holds only tensors, best .safetensors."
    )


def _wrapped(content: Any) -> Any:
    if not isinstance(content, Mapping):
        return None
    return next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)


def normalise_vista3d(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state of any published VISTA3D layout under the tensor names of MONAI's `vista3d132`.

    The research code's `lin1`/`lin2` are renamed; its weight mapper and additive hypernetworks, which MONAI's
    network does not have, are dropped. All else is left for `load_strictly` to judge.
    """
    state = _strip_prefixes(unwrap(state))
    kept = {name: tensor for name, tensor in state.items() if not _VISTA3D_DROPPED.match(name)}
    return {_VISTA3D_RENAMED.sub(r"\1linear\2", name): tensor for name, tensor in kept.items()}


def normalise_segvol(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state of any published SegVol layout under the tensor names of `SegVolNetwork`.

    The numbers of CLIP's text positions, which are not weights, are dropped, and so is the cross-attention that some
    versions of MONAI save with each block although SegVol has none. All else is left for `load_strictly` to judge.
    """
    state = _strip_prefixes(unwrap(state))
    return {name: tensor for name, tensor in state.items() if not _SEGVOL_DROPPED.match(name)}


def check_tensors(expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor], source: str) -> None:
    """Compare names, shapes and kinds of `state` with the names and shapes a network expects.

    Raises:
        WeightsError: names the first missing, unexpected and differing tensors, and `source`.
    """
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    differing = [
        f"{name} is {_describe(state[name])}, expected {tuple(shape)}"
        for name, shape in expected.items()
        if name in state and (tuple(state[name].shape) != tuple(shape) or not state[name].is_floating_point())
    ]
    found = {"missing": missing, "unexpected": unexpected, "of another shape": differing}
    reasons = [_first(what, names) for what, names in found.items() if names]
    if reasons:
        raise WeightsError(
            f"{source} does not hold the weights of this model: {'; '.join(reasons)}. "
            f"Check that it is the file of this model and of this version."
        )


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Fill `network` with `state`; tensors stored in half precision become the network's own type.

    Tensors are copied one at a time out of the file's mapping, so there is never a second full copy, and the
    network does not depend on the file afterwards. A network built on the `meta` device gets its memory here.

    Raises:
        WeightsError: a tensor is missing, unexpected or of another shape; the network is untouched then.
    """
    expected = network.state_dict()
    check_tensors({name: tuple(tensor.shape) for name, tensor in expected.items()}, state, source)
    if any(tensor.is_meta for tensor in expected.values()):
        own = {name: state[name].to(dtype=tensor.dtype, copy=True) for name, tensor in expected.items()}
        network.load_state_dict(own, assign=True)
    else:
        network.load_state_dict(state)


def _describe(tensor: Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" of {str(tensor.dtype).removeprefix('torch.')}"
    return f"{tuple(tensor.shape)}{kind}"


def _first(what: str, names: list[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what}: {', '.join(names[:_SHOWN])}{rest}"


def _strip_prefixes(state: Mapping[str, Any]) -> Mapping[str, Any]:
    while prefix := _common_prefix(state):
        state = {name[len(prefix) :]: tensor for name, tensor in state.items()}
    return state


def _common_prefix(state: Mapping[str, Any]) -> str | None:
    """The prefix that every name has; one that only some have is left for the strict check to report."""
    if not state:
        return None
    return next((prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state)), None)


def _only_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path} holds no tensors by name, so it is not a checkpoint of a model.")
    strangers = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if strangers:
        raise WeightsError(f"{path} is not a checkpoint VistaSeg knows: {_first('not a tensor', strangers)}.")
    return {str(name): value for name, value in content.items()}


def _reader(path: Path) -> Callable[[Path], Any]:
    """The function that reads the format of this file, recognized by its first bytes."""
    start = _first_bytes(path)
    if start.startswith(b"PK\x03\x04"):
        return _read_zip
    if start[8:9] == b"{":
        return _read_safetensors
    if start.startswith(b"\x80"):
        return _read_legacy if _LEGACY_MAGIC in start else _refuse_pickle
    raise WeightsError(f"{path} is not a checkpoint: {_what_it_is(start)}.")


def _first_bytes(path: Path) -> bytes:
    # A pipe or a device may never end.
    if path.exists() and not path.is_file():
        raise WeightsError(f"Cannot read the weights file {path}: it is not a file, but a folder, a device or a pipe.")
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise WeightsError(f"Cannot read the weights file {path}: {error.strerror or error}.") from error
    if not start:
        raise WeightsError(f"{path} is empty (0 bytes): copy or download it again.")
    return start


def _what_it_is(start: bytes) -> str:
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, the weights themselves were not downloaded (run: git lfs pull)"
    if start.lstrip().startswith(b"<"):
        return "it is a web page, saved in place of the file"
    return "it is neither safetensors nor written by torch.save"


def _refuse_pickle(path: Path) -> Any:
    raise WeightsError(f"{path} is a plain pickle, not a checkpoint: opening it could run code. {_NOT_RUN}")


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise _damaged(path, error) from error


def _read_zip(path: Path) -> Any:
    try:
        has_end = zipfile.is_zipfile(path)
    except zipfile.BadZipFile as error:  # where only a part of the end is damaged
        raise _damaged(path, error) from error
    if not has_end:
        raise _damaged(path, "the end of the file is missing")
    return _read_torch(path, mmap=True)


def _read_legacy(path: Path) -> Any:
    return _read_torch(path, mmap=False)


def _read_torch(path: Path, mmap: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise _refused(path, error) from error
    # A damaged file makes the unpickler fail in any way: EOFError, IndexError, KeyError, RuntimeError, …
    except Exception as error:
        if "TorchScript" in str(error):
            raise WeightsError(f"{path} is a TorchScript program, not a checkpoint. {_NOT_RUN}") from error
        raise _damaged(path, error) from error


def _refused(path: Path, error: Exception) -> WeightsError:
    found = re.search(r"GLOBAL (\S+)", str(error))
    if found:
        return WeightsError(f"{path} is a pickle that would run code when opened ({found[1]}). {_NOT_RUN}")
    return WeightsError(f"{path} is damaged, or a pickle with more than tensors in it. {_NOT_RUN}")


def _damaged(path: Path, reason: object) -> WeightsError:
    text = str(reason).split("\n")[0] or type(reason).__name__
    return WeightsError(f"{path} is truncated or damaged ({text}): copy or download it again.")
