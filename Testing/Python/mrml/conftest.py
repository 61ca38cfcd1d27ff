from host.mrml_scene import scene

__all__ = ["scene"]
