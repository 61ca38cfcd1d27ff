"""What the module says of itself."""

from __future__ import annotations

from slicer.i18n import tr as _


def helpText() -> str:
    """How to begin."""
    return _(
        "<p>Segments CT scans with VISTA3D and SegVol: choose structures and press <b>Segment</b>, or click, draw a "
        "box or type a name, and correct the result with further clicks.</p>"
        "<ol><li>Choose a CT volume and a model. The small bundled models are for trying and need nothing more; the "
        "published ones are fetched once, after you have accepted their license.</li>"
        "<li><b>Automatic</b>: tick structures, press Segment.</li>"
        "<li><b>Interactive</b>: choose a segment or a new one, then click inside (+) and outside (−).</li></ol>"
        "<p>All work is done on this computer; nothing is sent anywhere. Results are not a diagnosis: look at each "
        "one.</p>"
    )


def acknowledgementText() -> str:
    """Whose work it builds on."""
    return _(
        "<p>VISTA3D: He et al., <i>VISTA3D: A Unified Segmentation Foundation Model For 3D Medical Imaging</i>, CVPR "
        "2025. SegVol: Du et al., <i>SegVol: Universal and Interactive Volumetric Medical Image Segmentation</i>, "
        "NeurIPS 2024. The networks are built from MONAI.</p>"
    )
