"""Several changes of a node as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def one_modification(node: Any) -> Iterator[None]:
    """Observers of the node hear once of each kind of change, at the end.

    Each telling costs an application with views some milliseconds, and as many again to draw.
    """
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)
