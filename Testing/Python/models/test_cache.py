"""What is kept stays within its budget, and what was used last stays longest."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.models.cache import TensorCache


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), max_size=30))
def test_the_budget_holds_and_what_is_kept_is_what_was_computed(budget, asked) -> None:
    cache: TensorCache[tuple[int, int]] = TensorCache(budget)
    for key in asked:
        found = cache.get(key, lambda key=key: torch.full((key[1],), key[0], dtype=torch.float32))
        assert found.tolist() == [key[0]] * key[1]
        assert cache.held_bytes <= budget
        assert cache.keys[:1] == ((key,) if found.nbytes <= budget else cache.keys[:1])


def test_the_least_recently_used_leaves_first() -> None:
    cache: TensorCache[str] = TensorCache(8)
    computed: list[str] = []

    def ask(key: str) -> None:
        cache.get(key, lambda: computed.append(key) or torch.zeros(1))

    for key in "abacab":
        ask(key)
    assert computed == ["a", "b", "c", "b"]
    cache.clear()
    assert cache.held_bytes == 0 and cache.keys == ()
