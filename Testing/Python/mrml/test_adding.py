from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
from host.mrml_nodes import SHAPE_IJK, add_masks, full_mask, segment_of

from vistaseg.catalog import structures
from vistaseg.errors import InputError
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.reading import segment_record
from vistaseg.mrml.volumes import grid_of
from vistaseg.segmentation import Segmentation


def boxes(count: int) -> list[np.ndarray]:
    """Masks of one voxel each, which do not overlap."""
    masks = np.zeros((count, int(np.prod(SHAPE_IJK))), dtype=bool)
    masks[np.arange(count), np.arange(count)] = True
    return list(masks.reshape(count, *SHAPE_IJK[::-1]))


def add(segmentation_node, ct, *segments):
    grid = grid_of(ct)
    return add_segments(segmentation_node, Segmentation(grid.shape_ijk, grid.ijk_to_ras, list(segments)), ct)


def test_what_does_not_overlap_shares_one_small_label_map(ct, segmentation_node):
    add_masks(segmentation_node, ct, *boxes(100))
    segmentation = segmentation_node.GetSegmentation()
    assert segmentation.GetNumberOfLayers() == 1
    assert segmentation.GetLayerDataObject(0).GetScalarTypeAsString() == "unsigned char"


def test_what_overlaps_gets_a_layer_of_its_own(ct, segmentation_node):
    first, second, third = boxes(3)
    masks = [first | second, second, third]
    ids = add_masks(segmentation_node, ct, *masks)
    assert segmentation_node.GetSegmentation().GetNumberOfLayers() == 2
    for segment_id, mask in zip(ids, masks, strict=True):
        assert np.array_equal(full_mask(segmentation_node, segment_id, ct), mask)


def test_more_segments_than_a_byte_counts_are_kept_apart(ct, segmentation_node):
    masks = boxes(300)
    ids = add_masks(segmentation_node, ct, *masks)
    for n in (0, 254, 255, 299):
        assert np.array_equal(full_mask(segmentation_node, ids[n], ct), masks[n])


def test_the_segments_that_were_there_are_untouched(ct, segmentation_node):
    old = add_masks(segmentation_node, ct, *boxes(4))
    before = [slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation_node, name).copy() for name in old]
    add_masks(segmentation_node, ct, *(np.ones(SHAPE_IJK[::-1], dtype=bool) for _ in range(2)))
    after = [slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentation_node, name) for name in old]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert list(segmentation_node.GetSegmentation().GetSegmentIDs())[:4] == old


def test_names_and_ids_are_unique(ct, segmentation_node):
    add(segmentation_node, ct, segment_of(boxes(1)[0], "liver"))
    add(segmentation_node, ct, *(segment_of(mask, "liver") for mask in boxes(2)))
    segmentation = segmentation_node.GetSegmentation()
    assert [segmentation.GetNthSegment(n).GetName() for n in range(3)] == ["liver", "liver 2", "liver 3"]
    assert len(set(segmentation.GetSegmentIDs())) == 3


def test_the_node_knows_the_geometry_and_can_be_shown(ct, segmentation_node):
    add_masks(segmentation_node, ct, *boxes(2))
    role = segmentation_node.GetReferenceImageGeometryReferenceRole()
    assert segmentation_node.GetNodeReference(role) is ct
    assert segmentation_node.GetDisplayNode() is not None
    assert not segmentation_node.GetSegmentation().ContainsRepresentation("Closed surface")


def test_surfaces_that_are_shown_are_not_computed_for_the_new_segments(ct, segmentation_node):
    add_masks(segmentation_node, ct, np.pad(np.ones((5, 6, 7), dtype=bool), 1))
    segmentation_node.CreateClosedSurfaceRepresentation()
    add_masks(segmentation_node, ct, *boxes(2))
    assert not segmentation_node.GetSegmentation().ContainsRepresentation("Closed surface")
    assert segmentation_node.GetSegmentation().GetNumberOfSegments() == 3


def test_an_empty_segment_is_added_too(ct, segmentation_node):
    empty, mask = np.zeros(SHAPE_IJK[::-1], dtype=bool), boxes(1)[0]
    ids = add_masks(segmentation_node, ct, empty, mask)
    assert [full_mask(segmentation_node, segment_id, ct).sum() for segment_id in ids] == [0, 1]
    assert len(add_masks(segmentation_node, ct)) == 0


def test_a_node_of_surfaces_is_refused(ct, segmentation_node):
    segmentation_node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segmentation_node.GetSegmentation().AddEmptySegment("surface")
    with pytest.raises(InputError, match="keeps its segments as closed surfaces"):
        add_masks(segmentation_node, ct, *boxes(1))
    assert segmentation_node.GetSegmentation().GetNumberOfSegments() == 1


def test_what_a_segment_is_can_be_read_back(ct, segmentation_node):
    kidney = next(structure for structure in structures() if structure.name == "left kidney")
    made = {
        "algorithm_type": "SEMIAUTOMATIC",
        "algorithm_name": "VISTA3D 0.5 | with VistaSeg",
        "prompts": [{"kind": "text", "text": 'größer | "50 %" \\ ~^'}],
    }
    about = {"structure_id": kidney.id, "color": kidney.color, "terminology": kidney.terminology, "provenance": made}
    (segment_id,) = add(segmentation_node, ct, segment_of(boxes(1)[0], "left kidney", **about))
    record = segment_record(segmentation_node, segment_id)
    assert (record.name, record.structure_id, record.color) == ("left kidney", kidney.id, kidney.color)
    assert record.terminology == kidney.terminology and record.provenance == made


def test_the_terminology_is_what_slicer_reads(ct, segmentation_node):
    liver = next(structure for structure in structures() if structure.name == "liver")
    (segment_id,) = add(segmentation_node, ct, segment_of(boxes(1)[0], terminology=liver.terminology))
    entry = slicer.vtkSlicerTerminologyEntry()
    text = segmentation_node.GetSegmentation().GetSegment(segment_id).GetTerminology()
    assert slicer.vtkSlicerTerminologiesModuleLogic.DeserializeTerminologyEntry(text, entry)
    assert entry.GetTypeObject().GetCodeValue() == liver.terminology.type.value


def test_a_segment_of_another_program_has_a_record(segmentation_node):
    segment_id = segmentation_node.GetSegmentation().AddEmptySegment("drawn", "by hand", [1, 0.5, 0])
    record = segment_record(segmentation_node, segment_id)
    assert (record.name, record.structure_id, record.color) == ("by hand", None, (255, 128, 0))
    assert record.provenance == {}
