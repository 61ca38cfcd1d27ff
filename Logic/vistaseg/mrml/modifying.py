"""Many changes of a node as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def one_modification(node: Any) -> Iterator[None]:
    """Whoever watches the node is told once, at the end."""
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)
