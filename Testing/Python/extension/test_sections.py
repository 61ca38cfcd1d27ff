import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")


def test_panel(scene):
    from host import module_manager

    module_manager.load("VistaSeg")
    w = module_manager.open_widget("VistaSeg")
    w.parent.resize(380, 900)
    w.parent.show()
    slicer.app.processEvents()
    w.parent.grab().save("/tmp/panel.png")
    module_manager.close_widget("VistaSeg")
