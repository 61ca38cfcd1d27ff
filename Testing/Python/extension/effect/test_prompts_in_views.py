"""What the mouse does in slice views, and what is shown there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from host.mrml_nodes import add_scan
from panel_case import red_view

from vistaseg.mrml.transforms import to_local, to_world
from vistaseg.prompts import Point, RegionOfInterest

NORMALS = [
    ((0, 0, 1), (0, 1, 0)),
    ((1, 0, 0), (0, 0, 1)),
    ((0, 0.6, 0.8), (1, 0, 0)),
    ((0.36, 0.48, 0.8), (0.8, -0.6, 0)),
]


def asked(bench: Any, name: str = "a") -> tuple[Any, ...]:
    bench.finish()
    return bench.workspace.prompts(bench.target(name))


def turn(bench: Any, *nodes: Any) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Turned")
    c, s = np.cos(0.5), np.sin(0.5)
    matrix = np.array([[c, -s, 0, 12], [s, c, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1.0]])
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    for node in nodes:
        node.SetAndObserveTransformNodeID(transform.GetID())


@pytest.mark.parametrize(("normal", "up"), NORMALS)
def test_a_click_segments_what_is_under_it_in_any_orientation(bench: Any, normal: Any, up: Any) -> None:
    turn(bench, bench.volumeNode, bench.segmentationNode)
    place = to_world(bench.volumeNode, (40.0, 10.0, -20.0))
    bench.look_at(place, normal, up)
    bench.mouse.click((200, 200))
    (prompt,) = asked(bench)
    assert prompt.ras == pytest.approx((40.0, 10.0, -20.0), abs=1.0) and prompt.positive
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))
    assert bench.texts() == []


def test_a_click_on_a_volume_that_alone_is_under_a_transform(bench: Any) -> None:
    turn(bench, bench.volumeNode)
    bench.mouse.click(bench.at("right"))
    bench.finish()
    wanted = bench.region(300, 300)
    assert 2 * (bench.mask("a") & wanted).sum() / (bench.mask("a").sum() + wanted.sum()) > 0.9


@pytest.mark.parametrize("how", ["ctrl", "toggle"])
def test_ctrl_or_the_minus_button_removes(bench: Any, how: str) -> None:
    bench.mouse.click(bench.at("body"))
    bench.finish()
    before = bench.mask("a")
    if how == "toggle":
        bench.ui.removeButton.setChecked(True)
    bench.mouse.click((250, 200), ctrl=how == "ctrl")
    assert [prompt.positive for prompt in asked(bench)] == [True, False]
    assert before.any() and not bench.mask("a").any()


def test_a_hand_that_trembles_still_clicks(bench: Any) -> None:
    x, y = bench.at("right")
    bench.mouse.drag((x, y), (x + 2, y - 1), (x + 1, y + 1))
    assert isinstance(asked(bench)[0], Point)


def test_dragging_draws_a_box_as_deep_as_its_shorter_side(bench: Any) -> None:
    place = to_world(bench.volumeNode, (40.0, 10.0, -20.0))
    bench.look_at(place)
    bench.mouse.drag((160, 180), (200, 190), (240, 220))
    (box,) = asked(bench)
    sizes = np.subtract(box.high, box.low)
    assert isinstance(box, RegionOfInterest)
    assert sizes == pytest.approx([80, 40, 40], abs=1.5)
    assert np.add(box.high, box.low)[2] / 2 == pytest.approx(-20, abs=0.1)


def test_a_box_in_a_tilted_view_holds_what_was_drawn_around(bench: Any) -> None:
    normal, up = NORMALS[3]
    bench.look_at(to_world(bench.volumeNode, (0.0, 0.0, 0.0)), normal, up)
    bench.mouse.drag((180, 170), (230, 225))
    (box,) = asked(bench)
    plane = slicer.util.arrayFromVTKMatrix(bench.sliceNode.GetXYToRAS())
    for corner in ((180, 170), (230, 225), (180, 225), (230, 170)):
        world = plane @ (*corner, 0, 1)
        assert box.holds(to_local(bench.volumeNode, tuple(world[:3])))


def test_a_negative_box_is_explained(bench: Any) -> None:
    bench.at("right")
    bench.mouse.drag((180, 180), (220, 220), ctrl=True)
    assert asked(bench) == ()
    assert "Scribble" in bench.texts()[-1]


def test_a_scribble_is_a_few_points_along_it_and_one_step_to_undo(bench: Any) -> None:
    bench.at("body")
    bench.ui.scribbleButton.setChecked(True)
    bench.mouse.drag(*[(170 + step, 200 + step // 4) for step in range(60)])
    prompts = asked(bench)
    places = np.array([prompt.ras for prompt in prompts])
    assert 2 <= len(prompts) <= 6 and all(prompt.positive for prompt in prompts)
    assert np.ptp(np.diff(places[:, 0])) < 0.5
    assert bench.mask("a").any()
    bench.editor.undo()
    assert asked(bench) == () and not bench.mask("a").any()


def test_a_negative_scribble_removes(bench: Any) -> None:
    bench.mouse.click(bench.at("body"))
    bench.finish()
    bench.ui.scribbleButton.setChecked(True)
    bench.mouse.drag((180, 200), (200, 200), (220, 210), ctrl=True)
    assert not any(prompt.positive for prompt in asked(bench)[1:])


def test_a_name_is_a_prompt(bench: Any) -> None:
    bench.ui.textLine.text = "  spleen "
    bench.ui.textButton.click()
    bench.finish()
    assert np.array_equal(bench.mask("a"), bench.region(250, 350))
    assert bench.ui.textLine.text == ""


def test_prompts_are_drawn_where_they_are_and_only_near_their_slice(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    assert bench.lines() == 4
    r, a, s = to_world(bench.volumeNode, (40.0, 10.0, -20.0))
    bench.look_at((r, a, s + 20))
    bench.effect.processViewNodeEvents(bench.sliceNode, 0, bench.view)
    assert bench.lines() == 0


def test_a_picked_prompt_can_be_deleted(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    bench.mouse.click((210, 208))
    bench.finish()
    assert len(asked(bench)) == 2
    bench.mouse.click((211, 207))
    assert bench.ui.deleteButton.enabled and "[+]" in bench.ui.promptsLabel.text
    assert bench.mouse.key("Delete")
    assert len(asked(bench)) == 1 and not bench.ui.deleteButton.enabled
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))


def test_a_box_is_picked_at_its_border(bench: Any) -> None:
    bench.at("right")
    bench.mouse.drag((180, 180), (220, 220))
    bench.finish()
    bench.mouse.click((180, 200))
    bench.ui.deleteButton.click()
    assert asked(bench) == ()


def test_keys_and_buttons_of_the_editor_are_left_alone(bench: Any) -> None:
    at = bench.at("right")
    for key in ("q", "w", "z", "y", "Escape", "space", "1", "i", "Left", "Delete"):
        assert not bench.mouse.offer("KeyPress", key=key)
    for name in ("RightButtonPress", "MiddleButtonPress", "MouseWheelForward", "Enter", "Leave", "MouseMove"):
        assert not bench.mouse.offer(name, at)
    assert not bench.mouse.offer("LeftButtonPress", at, shift=True)
    assert asked(bench) == ()


def test_nothing_happens_in_a_3d_view(bench: Any) -> None:
    assert not bench.mouse.offer_in_3d("LeftButtonPress")
    assert asked(bench) == ()


def test_prompts_can_be_cleared(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    bench.ui.clearButton.click()
    assert asked(bench) == () and not bench.mask("a").any()


def test_a_click_outside_the_body_is_explained(bench: Any) -> None:
    bench.look_at(to_world(bench.volumeNode, (90.0, 80.0, 0.0)))
    bench.mouse.click((200, 200))
    bench.finish()
    assert "outside the body" in bench.texts()[-1]
    assert not bench.mask("a").any()


def test_a_click_in_a_view_of_another_scan_is_refused_with_the_way_out(bench: Any) -> None:
    """A click − in it would take voxels off a segment that the view does not show."""
    bench.mouse.click(bench.at("right"))
    bench.finish()
    before = bench.mask("a")
    other = add_scan(bench.volume)
    other.SetName("Other CT")
    composite = red_view()[1]
    composite.SetBackgroundVolumeID(other.GetID())
    bench.mouse.click(bench.at("right"), ctrl=True)
    assert len(asked(bench)) == 1 and before.any() and np.array_equal(bench.mask("a"), before)
    assert bench.texts()[-1] == (
        "The view shows Other CT, and CT is segmented: nothing was asked. Choose Other CT as the volume, or show CT in "
        "the view."
    )
    composite.SetBackgroundVolumeID(bench.volumeNode.GetID())
    bench.mouse.click(bench.at("body"))
    assert len(asked(bench)) == 2
