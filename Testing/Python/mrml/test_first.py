import numpy as np
import slicer
from vistaseg.mrml.volumes import *
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.editing import *
from vistaseg.mrml.reading import *
from vistaseg.mrml.transforms import matrix_from_array
from vistaseg.segmentation import *
from vistaseg.volume import *


def test_it(scene):
    v = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "ct")
    import vtk, slicer.util

    slicer.util.updateVolumeFromArray(v, np.arange(7 * 8 * 9, dtype=np.int16).reshape(7, 8, 9))
    m = np.array([[0.68, -0.4, 0.1, -120.5], [0.41, 0.66, 0.05, 33.25], [-0.18, 0.02, 2.49, -700.1], [0, 0, 0, 1]])
    q, r = np.linalg.qr(m[:3, :3])
    m[:3, :3] = q * [1, 2, 3]
    v.SetIJKToRASMatrix(matrix_from_array(m))
    vol = volume_from_node(v)
    assert np.allclose(vol.ijk_to_ras, m)
    s = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "seg")
    full = np.random.default_rng(0).random((7, 8, 9)) > 0.6
    other = ~full & (np.random.default_rng(1).random((7, 8, 9)) > 0.6)
    segs = [
        Segment("liver", 1, 1, (200, 10, 20), None, *crop_to_content(full), {"algorithm_type": "AUTOMATIC"}),
        Segment("liver", 2, 1, (200, 10, 20), None, *crop_to_content(other), {"algorithm_type": "AUTOMATIC"}),
    ]
    ids = add_segments(s, Segmentation(vol.shape_ijk, vol.ijk_to_ras, segs), v)
    for seg, i in zip(segs, ids):
        mask, extent = read_mask(s, i, v, vol.grid)
        assert extent == seg.extent and (mask == seg.mask).all()
    print(segment_record(s, ids[1]))
    e = SegmentEditing(s, v)
    t = mask_time(s, ids[0])
    e.save_state()
    ext = Extent((2, 2, 2), (5, 5, 5))
    e.apply(ids[0], Change(np.ones((3, 3, 3), bool), np.zeros((3, 3, 3), bool), ext))
    assert mask_time(s, ids[0]) != t
    want = full.copy()
    want[ext.slices] = True
    mask, extent = read_mask(s, ids[0], v, vol.grid)
    got = np.zeros_like(full)
    got[extent.slices] = mask
    assert (got == want).all()
    mask, extent = read_mask(s, ids[1], v, vol.grid)
    assert (mask == segs[1].mask).all()
    assert e.can_undo
    e.undo()
    mask, extent = read_mask(s, ids[0], v, vol.grid)
    assert (mask == segs[0].mask).all()
    e.close()
