"""The bridge to 3D Slicer: MRML nodes as volumes and prompts, results as segments. For the main thread alone."""

from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.converting import has_labelmaps, use_labelmaps
from vistaseg.mrml.dicom_images import dicom_files_of
from vistaseg.mrml.editing import Change, SegmentEditing
from vistaseg.mrml.markups import box_of, points_of, visible_region
from vistaseg.mrml.preconditions import obstacles, remarks
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.mrml.removing import WatchedSegmentations, remove_segments
from vistaseg.mrml.sharing import isolate_segment, release_labelmaps
from vistaseg.mrml.snapshots import Snapshot, segmentation_from_node, snapshot_of
from vistaseg.mrml.tags import SegmentRecord, record_of, tag_segment
from vistaseg.mrml.transforms import to_local, to_world
from vistaseg.mrml.volumes import VolumeState, grid_of, is_in_scene, state_of, volume_from_node
from vistaseg.mrml.writing import labelmap_of

__all__ = [
    "Change",
    "SegmentEditing",
    "SegmentRecord",
    "Snapshot",
    "VolumeState",
    "WatchedSegmentations",
    "add_segments",
    "box_of",
    "dicom_files_of",
    "grid_of",
    "has_labelmaps",
    "is_in_scene",
    "isolate_segment",
    "labelmap_of",
    "mask_time",
    "obstacles",
    "points_of",
    "read_mask",
    "record_of",
    "release_labelmaps",
    "remarks",
    "remove_segments",
    "segment_record",
    "segmentation_from_node",
    "snapshot_of",
    "state_of",
    "tag_segment",
    "to_local",
    "to_world",
    "use_labelmaps",
    "visible_region",
    "volume_from_node",
]
