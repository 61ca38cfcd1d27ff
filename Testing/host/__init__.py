"""Slicer without Slicer: the application as far as the panel and the effect need it, for tests and pictures.

Nodes and logics are Slicer's own, from the slicer-core wheel (`mrml_scene`), and so is `slicer.util`; widgets are Qt's
own, from PySide6. What no wheel has is played by these stand-ins, each only as far as the extension uses it:

- `qt`, `ctk`: the flattened names of PythonQt over PySide6, with properties as attributes (`qt_names`, `qt_properties`)
- `qMRMLWidget`, `qSlicerScriptedLoadableModuleWidget`, `qMRMLNodeComboBox`, `qMRMLSegmentsTableView`,
  `qSlicerMarkupsPlaceWidget` (`mrml_widgets`)
- `ctkCollapsibleButton`, `ctkSliderWidget` (`ctk_widgets`)
- `slicer.ScriptedLoadableModule`: the four base classes (`scripted_module`)
- `slicer.parameterNodeWrapper` (`parameter_nodes`, `parameter_widgets`)
- `slicer.app`, its module manager, clipboard and layout manager; `slicer.i18n`, `slicer.packaging`, `SampleData`
  (`application`)
- `slicer.dicomDatabase` (`dicom_database`), put in place by the tests that need it
- loading, showing, reloading a scripted module, as the application's module manager does (`module_manager`)

`start` puts them in place, once in a process, and does nothing inside a running Slicer.
"""

from __future__ import annotations

import sys


def is_slicer() -> bool:
    """Whether this is the application itself."""
    return "PythonQt" in sys.modules


def start() -> None:
    """Become a Slicer without windows; inside a running Slicer, change nothing.

    Raises:
        ImportError: Qt or the wheel of Slicer's libraries cannot be loaded.
    """
    if is_slicer() or "qt" in sys.modules:
        return
    from host import application, ctk_widgets, mrml_scene, mrml_widgets, parameter_nodes, qt_names, scripted_module

    qt_names.install([*ctk_widgets.WIDGETS, *mrml_widgets.WIDGETS])
    mrml_scene.set_up()
    application.install()
    scripted_module.install()
    parameter_nodes.install()
