"""Moving the slice views."""

from __future__ import annotations

import slicer

from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.transforms import to_world
from vistaseg.mrml.volumes import grid_of


def jumpToSegment(segmentationNode, segmentId: str, volumeNode) -> None:
    """Centre all slice views on the middle of a segment; nothing where it is empty."""
    grid = grid_of(volumeNode)
    voxel = read_mask(segmentationNode, segmentId, volumeNode, grid).center_voxel
    if voxel is not None:
        r, a, s = grid.index_to_ras([voxel])[0].tolist()
        jumpTo(to_world(volumeNode, (r, a, s)))


def jumpTo(world: tuple[float, float, float]) -> None:
    """Centre all slice views on a place in world RAS, mm."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
