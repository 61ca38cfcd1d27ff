"""A session: one volume before one model, the prompts of each segment in order, and the results."""

from vistaseg.session.history import Answer
from vistaseg.session.session import Session

__all__ = ["Answer", "Session"]
