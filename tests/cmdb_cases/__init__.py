"""For every rule over the graph: changes of the sample that it must find, and near ones that it must not."""

from __future__ import annotations

from tests.cmdb_cases.authority import AUTHORITY
from tests.cmdb_cases.case import DROP, Case, Changes
from tests.cmdb_cases.hosts import HOSTS
from tests.cmdb_cases.protections import PROTECTIONS
from tests.cmdb_cases.references import REFERENCES
from tests.cmdb_cases.snapshots import SNAPSHOTS
from tests.cmdb_cases.values import VALUES
from tests.cmdb_sample import sample
from tests.nested import Data, drop, put

CASES: tuple[Case, ...] = (*REFERENCES, *HOSTS, *PROTECTIONS, *VALUES, *SNAPSHOTS, *AUTHORITY)


def changed(changes: Changes) -> Data:
    """Give the sample with changes made in their order."""
    data = sample()
    for path, value in changes.items():
        place = tuple(int(part) if part.isdigit() else part for part in path.split("/"))
        if value is DROP:
            drop(data, place)
        else:
            put(data, place, value)
    return data
