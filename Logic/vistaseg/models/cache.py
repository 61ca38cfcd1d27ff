"""What was computed and may be needed again, within a budget of memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from torch import Tensor

Key = TypeVar("Key", bound=Hashable)


class TensorCache(Generic[Key]):
    """Tensors by a key that holds everything they depend on; the least recently used leave first.

    Args:
        budget: bytes that kept tensors may take.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[Key, Tensor] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Memory of what is kept."""
        return sum(kept.nbytes for kept in self._kept.values())

    @property
    def keys(self) -> tuple[Key, ...]:
        """What is kept, the last used first."""
        return tuple(reversed(self._kept))

    def get(self, key: Key, compute: Callable[[], Tensor]) -> Tensor:
        """The tensor of a key, computed where it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = compute()
        self.hold(key, found)
        return found

    def hold(self, key: Key, found: Tensor) -> None:
        """Keep what was computed, as far as the budget goes."""
        if found.nbytes > self._budget:
            return
        self._kept[key] = found
        while self.held_bytes > self._budget:
            self._kept.popitem(last=False)

    def has_room_for(self, needed: int) -> bool:
        """Whether so many bytes more could be kept without anything leaving."""
        return self.held_bytes + needed <= self._budget

    def clear(self) -> None:
        """Release what is kept."""
        self._kept.clear()
