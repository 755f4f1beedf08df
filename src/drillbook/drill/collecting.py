"""Brings home what the probes of a drill saw, and which of their writes are there in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drillbook.drill.kinds import KINDS
from drillbook.drill.probe import surviving_rows
from drillbook.errors import DrillbookError
from drillbook.evidence.record import store_samples
from drillbook.evidence.result import SampleNote
from drillbook.evidence.samples import Does
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.drill.observations import Observations
    from drillbook.drill.probe import Probe
    from drillbook.hosts.connection import Hosts


def collect(
    seen: Observations, probes: Mapping[str, Probe], *, drill: Drill, hosts: Hosts, root: Path, run: str
) -> None:
    """Stop the probes, bring their samples home, and read what is there of each service, all into ``seen``.

    Samples are kept in the checkout at ``root``; ``run`` is the drill's id.
    """
    # They are stopped one after the other, and what is measured ends for all of them at the same moment.
    seen.end = time.monotonic_ns()
    for name, probe in probes.items():
        try:
            probe.stop()
            data, series = probe.fetch()
        except DrillbookError as error:
            seen.trouble.append(
                Text(
                    f"the samples of the probe '{name}' are missing: {error.message}",
                    f"探针“{name}”的样本缺失：{error.message}",
                )
            )
            continue
        seen.series.append(series.on_clock(seen.clocks[probe.spec.source]))
        seen.samples.append(SampleNote.from_series(series, kept_as=store_samples(root, data)))
    for service in drill.services:
        users = drill.users_of(service)
        bound = probes[users.id].bound
        if bound.kind.rows is None:
            continue
        try:
            writers = [each.id for each in drill.probes_of(service) if KINDS[each.kind].does is Does.WRITES]
            seen.rows[service.service] = surviving_rows(hosts[users.source], bound, run=run, writers=writers)
        except DrillbookError as error:
            seen.trouble.append(
                Text(
                    f"what is there of {service.service} could not be read: {error.message}",
                    f"{service.service} 的数据无法读取：{error.message}",
                )
            )
