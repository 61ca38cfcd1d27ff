"""Which segments are shown."""

from __future__ import annotations

from typing import Any

from vistaseg.errors import InputError


def visible_segment_ids(segmentation_node: Any) -> list[str]:
    """Ids of the segments that are shown in some view, in their order.

    Raises:
        InputError: the segmentation has no display.
    """
    display = segmentation_node.GetDisplayNode()
    if display is None:
        raise InputError(f"{segmentation_node.GetName()} is not displayed: show it, or take all of its segments.")
    ids = segmentation_node.GetSegmentation().GetSegmentIDs()
    return [segment_id for segment_id in ids if display.GetSegmentVisibility(segment_id)]
