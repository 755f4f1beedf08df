"""A lab of few hosts, for tests that make every host anew again and again.

``python -m tests.lab.few_hosts`` makes it anew, as ``./inv lab.up --fresh`` makes the whole one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.cmdb.load import load
from drillbook.cmdb.model import Section
from drillbook.console.progress import progress_for
from drillbook.lab import lifecycle
from drillbook.tasks.lab import lab_environment
from tests.estate_copy import ROOT

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb, Entry

HOSTS = ("core-db-1", "core-db-2", "core-app-1", "mon-1")


def few_hosts() -> Cmdb:
    """Give this checkout's CMDB, in which all others have no address in the lab."""
    cmdb = load(ROOT)
    environment = lab_environment(cmdb)
    items = {item.id: item if item.id in HOSTS else _away(item, environment) for item in cmdb.config_items}
    return replace(cmdb, config_items=Section("config_items", items))


def _away(item: Entry, environment: str) -> Entry:
    addresses = {name: each for name, each in item.get("addresses", {}).items() if name != environment}
    return replace(item, fields={**item.fields, "addresses": addresses})


if __name__ == "__main__":
    few = few_hosts()
    lifecycle.up(few, environment=lab_environment(few), root=ROOT, progress=progress_for(), fresh=True)
