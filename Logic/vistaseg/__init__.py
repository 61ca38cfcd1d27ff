"""VistaSeg's engine: CT segmentation with VISTA3D, usable from 3D Slicer, a command line or a notebook."""

__version__ = "0.1.0"
