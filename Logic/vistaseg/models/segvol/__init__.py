"""SegVol: segmentation of what texts, points and boxes mean, after Du et al., NeurIPS 2024 (arXiv 2311.13385)."""
