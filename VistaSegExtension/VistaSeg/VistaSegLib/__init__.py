"""The panel of VistaSeg, a file a concern; importing it makes the engine importable."""

from VistaSegLib.Engine import makeImportable

makeImportable()
