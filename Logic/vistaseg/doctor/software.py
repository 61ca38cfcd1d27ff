"""Versions, device, memory, and combinations that are known to be bad."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from vistaseg import __version__
from vistaseg.doctor.report import FAILED, NOTE, OK, Check

if TYPE_CHECKING:
    from vistaseg.compute import Compute

PACKAGES = ("torch", "monai", "numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "safetensors", "huggingface_hub")
LEAST_BYTES = 4_000_000_000
"""Memory that one window of 128³ takes at its peak, of either published model."""

FIXED_CUDNN = 91500


def software_checks(compute: Compute) -> Iterator[Check]:
    """Of this process and of the device that it would compute on."""
    import torch

    from vistaseg.compute import available_bytes, describe_device

    versions = {"vistaseg": __version__, "python": sys.version.split()[0], **_versions()}
    where = {"system": platform.system(), "machine": platform.machine(), "cuda": torch.version.cuda}
    yield Check("software", OK, ", ".join(f"{name} {number}" for name, number in versions.items()), versions | where)
    device = describe_device(compute.device)
    used = {"device": compute.device.type, "name": device, "precision": compute.precision}
    yield Check("device", OK, f"{device}, {compute.precision}.", used)
    free = available_bytes(compute.device)
    text = f"{free / 1e9:.1f} GB are free on the device; a window takes up to {LEAST_BYTES / 1e9:.0f} GB."
    yield Check("memory", OK if free >= LEAST_BYTES else NOTE, text, {"free_bytes": free})
    yield known_combination(str(torch.__version__), _cudnn(compute), compute.precision)


def known_combination(torch_version: str, cudnn: int | None, precision: str) -> Check:
    """Whether a PyTorch and its cuDNN are known to convolve volumes badly (pytorch#166122, #166643, #163539).

    Args:
        cudnn: as `torch.backends.cudnn.version()` gives it, 91002 for 9.10.2; None where none is used.
    """
    values = {"torch": torch_version, "cudnn": cudnn}
    if torch_version.startswith("2.9.") and cudnn is not None and cudnn < FIXED_CUDNN:
        wrong = " and may be wrong without a word" if precision == "bf16" else ""
        text = (
            f"PyTorch {torch_version} with cuDNN {cudnn} convolves volumes slowly, takes much memory{wrong}. Install "
            "PyTorch 2.10 or later, or cuDNN 9.15 or later."
        )
        return Check("combination", FAILED, text, values)
    return Check("combination", OK, "No bad combination of PyTorch and cuDNN is known here.", values)


def _cudnn(compute: Compute) -> int | None:
    import torch

    if compute.device.type != "cuda":
        return None
    version: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return version


def _versions() -> dict[str, Any]:
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
