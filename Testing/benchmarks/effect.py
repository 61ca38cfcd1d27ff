"""What the Segment Editor effect adds to a model's own time: writing under the editor's rules, and a whole click.

Writing is measured on 117 structures in a 512 x 512 x 300 volume: each time one of them grows into its neighbours. The
click is one of the small bundled model, whose answer takes a fraction of a second, so that what is added shows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count, cycle
from typing import Any

import host
import numpy as np
from timing import in_turns, ratio, spread

from vistaseg.compute import choose_compute
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, MaskChange
from vistaseg.models.registry import load_model
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.prompts import Point
from vistaseg.segmentation import Segment
from vistaseg.session import Session
from vistaseg.volume import Volume
from vistaseg.workspace import SegmentReference, Workspace

STEP = 4
"""Voxels by which a structure moves into its neighbours from one write to the next."""
CLICKED_SHAPE_KJI = (128, 128, 128)
ROUNDS = 5
"""A click of the small model takes a tenth of a second, in which other work of the machine shows."""

CLICKED = [(0.0, 0.0, 0.0), (30.0, 10.0, -20.0), (-30.0, 25.0, 10.0), (5.0, -35.0, 20.0)]
"""In RAS mm; one after the other."""


def measure() -> dict[str, Any]:
    """`effect_write_ms`, `…_overwriting_ms`, `…_masked_ms`; `effect_click_vs_engine`, `effect_click_added_ms`."""
    host.start()
    import effect_case

    effect_case.register_effect()
    return measure_writing() | measure_clicks()


def measure_writing() -> dict[str, Any]:
    """Milliseconds of a write that changes 0.4 million voxels of one segment."""
    import slicer
    from effect_case import segment_editor
    from host.mrml_nodes import add_volume
    from SegmentEditorVistaSegLib.Writing import EffectWriter
    from slicer_scene import SHAPE_IJK, new_node, organs, taken_out

    slicer.mrmlScene.Clear(0)
    volume_node = add_volume(np.zeros(SHAPE_IJK[::-1], dtype=np.int16))
    result = taken_out(organs(), volume_from_node(volume_node)).result
    node, editor = new_node(), segment_editor.Editor("VistaSeg")
    ids = add_segments(node, result, volume_node)
    editor.choose(volume_node, node, ids[0])

    def writes(number: int, overwriting: int, masking: int) -> Callable[[], None]:
        target = SegmentReference(volume_node.GetID(), node.GetID(), ids[number])
        writer, steps = EffectWriter(editor.effect, target), count(1)

        def write() -> None:
            editor.node.SetOverwriteMode(overwriting)
            editor.node.SetMaskMode(masking)
            writer.apply(target.segment_id, _grown(result.segments[number], next(steps)))

        return write

    rules, everywhere = editor.node, node.EditAllowedEverywhere
    seconds = in_turns(
        {
            "write": writes(0, rules.OverwriteNone, everywhere),
            "overwriting write": writes(30, rules.OverwriteAllSegments, everywhere),
            "masked write": writes(60, rules.OverwriteAllSegments, node.EditAllowedOutsideVisibleSegments),
        }
    )
    editor.close()
    return {
        "effect_write_ms": _milliseconds(seconds["write"]),
        "effect_write_overwriting_ms": _milliseconds(seconds["overwriting write"]),
        "effect_write_masked_ms": _milliseconds(seconds["masked write"]),
    }


def _grown(segment: Segment, steps: int) -> MaskChange:
    box = segment.mask.box.shifted([STEP * steps] * 3)
    return MaskChange(BoxedMask(segment.mask.array, box), NO_VOXELS)


def measure_clicks() -> dict[str, Any]:
    """A click from the mouse to the segment as it is shown, against the same question to a session."""
    import slicer
    from effect_case import VIEW, Bench, segment_editor

    slicer.mrmlScene.Clear(0)
    model = load_model("demo", choose_compute())
    with segment_editor.square_view(VIEW) as view:
        bench = Bench(_body(), lambda _: model, view)
        session, places = Session(volume_from_node(bench.volumeNode), model), cycle(CLICKED)
        shown = cycle(CLICKED)

        def prepare() -> None:
            bench.editor.node.SetSelectedSegmentID(bench.add_segment("clicked"))
            bench.look_at(next(shown))
            slicer.app.processEvents()

        def click() -> None:
            bench.mouse.click((VIEW // 2, VIEW // 2))
            _wait_for_answer(bench.workspace)

        def ask() -> None:
            session.start(name := f"asked {len(session.segments)}")
            session.add(Point(next(places)), name)

        rounds = [in_turns({"prepare": prepare, "click": click, "engine": ask}) for _ in range(ROUNDS)]
        bench.editor.close()
    clicks, engine = (list(chain.from_iterable(each[name] for each in rounds)) for name in ("click", "engine"))
    added = [1000 * (ours - theirs) for ours, theirs in zip(clicks, engine, strict=True)]
    return {"effect_click_vs_engine": ratio(clicks, engine), "effect_click_added_ms": spread(added)}


def _wait_for_answer(workspace: Workspace) -> None:
    """Let the application's own event loop run, as it does while the user waits."""
    from PySide6.QtCore import QEventLoop

    loop = QEventLoop()
    stop = workspace.listen(lambda: loop.quit() if workspace.task is None else None)
    loop.exec()
    stop()


def _body() -> Volume:
    """Soft tissue in air, 2 mm voxels, with a brighter organ in the middle."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = 1.0 - np.array(CLICKED_SHAPE_KJI[::-1])
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in CLICKED_SHAPE_KJI), indexing="ij")
    from_middle = np.sqrt(sum(axis**2 for axis in axes))
    hu = np.select([from_middle < 0.35, from_middle < 0.9], [130, 40], -1000).astype(np.int16)
    return Volume.from_array(hu, affine, axes="kji", name="body", modality="CT")


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    return spread([1000 * value for value in seconds])
