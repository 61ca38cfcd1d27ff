"""Masks of voxels and what is computed with them.

Import from the modules: this file imports nothing, which keeps the start short.
"""
