"""Whether the chosen volume can be segmented, said before anything is started."""

from __future__ import annotations

from slicer.i18n import tr as _

from vistaseg.errors import InputError
from vistaseg.mrml.volumes import modality_of, volume_from_node


def whyNotSegmentable(volumeNode) -> str:
    """Why a volume cannot be segmented, in one line; nothing where it can, as far as its kind tells."""
    if volumeNode is None:
        return _("Choose a volume first.")
    try:
        volume_from_node(volumeNode)
    except InputError as error:
        return str(error)
    modality = modality_of(volumeNode)
    if modality not in (None, "CT"):
        return _("{name} is of modality {modality}: choose a CT.").format(name=volumeNode.GetName(), modality=modality)
    return ""
