"""What must hold of a drill's probes: that each can run, and that together they see what has to be proved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drillbook.drill.about import protection_of, protection_of_probe, watched_by_address
from drillbook.drill.findings import finding, unknown
from drillbook.drill.kinds import KINDS
from drillbook.drill.model import SERVICE_ADDRESS
from drillbook.evidence.samples import Does

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, ProbeSpec, ServiceSpec
    from drillbook.errors import Finding

LEAST_EVERY = 0.001
"""Seconds: no probe makes attempts more often than that."""


def probe_findings(drill: Drill, cmdb: Cmdb) -> Iterator[Finding]:
    """Give what is wrong with the probes of a drill."""
    for id_, count in Counter(probe.id for probe in drill.probes).items():
        if count > 1:
            line = [probe.line for probe in drill.probes if probe.id == id_][1]
            yield finding(drill, line, "probe-twice", f"two probes are called '{id_}'; give each its own id")
    for service in drill.services:
        yield from _seen(drill, cmdb, service)
    for probe in drill.probes:
        for item in (probe.source, probe.target):
            if item != SERVICE_ADDRESS and item not in cmdb.config_items:
                yield unknown(drill, probe.line, "unknown-item", f"item '{item}'", cmdb.config_items.ids())
        yield from _about(drill, cmdb, probe)
        yield from _pace(drill, probe)


def _seen(drill: Drill, cmdb: Cmdb, service: ServiceSpec) -> Iterator[Finding]:
    """Hold the probes of a service against what they have to see: its users, and a second primary."""
    probes = drill.probes_of(service)
    line = drill.probes[0].line if len(drill.services) == 1 else service.line
    of = "" if len(drill.services) == 1 else f" for {service.service}"
    users = [probe for probe in probes if probe.is_user]
    if len(users) != 1:
        yield finding(
            drill, line, "users-probe",
            f"{len(users)} probes use service_address{of}; exactly one must: it stands for the users",
        )  # fmt: skip
    writers = {probe.kind for probe in probes if KINDS[probe.kind].does is Does.WRITES}
    if len(writers) > 1:
        yield finding(
            drill, line, "probe-kinds",
            f"the probes{of} are of several kinds ({', '.join(sorted(writers))}), whose writes cannot be compared; "
            "keep one",
        )  # fmt: skip
    protection = protection_of(drill, cmdb, service)
    if protection is None:
        return
    if watched_by_address(probes):
        if not any(KINDS[probe.kind].does is Does.WATCHES for probe in probes):
            yield finding(
                drill, line, "unwatched-address",
                f"no probe watches the service's address{of}, so a second host on it would not be noticed; add an "
                "address_watcher",
            )  # fmt: skip
        return
    watched = {probe.target for probe in probes}
    for member in protection.get("members", {}).values():
        if member not in watched:
            yield finding(
                drill, line, "unwatched-member",
                f"no probe writes straight to '{member}', so a second primary would not be noticed; add one",
            )  # fmt: skip


def _about(drill: Drill, cmdb: Cmdb, probe: ProbeSpec) -> Iterator[Finding]:
    """Hold a probe against the protection that it is about: what its kind needs must stand there."""
    if len(drill.services) > 1:
        named = [service.protection for service in drill.services if service.protection is not None]
        if probe.protection not in named:
            yield finding(
                drill, probe.line, "probe-protection",
                f"the probe '{probe.id}' does not say which of the drill's protections it is about; add 'protection': "
                f"{' or '.join(named)}",
            )  # fmt: skip
            return
    of_drill = protection_of(drill, cmdb)
    if len(drill.services) == 1 and of_drill is not None and probe.protection not in (None, of_drill.id):
        yield finding(
            drill, probe.line, "probe-protection",
            f"the probe '{probe.id}' is about '{probe.protection}', and the drill about '{of_drill.id}'; "
            "leave 'protection' out, or name the drill's services",
        )  # fmt: skip
        return
    protection, kind = protection_of_probe(drill, cmdb, probe), KINDS[probe.kind]
    if protection is None:
        return
    if kind.does is Does.WATCHES and probe.target != SERVICE_ADDRESS:
        yield finding(
            drill, probe.line, "probe-target",
            f"the probe '{probe.id}' watches who answers for the service's address; give it 'to: service_address'",
        )  # fmt: skip
    settings = protection.get("settings", {})
    for setting in kind.settings:
        if not isinstance(settings.get(setting.name), setting.type):
            wanted = "a number" if setting.type is int else "a text"
            said = (
                f"no '{setting.name}'" if setting.name not in settings else f"a '{setting.name}' that is not {wanted}"
            )
            yield finding(
                drill, probe.line, "probe-setting",
                f"the probe '{probe.id}' is a {kind.name}, and the protection '{protection.id}' has {said} in its "
                f"settings; add it in {protection.file}, such as '{setting.name}: {setting.example}'",
            )  # fmt: skip
    if kind.secret and not isinstance(settings.get("kind"), str):
        yield finding(
            drill, probe.line, "probe-setting",
            f"the probe '{probe.id}' logs in, and the protection '{protection.id}' has no 'kind' in its settings, "
            f"under which a probe's host keeps what with; add it in {protection.file}, such as 'kind: web'",
        )  # fmt: skip


def _pace(drill: Drill, probe: ProbeSpec) -> Iterator[Finding]:
    if probe.every < LEAST_EVERY or probe.every > 1:
        yield finding(
            drill, probe.line, "probe-pace",
            f"the probe '{probe.id}' makes an attempt every {probe.every:g} s; from 1 ms to 1 s measures something",
        )  # fmt: skip
    if not probe.every <= probe.give_up <= 1:
        yield finding(
            drill, probe.line, "probe-pace",
            f"the probe '{probe.id}' gives an attempt up after {probe.give_up:g} s; "
            "it must be at least 'every' and at most 1 s",
        )  # fmt: skip
