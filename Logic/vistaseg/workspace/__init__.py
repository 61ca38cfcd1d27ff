"""The sessions of a whole Slicer: what the panel and the Segment Editor effect have in common."""

from vistaseg.workspace.messages import Message, Messages
from vistaseg.workspace.targets import SegmentReference
from vistaseg.workspace.tasks import Task
from vistaseg.workspace.workspace import Workspace
from vistaseg.workspace.writer import Writer

__all__ = ["Message", "Messages", "SegmentReference", "Task", "Workspace", "Writer"]
