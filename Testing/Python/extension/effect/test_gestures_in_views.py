"""What the mouse does in slice views."""

from __future__ import annotations

from typing import Any

import numpy as np


def test_a_click_segments_what_is_under_it(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    assert bench.texts() == []
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))
