"""What happened and what to do; details fold out and can be copied."""

from __future__ import annotations

import slicer

from VistaSegLib.Ui import loadUi

# A mark that is not only a colour.
MARKS = {"info": "", "warning": "⚠ ", "error": "✖ "}


class MessageSection:
    """The latest message; hidden while there is none, or after it was closed."""

    def __init__(self, selection, workspace) -> None:
        self._workspace = workspace
        self.widget, self.ui = loadUi("MessageSection")
        self.ui.detailsButton.toggled.connect(self._onDetails)
        self.ui.copyButton.clicked.connect(self._onCopy)
        self.ui.closeButton.clicked.connect(self._onClose)
        self._shown = None
        self.update()

    def update(self) -> None:
        message = self._workspace.messages.latest
        self.widget.setVisible(message is not None)
        if message is None or message is self._shown:
            return
        self._shown = message
        self.ui.textLabel.text = MARKS[message.level] + message.text
        self.ui.detailsText.plainText = message.details
        self.ui.detailsButton.setVisible(bool(message.details))
        self.ui.detailsButton.setChecked(False)
        self._onDetails(False)

    def cleanup(self) -> None:
        """Nothing outlives the widget."""

    def _onDetails(self, checked) -> None:
        self.ui.detailsText.setVisible(checked)

    def _onCopy(self, *_) -> None:
        message = self._workspace.messages.latest
        slicer.app.clipboard().setText("\n\n".join(filter(None, (message.text, message.details))))

    def _onClose(self, *_) -> None:
        self._shown = None
        self._workspace.messages.clear()
