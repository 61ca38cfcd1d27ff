import time
import numpy as np, slicer, vtk
from test_big_scan import *
from test_big_scan import run
from vistaseg.mrml.geometry import array_of
def clock(name, f):
    t0=time.thread_time(); w=time.time(); r=f(); print(name, round(time.thread_time()-t0,3), round(time.time()-w,3), r if isinstance(r,(str,bool)) else '', flush=True); return r
def test_x(run, scene):
    logic = slicer.vtkSlicerSegmentEditorLogic(); logic.SetMRMLScene(scene)
    en = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"); logic.SetSegmentEditorNode(en)
    en.SetAndObserveSegmentationNode(run.node); en.SetAndObserveSourceVolumeNode(run.volume_node)
    run.editing._save_elsewhere = lambda: None
    def save():
        logic.SaveStateForUndo()
    first = run()
    clock('SaveStateForUndo', save)
    def step():
        with run.editing.step(): pass
    clock('step', step)
    # others paint
    def paint(segment_id):
        im = slicer.vtkOrientedImageData(); 
        from vistaseg.mrml.geometry import Lattice
        box = extent_at((0,0,0))
        m = np.zeros((20,20,20),bool); m[5:15,5:15,5:15]=True
        from vistaseg.mrml.writing import labelmap_of
        lm = labelmap_of(m, VoxelBox((30,30,80),(50,50,100)), run.volume_node, run.node)
        en.SetOverwriteMode(en.OverwriteNone)
        logic.ModifySegmentByLabelmap(run.node, segment_id, lm, logic.ModificationModeRemove, False, False)
    save(); clock('paint', lambda: paint(first[0]))
    seg=run.node.GetSegmentation()
    imgs={seg.GetSegment(i).GetRepresentation('Binary labelmap').GetAddressAsString('') for i in first}
    print(len(imgs))
    clock('undo', run.editing.undo)
    print(seg.GetNumberOfSegments())
    clock('redo', run.editing.redo)
    print(seg.GetNumberOfSegments())
