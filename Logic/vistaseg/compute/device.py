"""Choice of device and precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vistaseg.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Compute:
    """Device and number format of a model's arithmetic."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> str:
        """ "fp32" or "bf16"."""
        return "bf16" if self.dtype == torch.bfloat16 else "fp32"

    def autocast(self) -> torch.autocast:
        """A context in which PyTorch computes in bf16 what may be, where that is the precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


def choose_compute(device: str = "auto", precision: str = "auto") -> Compute:
    """Device and precision by name; "auto" takes a GPU where there is one, and bf16 where it is faster.

    Raises:
        UsageError: an unknown name, or a device or precision that this machine does not have.
    """
    _require_known(device, DEVICES, "device")
    _require_known(precision, PRECISIONS, "precision")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("No CUDA GPU can be used here. Choose the device cpu, or install a CUDA build of PyTorch.")
    chosen = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    if precision == "auto":
        precision = "bf16" if supports_bf16(chosen) else "fp32"
    return Compute(chosen, torch.bfloat16 if precision == "bf16" else torch.float32)


def supports_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware, so that it is faster than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name)()) for name in checks if hasattr(torch.cpu, name))


def describe_device(device: torch.device) -> str:
    """For people: "GPU NVIDIA …, 24 GB" or "CPU, 8 threads"."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"GPU {properties.name}, {properties.total_memory / 1e9:.0f} GB"
    return f"CPU, {torch.get_num_threads()} threads"


def _require_known(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        raise UsageError(f"Unknown {what} {name!r}: choose one of {', '.join(known)}.")
