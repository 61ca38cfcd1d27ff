from __future__ import annotations

import numpy as np
import psutil
import pytest
import torch

from vistaseg.compute import available_bytes, memory_guard
from vistaseg.errors import MemoryLimitError, UsageError

CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
WINDOWS_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(CPU_ALLOCATOR),
        RuntimeError(WINDOWS_ALLOCATOR),
        RuntimeError("CUDA error: out of memory"),
    ],
)
def test_a_failed_allocation_becomes_one_error_that_says_what_to_do(error):
    with pytest.raises(MemoryLimitError, match="ran out during the test.*smaller region") as caught, guarded():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("no"), UsageError("no")]
)
def test_any_other_error_passes_as_it_is(error):
    with pytest.raises(type(error)) as caught, guarded():
        raise error
    assert caught.value is error


def test_real_allocators_are_understood():
    with pytest.raises(MemoryLimitError), guarded():
        torch.empty(2**58, dtype=torch.uint8)
    with pytest.raises(MemoryLimitError), guarded():
        np.empty(2**58, dtype=np.uint8)


def test_within_another_guard_the_first_message_stays():
    with pytest.raises(MemoryLimitError, match="during the inner"), guarded(), memory_guard("the inner"):
        raise MemoryError


def test_free_memory_of_the_processor_is_that_of_the_machine():
    assert 0 < available_bytes(torch.device("cpu")) <= psutil.virtual_memory().total


def guarded():
    return memory_guard("the test")
