from __future__ import annotations

import weakref

import numpy as np
import psutil
import pytest
import torch

from vistaseg.compute import available_bytes, memory_guard, with_second_try
from vistaseg.errors import MemoryLimitError, UsageError

CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
WINDOWS_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to"


FAILED_ALLOCATIONS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError(CPU_ALLOCATOR),
    RuntimeError(WINDOWS_ALLOCATOR),
    RuntimeError("CUDA error: out of memory"),
]
OTHER_ERRORS = [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("no"), UsageError("no")]


class Failing:
    """Work that fails the first times, and keeps what it was done with and what made room for it."""

    def __init__(self, *errors):
        self.errors, self.done = list(errors), []

    def work(self):
        self.done.append("work")
        if self.errors:
            raise self.errors.pop(0)
        return "result"

    def make_room(self):
        self.done.append("room")


@pytest.mark.parametrize("error", FAILED_ALLOCATIONS)
def test_a_failed_allocation_becomes_one_error_that_says_what_to_do(error):
    with pytest.raises(MemoryLimitError, match="ran out during the test.*smaller region") as caught, guarded():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", OTHER_ERRORS)
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


@pytest.mark.parametrize("error", FAILED_ALLOCATIONS)
def test_work_that_ran_out_of_memory_is_done_again_when_there_is_room(error):
    failing = Failing(error)
    assert with_second_try(failing.work, failing.make_room) == "result"
    assert failing.done == ["work", "room", "work"]


def test_work_is_not_done_a_third_time():
    failing = Failing(MemoryError("first"), MemoryError("second"))
    with pytest.raises(MemoryError, match="second"):
        with_second_try(failing.work, failing.make_room)
    assert failing.done == ["work", "room", "work"]


@pytest.mark.parametrize("error", OTHER_ERRORS)
def test_work_that_fails_for_another_reason_is_not_done_again(error):
    failing = Failing(error)
    with pytest.raises(type(error)):
        with_second_try(failing.work, failing.make_room)
    assert failing.done == ["work"]


def test_what_the_first_try_held_is_let_go_before_the_second():
    held = []

    def work():
        tensor = torch.zeros(10)
        held.append(weakref.ref(tensor))
        if len(held) == 1:
            raise torch.OutOfMemoryError
        return [at() is None for at in held]

    with_room = with_second_try(work, lambda: held.append(held[0]))
    assert with_room == [True, True, False]


def test_free_memory_of_the_processor_is_that_of_the_machine():
    assert 0 < available_bytes(torch.device("cpu")) <= psutil.virtual_memory().total


def guarded():
    return memory_guard("the test")
