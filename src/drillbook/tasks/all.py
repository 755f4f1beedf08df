"""Assembles the namespaces."""

from __future__ import annotations

from importlib import import_module

from invoke.collection import Collection

from drillbook.tasks.command_line import speak_for_invoke

# The modules of each namespace that an estate has.
_MODULES = {
    "cmdb": ("cmdb", "cmdb_history"),
    "runbooks": ("runbooks", "runs"),
    "changes": ("changes", "change_apply", "change_review", "change_log", "change_certificate"),
    "drills": ("drills", "drill_schedule", "drill_history", "drill_reports"),
    "journal": ("journal",),
    "lab": ("lab",),
    "trust": ("trust",),
    "estate": ("estate",),
    "standby": ("standby", "coverage"),
}

ns = Collection()


def add(name: str, *modules: str) -> None:
    """Add a namespace of the tasks that stand in modules of ``drillbook.tasks``."""
    space = Collection(name)
    for module in modules:
        tasks = Collection.from_module(import_module(f"drillbook.tasks.{module}"))
        for task in tasks.tasks.values():
            space.add_task(task, default=task.is_default)
    ns.add_collection(space)


for _name, _modules in _MODULES.items():
    add(_name, *_modules)
speak_for_invoke()
