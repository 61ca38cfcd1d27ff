"""The sessions of a whole Slicer: what the panel and the Segment Editor effect have in common."""

from vistaseg.mrml.workspace.messages import Message, Messages
from vistaseg.mrml.workspace.targets import Target
from vistaseg.mrml.workspace.tasks import Task
from vistaseg.mrml.workspace.workspace import Workspace
from vistaseg.mrml.workspace.writer import Writer

__all__ = ["Message", "Messages", "Target", "Task", "Workspace", "Writer"]
