"""Segmentation models: each knows its own preprocessing, prompts and postprocessing."""
