"""Writing into a segmentation node of a 512 x 512 x 300 volume: 117 structures, taking them away again, and a click.

It begins with the label map that a model gives: the structures are taken out of it in the worker's thread, and put into
the node in the main one. Both are timed together, and the main thread on its own.

The usual way is `slicer.util.updateSegmentBinaryLabelmapFromArray`, a segment at a time. It is timed on a few
segments, whose full-size arrays are ready, and scaled to 117: it takes the same time for each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, product
from typing import Any

import numpy as np
import slicer
import slicer.util
from host.mrml_nodes import add_volume
from host.mrml_scene import set_up
from timing import in_turns, ratio, spread

from vistaseg.catalog import everything, structures
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, MaskChange
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.removing import WatchedSegmentations
from vistaseg.mrml.sharing import release_labelmaps
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume
from vistaseg.workspace.automatic import Sealed, put, sealed

SHAPE_IJK = (512, 512, 300)
COUNT = 117
NAIVE_COUNT = 4
CELLS_PER_AXIS = 5
PROVENANCE = {"algorithm_type": "AUTOMATIC", "algorithm_name": "VISTA3D", "model": "vista3d"}


def organs() -> np.ndarray:
    """(k, j, i) uint8: ellipsoids with the ids of 117 structures, in the cells of a 5 x 5 x 5 division."""
    labels = np.zeros(SHAPE_IJK[::-1], dtype=np.uint8)
    size = np.array(labels.shape) // CELLS_PER_AXIS
    k, j, i = (np.linspace(-1, 1, int(n)) for n in size)
    mask = k[:, None, None] ** 2 + j[:, None] ** 2 + i**2 <= 1
    for structure_id, cell in zip(everything(), product(range(CELLS_PER_AXIS), repeat=3), strict=False):
        labels[tuple(slice(n * side, (n + 1) * side) for n, side in zip(cell, size, strict=True))][mask] = structure_id
    return labels


def taken_out(labels: np.ndarray, volume: Volume) -> Sealed:
    """What the worker's thread makes of a label map (k, j, i): named and coded segments, each with its seal."""
    table = {structure.id: structure for structure in structures()}
    return sealed(Segmentation.from_label_map(labels, volume.ijk_to_ras, table, provenance=PROVENANCE), volume)


def new_node() -> Any:
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")


def naive_writer(result: Segmentation, volume_node: Any) -> Callable[[], None]:
    """Writes the first few segments the usual way."""
    few = result.segments[:NAIVE_COUNT]
    arrays = [result.full_mask(segment).astype(np.uint8) for segment in few]

    def write() -> None:
        node = new_node()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        for segment, array in zip(few, arrays, strict=True):
            name = node.GetSegmentation().AddEmptySegment("", segment.name)
            slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, name, volume_node)
        slicer.mrmlScene.RemoveNode(node)

    return write


def write_117(made: Sealed, volume_node: Any) -> None:
    """What the main thread does; a new node each time."""
    node = new_node()
    put(node, made, volume_node)
    release_labelmaps(node)
    slicer.mrmlScene.RemoveNode(node)


def measure_removal(result: Segmentation, volume_node: Any) -> dict[str, list[float]]:
    """Seconds of undo and redo of an automatic result, of removing all its segments, and of removing its node."""
    watched = WatchedSegmentations(slicer.mrmlScene)
    undone, emptied = new_node(), new_node()
    editing, doomed = SegmentEditing(undone, volume_node), []

    def fill(node: Any) -> None:
        with watched.changing(node):
            add_segments(node, result, volume_node)

    def fill_both() -> None:
        doomed.append(new_node())
        fill(doomed[0])
        fill(emptied)

    with editing.step():
        fill(undone)
    seconds = in_turns(
        {
            "undo": editing.undo,
            "redo": editing.redo,
            "fill": fill_both,
            "remove segments": emptied.GetSegmentation().RemoveAllSegments,
            "remove node": lambda: slicer.mrmlScene.RemoveNode(doomed.pop()),
        }
    )
    watched.close()
    return seconds


def clicks_on(segment: Segment) -> Any:
    """Changes of the size of an organ, to and fro: a shift by some voxels is added, then taken away."""
    mask = BoxedMask(segment.mask.array, segment.mask.box.shifted((6, 6, 6)))
    return cycle([MaskChange(mask, NO_VOXELS), MaskChange(NO_VOXELS, mask)])


def measure_clicks(result: Segmentation, volume_node: Any) -> dict[str, list[float]]:
    """Seconds of writing a click without and with masking, of a step that changes nothing, of reading the mask."""
    node = new_node()
    first = add_segments(node, result, volume_node)[0]
    rules = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    rules.SetOverwriteMode(rules.OverwriteNone)
    rules.SetMaskMode(node.EditAllowedOutsideAllSegments)
    free, masked = SegmentEditing(node, volume_node), SegmentEditing(node, volume_node, rules)
    changes, grid = clicks_on(result.segments[0]), volume_from_node(volume_node).grid
    return in_turns(
        {
            "step": lambda: _step(free),
            "click": lambda: free.apply(first, next(changes)),
            "masked click": lambda: masked.apply(first, next(changes)),
            "read mask": lambda: read_mask(node, first, volume_node, grid),
        }
    )


def measure() -> dict[str, Any]:
    """`write_117_vs_naive`, `write_117_seconds`, `undo_117_seconds`, `write_click_ms` and what belongs to them."""
    set_up()
    volume_node, labels = add_volume(np.zeros(SHAPE_IJK[::-1], dtype=np.int16)), organs()
    volume = volume_from_node(volume_node)
    made = taken_out(labels, volume)
    result = made.result
    seconds = in_turns(
        {
            "from label map to node": lambda: write_117(taken_out(labels, volume), volume_node),
            "main thread": lambda: write_117(made, volume_node),
            "naive": naive_writer(result, volume_node),
        }
    )
    naive = [value * COUNT / NAIVE_COUNT for value in seconds["naive"]]
    removals = measure_removal(result, volume_node)
    clicks = measure_clicks(result, volume_node)
    return {
        "write_117_vs_naive": ratio(seconds["from label map to node"], naive),
        "write_117_seconds": spread(seconds["from label map to node"]),
        "write_117_main_thread_seconds": spread(seconds["main thread"]),
        "write_117_naive_seconds": spread(naive),
        "undo_117_seconds": spread(removals["undo"]),
        "redo_117_seconds": spread(removals["redo"]),
        "remove_117_seconds": spread(removals["remove segments"]),
        "remove_node_of_117_seconds": spread(removals["remove node"]),
        "write_click_ms": _milliseconds(clicks["click"]),
        "write_masked_click_ms": _milliseconds(clicks["masked click"]),
        "step_ms": _milliseconds(clicks["step"]),
        "read_mask_ms": _milliseconds(clicks["read mask"]),
    }


def _step(editing: SegmentEditing) -> None:
    with editing.step():
        pass


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    return spread([1000 * value for value in seconds])
