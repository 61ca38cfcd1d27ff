"""Where and how a model computes: device, precision, memory."""

from vistaseg.compute.device import Compute, choose_compute, describe_device, supports_bf16
from vistaseg.compute.memory import available_bytes, memory_guard

__all__ = ["Compute", "available_bytes", "choose_compute", "describe_device", "memory_guard", "supports_bf16"]
