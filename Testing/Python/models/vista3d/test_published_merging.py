"""Merging of clicks with a mask against MONAI's own `connected_components_combine`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from clicked_balls import balls, full, ras, small_model
from monai.networks.nets.vista3d import VISTA3D
from monai_labelling import scikit_image_or_stand_in
from scipy import ndimage

from vistaseg.masks.boxed import Mask
from vistaseg.models.correction import VoxelClick, published_change
from vistaseg.models.recipe import Recipe
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

SIZE = (14, 12, 13)


@pytest.fixture(autouse=True, scope="module")
def labelling() -> Iterator[None]:
    with scikit_image_or_stand_in():
        yield


def blobs(generator: np.random.Generator) -> Mask:
    """Some connected parts, of which some are a voxel wide."""
    smooth = ndimage.gaussian_filter(generator.normal(size=SIZE), generator.uniform(0.6, 1.6))
    found: Mask = smooth > np.quantile(smooth, generator.uniform(0.5, 0.95))
    return found


def by_monai(before: Mask, answer: Mask, clicks: list[VoxelClick]) -> Mask:
    """The mask after the clicks, by the published rule; logits of ±5 stand for the masks."""
    logits = torch.from_numpy(np.where(before, 5.0, -5.0))[None, None]
    answered = torch.from_numpy(np.where(answer, 3.0, -3.0))[None, None]
    places = torch.tensor([[click.exact for click in clicks]], dtype=torch.float64)
    labels = torch.tensor([[int(click.positive) for click in clicks]])
    network = VISTA3D(torch.nn.Identity(), torch.nn.Identity(), torch.nn.Identity())
    merged = network.connected_components_combine(logits, answered, places, labels, torch.tensor([True]))
    found: Mask = (merged[0, 0] > 0).numpy()
    return found


def clicked(generator: np.random.Generator) -> VoxelClick:
    index = tuple(int(p) for p in generator.integers(0, SIZE))
    place = tuple(float(p) for p in np.clip(index + generator.uniform(-0.49, 0.49, 3), 0, np.array(SIZE) - 1))
    return VoxelClick(index, bool(generator.random() < 0.6), place)


@pytest.mark.parametrize("seed", range(200))
def test_random_sequences_of_clicks_change_a_mask_as_monai_does(seed: int) -> None:
    generator = np.random.default_rng(seed)
    mask = blobs(generator) if seed % 3 else np.zeros(SIZE, bool)
    clicks: list[VoxelClick] = []
    for _ in range(5):
        clicks.append(clicked(generator))
        answer = blobs(generator)
        expected = by_monai(mask, answer, clicks)
        mask = published_change(mask, answer, clicks)
        assert np.array_equal(mask, expected)


def test_the_two_rules_differ_on_such_sequences() -> None:
    """So that the comparison can fail."""
    generator, differing = np.random.default_rng(0), 0
    for _ in range(50):
        before, answer, click = blobs(generator), blobs(generator), clicked(generator)
        ours = interactive.touched_change(before, answer, [click])
        differing += not np.array_equal(ours, by_monai(before, answer, [click]))
    assert differing > 5


def clicked_session(merging: str) -> tuple[Session, str]:
    """A session with a click in a mask that the network does not recognise, under a rule, and the click's note."""
    model = small_model()
    model = replace(model, identity=replace(model.identity, recipe=Recipe(merging=merging)))
    volume = Volume.from_array(np.full((24, 26, 28), 40.0, np.float32), np.diag([3.0, 3.0, 3.0, 1.0]), axes="kji")
    session = Session(volume, model)
    given = np.zeros(volume.array.shape, bool)
    given[7:17, 7:17, 7:17] = True
    session.set_mask("a", given)
    with patch.object(interactive, "logits", balls):
        note = session.add(Point(ras(volume, (12, 12, 12)), positive=False), "a").note
    return session, note


def two_balls(merging: str) -> tuple[np.ndarray, str]:
    """The mask and the note after that click."""
    session, note = clicked_session(merging)
    return full(session, "a"), note


def test_a_session_of_the_published_rule_is_done_again_by_it() -> None:
    session, _ = clicked_session("published")
    with patch.object(interactive, "logits", balls):
        again = Session.replay(session.volume, list(session.models), session.as_dict())
    assert not full(again, "a").any()


def test_a_session_merges_by_the_rule_of_its_recipe() -> None:
    """MONAI's rule takes all of a mask away that the answer does not hold; ours doubts it, and takes what is near."""
    ours, note = two_balls("touched")
    published, silent_note = two_balls("published")
    assert not published.any() and silent_note == ""
    assert ours.sum() > 200 and "near the click" in note


def test_no_structure_is_followed_under_the_published_rule(
    network: VISTA3D, as_image: Callable[[np.ndarray], NetworkImage]
) -> None:
    from vistaseg.compute import Compute
    from vistaseg.models.vista3d.click_windows import ClickWindows
    from vistaseg.models.vista3d.interactive import ClickQuestion, PointBranch
    from vistaseg.models.vista3d.point_head import ClickTarget
    from vistaseg.progress import silent

    image = as_image(np.full((60, 16, 16), 0.5))
    encoded = ClickWindows(network, image, Compute(torch.device("cpu"), torch.float32), 0)
    question = ClickQuestion((VoxelClick((8, 8, 8), True),), ClickTarget(supported=True))
    found = {}
    with patch.object(interactive, "logits", lambda _h, _r, size, *_: torch.ones(size)):
        for merging in ("touched", "published"):
            branch = PointBranch(network, encoded, (16, 16, 16), image.size, merging)
            found[merging] = branch.answer(question, np.zeros(image.size, bool), silent).mask.sum()
    assert found == {"touched": 60 * 16 * 16, "published": 16**3}
