"""The CT of the tutorial, in Slicer's Sample Data module."""

from __future__ import annotations

import os

SHA256 = "4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e"


def register(iconFolder: str) -> None:
    """Add Slicer's own chest CT to the samples of VistaSeg; it is fetched only when somebody asks for it."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="VistaSeg",
        sampleName="VistaSegCTChest",
        thumbnailFileName=os.path.join(iconFolder, "VistaSeg.png"),
        uris=f"https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/{SHA256}",
        fileNames="CT-chest.nrrd",
        nodeNames="CTChest",
        checksums=f"SHA256:{SHA256}",
    )
