"""Brings home what the probes of a drill saw, and which of their rows are there in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drillbook.drill.model import SERVICE_ADDRESS
from drillbook.drill.probe import database_at, surviving_rows
from drillbook.errors import DrillbookError
from drillbook.evidence.record import store_samples
from drillbook.evidence.result import SampleNote
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill
    from drillbook.drill.observations import Observations
    from drillbook.drill.probe import Probe, ProbeHost


def collect(
    seen: Observations, probes: Mapping[str, Probe], *, drill: Drill, cmdb: Cmdb, host: ProbeHost, root: Path, run: str
) -> None:
    """Stop the probes, bring their samples home, and read which rows are there, all into ``seen``.

    ``host`` is the users' probe's; samples are kept in the checkout at ``root``; ``run`` is the drill's id.
    """
    for name, probe in probes.items():
        try:
            probe.stop()
            seen.end = time.monotonic_ns()
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
    try:
        seen.rows = surviving_rows(host, database_at(drill, cmdb, SERVICE_ADDRESS), run=run)
    except DrillbookError as error:
        seen.trouble.append(Text(f"the rows could not be read: {error.message}", f"数据行无法读取：{error.message}"))
