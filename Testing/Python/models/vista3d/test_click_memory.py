"""Memory of clicks: what runs out is made room for once, and what is kept stays within its budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import pytest
import torch
from monai.networks.nets.vista3d import VISTA3D

from vistaseg.compute import Compute
from vistaseg.errors import MemoryLimitError
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.masks.boxed import Mask
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.click_windows import ClickWindows, centred_window
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.interactive import ClickQuestion, PointBranch
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.progress import silent

AsImage = Callable[[np.ndarray], NetworkImage]
Clicked = tuple[ClickWindows, PointBranch, Index]

FAILED_ALLOCATIONS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to"),
    MemoryError(),
]


def rods(
    head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
) -> Any:
    """Stands in for the point head: a rod along x through the last click."""
    found = torch.full(tuple(size), -1.0)
    _, y, z = clicks[-1].index
    found[:, y, z] = 1.0
    return found


@pytest.fixture
def clicked(network: VISTA3D, small: Vista3dConfiguration, compute: Compute, as_image: AsImage) -> Clicked:
    """An image in which a window is kept already, away from the rod."""
    image = as_image(np.random.default_rng(0).random((40, 40, 20)))
    windows = ClickWindows(network, image, compute, 10**8)
    branch = PointBranch(network, windows, small.window, image.size)
    branch.encode((30, 32, 10), silent)
    return windows, branch, image.size


def failing(real: Callable[..., Any], *failures: BaseException | None) -> Callable[..., Any]:
    """The real function, which fails in its first calls where a failure is given."""
    left = list(failures)

    def call(*arguments: Any, **options: Any) -> Any:
        failure = left.pop(0) if left else None
        if failure is not None:
            raise failure
        return real(*arguments, **options)

    return call


def rod(clicked: Clicked) -> Mask:
    """The answer to a click, which is followed through all of the image."""
    _, branch, size = clicked
    question = ClickQuestion((VoxelClick((5, 10, 10), True),), ClickTarget(supported=True))
    return branch.answer(question, np.zeros(size, bool), silent).mask


@pytest.mark.parametrize("error", FAILED_ALLOCATIONS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["encoding", "head"])
@pytest.mark.parametrize("window", [0, 1, 2])
def test_a_click_that_runs_out_of_memory_is_answered_without_what_was_kept(
    clicked: Clicked, error: BaseException, step: str, window: int
) -> None:
    """In its own window, and in those that the structure is followed through."""
    windows, _, size = clicked
    kept = windows.windows
    failures = [None] * window + [error]
    with (
        patch.object(windows, "_encode", failing(windows._encode, *(failures if step == "encoding" else ()))),
        patch.object(interactive, "logits", failing(rods, *(failures if step == "head" else ()))),
    ):
        found = rod(clicked)
    expected = np.zeros(size, bool)
    expected[:, 10, 10] = True
    assert np.array_equal(found, expected)
    assert not set(kept) & set(windows.windows)


def test_memory_that_stays_short_is_told_and_leaves_the_mask(clicked: Clicked) -> None:
    windows, branch, size = clicked
    before = np.zeros(size, bool)
    before[3, 3, 3] = True
    question = ClickQuestion((VoxelClick((5, 10, 10), True),), ClickTarget(supported=True))
    short = failing(rods, torch.OutOfMemoryError("first"), torch.OutOfMemoryError("second"))
    with patch.object(interactive, "logits", short), pytest.raises(MemoryLimitError, match="answer to a click"):
        branch.answer(question, before, silent)
    assert before.sum() == 1
    with patch.object(interactive, "logits", rods):
        assert rod(clicked).any()


def test_a_preparation_that_runs_out_of_memory_makes_room_too(clicked: Clicked) -> None:
    windows, branch, _ = clicked
    with patch.object(windows, "_encode", failing(windows._encode, torch.OutOfMemoryError())):
        branch.encode((5, 10, 10), silent)
    assert len(windows.windows) == 1
    short = failing(windows._encode, torch.OutOfMemoryError(), torch.OutOfMemoryError())
    with patch.object(windows, "_encode", short), pytest.raises(MemoryLimitError, match="preparation of a click"):
        branch.encode((30, 32, 10), silent)


def test_another_failure_is_not_tried_again(clicked: Clicked) -> None:
    windows, _, _ = clicked
    kept = windows.windows
    wrong = failing(rods, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with patch.object(interactive, "logits", wrong), pytest.raises(RuntimeError, match="mat1"):
        rod(clicked)
    assert set(kept) <= set(windows.windows)


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Windows so small take longer with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_one_thread")
def test_two_hundred_clicks_all_over_a_scan_take_no_more_memory_than_fifty(as_image: AsImage, compute: Compute) -> None:
    """The windows clicked in would take ten times the budget, and 59 MB more after 200 clicks than after 50."""
    budget, margin = 8 * 10**6, 24 * 10**6
    configuration = Vista3dConfiguration(width=8, features=24, blocks_down=(1, 1), window=(32, 32, 32))
    image = as_image(np.random.default_rng(0).random((256, 256, 300), np.float32))
    torch.manual_seed(1)
    network = build_network(configuration).requires_grad_(False)
    windows = ClickWindows(network, image, compute, budget)
    branch = PointBranch(network, windows, configuration.window, image.size)
    nothing, resident, found = np.zeros(image.size, bool), [], 0
    asked: set[VoxelBox] = set()
    for place in np.random.default_rng(2).integers(0, image.size, (200, 3)):
        click = VoxelClick(tuple(int(p) for p in place), positive=True)
        window = centred_window(click.index, configuration.window, image.size)
        # What is not let near the border of the window is not followed: one window a click.
        limit = VoxelBox(tuple(p + 1 for p in window.start), tuple(p - 1 for p in window.stop))
        answer = branch.answer(ClickQuestion((click,), ClickTarget(True), limit), nothing, silent)
        found += int(answer.mask[window.slices].sum())
        asked.add(answer.window)
        assert windows.held_bytes <= budget
        resident.append(psutil.Process().memory_info().rss)
    assert len(asked) * windows.reduced(answer.window).nbytes > 9 * budget
    assert found > 10**5
    # Means, for what is free and not yet given back to the system comes and goes.
    assert np.mean(resident[180:]) - np.mean(resident[30:50]) < margin
