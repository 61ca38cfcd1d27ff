"""Whether a series allows an export, tried before there is anything to export: segmenting may take long."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vistaseg.dicom.header import Description, make_header
from vistaseg.dicom.measures import measure
from vistaseg.dicom.planes import planes_of
from vistaseg.dicom.seg_writer import SegExport
from vistaseg.dicom.series import Series
from vistaseg.dicom.structured_report import structured_report
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume.dicom.headers import not_quoting


def require_exportable(series: Series, *, labelmap: bool = False, report: bool = False) -> None:
    """Make the header of a segmentation of one voxel, as `write_seg` would, and a report of it if one is wanted.

    Raises:
        InputError: the headers of the series do not allow it; names the attribute.
    """
    trial = Segment("trial", 1, None, (128, 128, 128), None, BoxedMask.of(np.ones((1, 1, 1))))
    with not_quoting():
        header = make_header([trial], series, planes_of(series), labelmap, Description())
        if report:
            meant = Segmentation(series.volume.shape_ijk, series.volume.ijk_to_ras, [trial])
            structured_report(SegExport(Path(), meant, header, (), ()), series, measure(meant, series.volume))
