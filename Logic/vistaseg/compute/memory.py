"""How much memory there is, and what to say when it runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

from vistaseg.errors import MemoryLimitError

_ALLOCATION_FAILED = ("can't allocate memory", "not enough memory", "out of memory")


def available_bytes(device: torch.device) -> int:
    """Bytes that can be allocated on the device now."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


@contextmanager
def memory_guard(what: str) -> Iterator[None]:
    """Turn a failed allocation inside the block into a MemoryLimitError that says what to do.

    Args:
        what: the work that needed the memory, for the message.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _limit(what) from error
    except RuntimeError as error:
        # PyTorch's CPU allocator has no exception of its own.
        if not any(text in str(error).lower() for text in _ALLOCATION_FAILED):
            raise
        raise _limit(what) from error


def _limit(what: str) -> MemoryLimitError:
    return MemoryLimitError(
        f"Memory ran out during {what}. Close other programs, or choose a smaller region of interest."
    )
