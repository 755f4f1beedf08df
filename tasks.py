"""The tasks of this estate: all of them come from the engine."""

from drillbook.tasks.all import ns

__all__ = ["ns"]
