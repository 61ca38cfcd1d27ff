"""Where and how a model computes: device, precision, memory."""

from vistaseg.compute.budget import DEFAULT_BUDGET, MemoryBudget
from vistaseg.compute.device import Compute, choose_compute, describe_device, supports_bf16
from vistaseg.compute.memory import available_bytes, memory_guard, with_second_try

__all__ = [
    "DEFAULT_BUDGET",
    "Compute",
    "MemoryBudget",
    "available_bytes",
    "choose_compute",
    "describe_device",
    "memory_guard",
    "supports_bf16",
    "with_second_try",
]
