"""VistaSeg: CT segmentation with VISTA3D and SegVol, offline, on a GPU or without one.

    import vistaseg

    result = vistaseg.segment("CT.nii.gz", "liver, kidneys")   # a path, a nibabel or SimpleITK image, or a Volume
    result                                                     # <Segmentation of CT: liver 1512 ml, …>
    result["liver"].volume_ml, result["liver"].mask            # millilitres; bool array (k, j, i) on the whole grid
    result.save("organs.seg.nrrd")                             # or organs.nii.gz, or a folder/
    result.to_nibabel(), result.to_sitk(), result.label_map()  # a label map

    session = vistaseg.open_session("CT.nii.gz")               # clicks, boxes and names, one after another
    session.start("lesion")
    session.add(vistaseg.Point((60.0, -20.0, 900.0)), "lesion")

`model="demo"` is the small bundled model, for trying the software out; `vistaseg weights fetch vista3d` installs
VISTA3D. Places are RAS millimetres, arrays are (k, j, i) as in SimpleITK. Errors derive from `VistaSegError` and say
what to do next. What is in `__all__` stays as it is from version to version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Point",
    "RegionOfInterest",
    "Segmentation",
    "Session",
    "VistaSegError",
    "Volume",
    "__version__",
    "open_session",
    "read_ct",
    "read_segmentation",
    "segment",
]

if TYPE_CHECKING:
    from vistaseg.api import open_session, read_ct, read_segmentation, segment
    from vistaseg.errors import VistaSegError
    from vistaseg.prompts import Point, RegionOfInterest
    from vistaseg.segmentation import Segmentation
    from vistaseg.session import Session
    from vistaseg.volume import Volume

_PLACES = {
    "Point": "prompts",
    "RegionOfInterest": "prompts",
    "Segmentation": "segmentation",
    "Session": "session",
    "VistaSegError": "errors",
    "Volume": "volume",
    "open_session": "api",
    "read_ct": "api",
    "read_segmentation": "api",
    "segment": "api",
}
"""Room of each name, imported with its first use: `import vistaseg` takes no time."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
