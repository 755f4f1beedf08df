"""The tasks of this estate: all of them come from the engine, also those that test the engine itself."""

from drillbook.tasks.all import add, ns

add("test", "test")
add("campaign", "campaign")

__all__ = ["ns"]
