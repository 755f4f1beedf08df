"""Assembles the namespaces."""

from __future__ import annotations

from importlib import import_module

from invoke.collection import Collection

# The modules of each namespace.
_MODULES = {
    "cmdb": ("cmdb",),
    "runbooks": ("runbooks", "runs"),
    "drills": ("drills", "drill_schedule", "drill_history", "drill_reports"),
    "lab": ("lab",),
    "test": ("test",),
    "campaign": ("campaign",),
}

ns = Collection()
for _name, _modules in _MODULES.items():
    _space = Collection(_name)
    for _module in _modules:
        _tasks = Collection.from_module(import_module(f"drillbook.tasks.{_module}"))
        for _task in _tasks.tasks.values():
            _space.add_task(_task, default=_task.is_default)
    ns.add_collection(_space)
