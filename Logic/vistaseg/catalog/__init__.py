"""The structures that can be segmented: names, synonyms, groups, codes and colours; free text to ids."""

from vistaseg.catalog.codes import by_codes, identity_of
from vistaseg.catalog.parsing import Term, ids_of, parse_classes, parse_terms
from vistaseg.catalog.search import Match, by_name, find
from vistaseg.catalog.sets import Composite, Group, Preset, composites, groups, presets
from vistaseg.catalog.slicer import parse_terminology_entry, slicer_terminology_entry
from vistaseg.catalog.structures import Structure, everything, expand, get, structures
from vistaseg.catalog.terminology import Code, Terminology

__all__ = [
    "Code",
    "Composite",
    "Group",
    "Match",
    "Preset",
    "Structure",
    "Term",
    "Terminology",
    "by_codes",
    "by_name",
    "composites",
    "everything",
    "expand",
    "find",
    "get",
    "groups",
    "identity_of",
    "ids_of",
    "parse_classes",
    "parse_terms",
    "parse_terminology_entry",
    "presets",
    "slicer_terminology_entry",
    "structures",
]
