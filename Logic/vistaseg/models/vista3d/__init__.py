"""VISTA3D: its network, its configuration and its pipeline."""
