"""Grids of voxels in the patient, the matrices that place them, and boxes of voxels.

Import from the modules: this file imports nothing, which keeps the start short.
"""
