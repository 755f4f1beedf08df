"""Brings the lab up, says how it is, takes it down.

``up`` looks before it acts. A lab that is whole is left as it is. Nothing that is not the lab's is ever looked at: it
has its own storage, cgroup, bridge and directories.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, Refused
from drillbook.lab import health, hosts, machine, network, vitals
from drillbook.lab.image import drop_other_images
from drillbook.lab.making import carrier_problem, make_hosts, provision_hosts, sweep
from drillbook.lab.state import (
    FAULTS_DIR,
    LAB,
    POWER_DIR,
    RUN_DIR,
    SSH_DIR,
    STATE_DIR,
    LabState,
    read_state,
    write_state,
)  # fmt: skip
from drillbook.lab.wanted import wanted_of

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.spec import HostSpec
    from drillbook.lab.wanted import Wanted
    from drillbook.progress import Progress


@dataclass(frozen=True, slots=True)
class HostStatus:
    """How a host is: ``running`` as the kernel sees it, ``problem`` a sentence, empty when it is healthy."""

    item: str
    address: str
    running: bool
    problem: str


@dataclass(frozen=True, slots=True)
class LabStatus:
    """How this machine's lab is.

    ``state`` is None when this checkout has none up; ``problem`` is a sentence about the lab as a whole, or
    empty; ``missing`` are Debian packages that ``up`` would install; ``elsewhere`` is the other checkout that
    this machine's lab is of.
    """

    state: LabState | None
    hosts: tuple[HostStatus, ...]
    problem: str
    missing: tuple[str, ...]
    elsewhere: Path | None = None

    @property
    def healthy(self) -> bool:
        """Tell whether a drill could begin."""
        return self.state is not None and not self.problem and not any(host.problem for host in self.hosts)


def up(cmdb: Cmdb, *, environment: str, root: Path, progress: Progress, fresh: bool = False) -> LabState:
    """Make the lab of an environment whole and give its state; leave it alone when it is.

    ``root`` is the estate's folder. ``fresh`` makes every host anew.

    Raises MissingPrerequisite (no root, packages that cannot be installed), Locked (another ``up`` or
    ``down`` is at work), Refused (the lab is another checkout's), StepFailed, HostUnreachable.
    """
    machine.require_root()
    root = root.resolve()
    wanted = wanted_of(cmdb, environment, root)
    machine.install(machine.missing_packages(), progress)
    with machine.exclusive():
        blank = fresh or _left_behind(root)
        recipe = wanted.recipe
        if not blank:
            state = _whole(wanted, recipe)
            if state is not None:
                return state
        (STATE_DIR / "lab.json").unlink(missing_ok=True)
        make_hosts(wanted, recipe, progress, blank=blank)
        provision_hosts(wanted, recipe, progress)
        state = LabState(
            name=LAB,
            checkout=wanted.root,
            environment=wanted.environment,
            network=network.BRIDGE,
            subnet=wanted.subnet,
            recipe=recipe,
            hosts=hosts.lab_hosts(wanted.specs),
        )
        write_state(state)
        drop_other_images(wanted.image)
        return state


def status(cmdb: Cmdb, environment: str, *, root: Path) -> LabStatus:
    """Look at the lab and change nothing. Raises MissingPrerequisite without root."""
    machine.require_root()
    root = root.resolve()
    missing = tuple(machine.missing_packages())
    try:
        state = read_state()
    except MissingPrerequisite as error:
        return LabStatus(None, (), error.message, missing)
    if state.checkout != root and (state.checkout / "cmdb.yaml").is_file():
        return LabStatus(None, (), "the lab is another checkout's", missing, state.checkout)
    wanted = wanted_of(cmdb, environment, root)
    problem = carrier_problem(wanted)
    if state.checkout != root:
        problem = f"it is left over from {state.checkout}, which is gone"
    said = health.problems(wanted.specs, wanted.recipe)
    return LabStatus(
        state,
        tuple(
            HostStatus(spec.item, spec.address, _runs(state, spec), said.get(spec.item, "")) for spec in wanted.specs
        ),
        problem,
        missing,
    )


def down(*, root: Path, purge: bool = False) -> None:
    """Take the lab away: processes, bridge, mounts, data, keys, and what was changed on the machine.

    The hosts' image stays, for a quicker ``up``, unless ``purge``. Harmless when there is no lab.
    Raises as ``up`` does.
    """
    machine.require_root()
    with machine.exclusive():
        _left_behind(root.resolve())
        (STATE_DIR / "lab.json").unlink(missing_ok=True)
        sweep()
        machine.put_back()
        for folder in (SSH_DIR, POWER_DIR, FAULTS_DIR):
            shutil.rmtree(folder, ignore_errors=True)
        (STATE_DIR / "secrets.json").unlink(missing_ok=True)
        if purge:
            shutil.rmtree(STATE_DIR)
        elif not any(STATE_DIR.iterdir()):
            STATE_DIR.rmdir()
        shutil.rmtree(RUN_DIR)


def _left_behind(root: Path) -> bool:
    """Tell whether this machine's lab is of a checkout that is gone. Raises Refused when it is of another."""
    try:
        state = read_state()
    except MissingPrerequisite:
        return False
    if state.checkout == root:
        return False
    if (state.checkout / "cmdb.yaml").is_file():
        raise Refused(
            f"the lab of this machine belongs to another checkout: {state.checkout}",
            remedy=f"work there, or take it down first: cd {shlex.quote(str(state.checkout))} && ./inv lab.down",
        )
    return True


def _runs(state: LabState, spec: HostSpec) -> bool:
    host = state.hosts.get(spec.item)
    return host is not None and bool(vitals.processes(host.container_id))


def _whole(wanted: Wanted, recipe: str) -> LabState | None:
    """Give the lab's state when there is nothing to do."""
    try:
        state = read_state()
    except MissingPrerequisite:
        return None
    same = (
        state.environment == wanted.environment
        and state.recipe == recipe
        and {(host.item, host.address) for host in state.hosts.values()}
        == {(spec.item, spec.address) for spec in wanted.specs}
    )
    if not same or carrier_problem(wanted) or not all(_runs(state, spec) for spec in wanted.specs):
        return None
    return None if health.problems(wanted.specs, recipe) else state
