"""Masks of voxels and what is computed with them.

Import from the modules; this file imports nothing, so that nobody pays for more than they use.
"""
