"""How much memory there is, and what to say when it runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psutil
import torch

from vistaseg.errors import MemoryLimitError

T = TypeVar("T")

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
    except (MemoryError, RuntimeError) as error:
        if not _is_failed_allocation(error):
            raise
        raise _limit(what) from error


def with_second_try(work: Callable[[], T], make_room: Callable[[], None]) -> T:
    """The result of some work, which is done once more after `make_room` where memory runs out.

    Args:
        work: leaves everything as it was when it fails.

    Raises:
        Exception: what the work raises; of the second try where memory runs out again.
    """
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not _is_failed_allocation(error):
            raise
    # Only here is the first error gone, and with it what its traceback held on to.
    make_room()
    return work()


def _is_failed_allocation(error: MemoryError | RuntimeError) -> bool:
    # PyTorch's CPU allocator has no exception of its own.
    known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return known or any(text in str(error).lower() for text in _ALLOCATION_FAILED)


def _limit(what: str) -> MemoryLimitError:
    return MemoryLimitError(
        f"Memory ran out during {what}. Close other programs, or choose a smaller region of interest."
    )
