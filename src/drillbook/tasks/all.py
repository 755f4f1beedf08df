"""Assembles the namespaces."""

from __future__ import annotations

from importlib import import_module

from invoke.collection import Collection

ns = Collection()
for _name in ("cmdb", "runbooks", "drills", "lab", "test", "campaign"):
    ns.add_collection(Collection.from_module(import_module(f"drillbook.tasks.{_name}"), name=_name))
