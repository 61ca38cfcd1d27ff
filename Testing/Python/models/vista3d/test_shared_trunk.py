"""An automatic pass that prepares clicks by the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.networks.nets.vista3d import VISTA3D

from vistaseg.compute import Compute
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.classify import ClassQuestion
from vistaseg.models.vista3d.click_windows import ClickWindows, deepest_window
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.features import needed_bytes
from vistaseg.models.vista3d.interactive import PointBranch
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.windows import plan_windows
from vistaseg.progress import silent
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

ORGANS = ClassQuestion((1, 3, 5))
ENOUGH = 1 << 24
WINDOW_BYTES = 8 * 8**3 * 4


@pytest.fixture
def image(as_image: Callable[[np.ndarray], NetworkImage]) -> NetworkImage:
    return as_image(np.random.default_rng(7).random((40, 23, 16)))


@pytest.fixture
def branch(
    network: VISTA3D, small: Vista3dConfiguration, image: NetworkImage, compute: Compute
) -> Callable[[], AutomaticBranch]:
    return lambda: AutomaticBranch(network, small, image, compute, 0)


@pytest.fixture
def passes(network: VISTA3D) -> Iterator[list[int]]:
    """One entry for every pass through the encoder."""
    calls: list[int] = []
    hook = network.image_encoder.register_forward_hook(lambda *_: calls.append(1))
    yield calls
    hook.remove()


def test_preparing_clicks_changes_no_label_and_gives_what_clicks_encode_themselves(
    network: VISTA3D, image: NetworkImage, compute: Compute, branch: Callable[[], AutomaticBranch], passes: list[int]
) -> None:
    plain = branch().answer(ORGANS, None, silent)
    windows = len(passes)
    prepared = ClickWindows(network, image, compute, ENOUGH)
    with_clicks = branch().answer(ORGANS, None, silent, prepared)
    assert len(passes) == 2 * windows, "one pass a window does for both"
    np.testing.assert_array_equal(with_clicks.labels, plain.labels)
    alone = ClickWindows(network, image, compute, 0)
    assert len(prepared.windows) == windows
    for window in prepared.windows:
        torch.testing.assert_close(prepared.reduced(window), alone.reduced(window), atol=1e-5, rtol=0)


def test_a_click_anywhere_after_it_encodes_nothing(
    network: VISTA3D,
    small: Vista3dConfiguration,
    image: NetworkImage,
    compute: Compute,
    branch: Callable[[], AutomaticBranch],
    passes: list[int],
) -> None:
    prepared = ClickWindows(network, image, compute, ENOUGH)
    branch().answer(ORGANS, None, silent, prepared)
    passes.clear()
    clicking = PointBranch(network, prepared, small.window, image.size)
    for index in np.random.default_rng(3).integers(0, image.size, (20, 3)).tolist():
        clicking.encode(tuple(index), silent)
    assert not passes


def test_no_window_leaves_for_one_that_is_prepared_by_the_way(
    network: VISTA3D, image: NetworkImage, compute: Compute, branch: Callable[[], AutomaticBranch]
) -> None:
    kept = ClickWindows(network, image, compute, 3 * WINDOW_BYTES)
    own = VoxelBox((3, 3, 0), (19, 19, 16))
    kept.reduced(own)
    branch().answer(ORGANS, None, silent, kept)
    assert own in kept.windows
    assert len(kept.windows) == 3
    assert kept.held_bytes == 3 * WINDOW_BYTES


def test_windows_that_a_limit_of_memory_made_smaller_are_none_to_click_in(
    network: VISTA3D, small: Vista3dConfiguration, compute: Compute
) -> None:
    """A session in which one was clicked in could not be done again without the limit."""
    voxels = np.random.default_rng(1).uniform(-200, 300, (30, 30, 30)).astype(np.float32)
    volume = Volume.from_array(voxels, np.diag([1.5, 1.5, 1.5, 1.0]), axes="kji")
    plan = plan_windows((30, 30, 30), Vista3dConfiguration(window=(8, 8, 8)))
    limit = needed_bytes(plan, small.features)
    model = Vista3d(network, small, compute, ModelIdentity("small", "Small", ""), 0, ENOUGH, limit)
    session = Session(volume, model)
    made = session.segment(model.class_ids, prepare_clicks=True)
    assert made.segments[0].provenance["window"] == [8, 8, 8]
    session.start("a")
    session.add(Point((20.0, 20.0, 20.0)), "a")
    again = Session.replay(volume, [model], session.as_dict())
    assert session.as_dict()["segments"][0]["steps"][0]["record"]["size"] == [16, 16, 16]
    assert again.result("a").mask.equals(session.result("a").mask)


@given(
    size=st.tuples(*[st.integers(5, 70)] * 3),
    place=st.tuples(*[st.floats(0, 1, exclude_max=True)] * 3),
)
def test_every_voxel_is_well_inside_a_window_of_the_automatic_pass(
    size: tuple[int, int, int], place: tuple[float, float, float]
) -> None:
    configuration = Vista3dConfiguration(window=(16, 16, 16))
    index = [int(p * n) for p, n in zip(place, size, strict=True)]
    window = deepest_window(index, plan_windows(size, configuration).windows, size)
    assert window is not None
    assert all(a <= p < b for p, a, b in zip(index, window.start, window.stop, strict=True))
