"""The bridge to 3D Slicer: MRML nodes as volumes and prompts, results as segments. For the main thread alone.

Nothing is imported here: the panel opens with the few files that it needs to look at nodes, and brings those that write
when something is written.
"""
