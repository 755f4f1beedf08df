"""Brings the lab up, says how it is, takes it down.

``up`` looks before it acts. A lab that is whole is left as it is. A host with anything wrong is made
anew from the image: its data are a drill's, so there is nothing to save, and a blank host is the one
state that needs no diagnosis. When what carries the hosts is wrong (the machine was restarted, the
mount namespace or podman's records are lost), everything of the lab's is swept away first. Nothing
that is not the lab's is ever looked at: it has its own storage, cgroup, bridge and directories.
"""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import digest, digest_bytes
from drillbook.errors import MissingPrerequisite, Refused, StepFailed, UsageError
from drillbook.lab import health, hosts, machine, network, podman, vitals
from drillbook.lab.access import access_while_making
from drillbook.lab.image import Recipe, drop_other_images, ensure_image
from drillbook.lab.keys import make_keys
from drillbook.lab.provision import lab_secret, provision
from drillbook.lab.spec import specs_from
from drillbook.lab.state import (
    FAULTS_DIR,
    LAB,
    POWER_DIR,
    RUN_DIR,
    SSH_DIR,
    STATE_DIR,
    UP_COMMAND,
    LabState,
    read_state,
    write_state,
)  # fmt: skip
from drillbook.lab.timings import phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.spec import HostSpec
    from drillbook.progress import Progress

_BOOT_TIMEOUT = 60.0
_HEALTH_TIMEOUT = 20.0


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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The lab that the CMDB describes."""

    environment: str
    subnet: str
    specs: tuple[HostSpec, ...]
    image: Recipe
    playbook: str
    inventory: str
    root: Path

    @property
    def recipe(self) -> str:
        """Give the digest of all that the hosts are made from."""
        files = sorted(
            path
            for part in (self.root / "playbooks" / self.playbook, self.root / "playbooks" / "roles")
            for path in ([part] if part.is_file() else part.rglob("*"))
            if path.is_file()
        )
        return digest(
            {
                "image": self.image.tag,
                "subnet": self.subnet,
                "hosts": [[spec.item, spec.address, spec.ssh_port] for spec in self.specs],
                "inventory": self.inventory,
                "playbooks": {str(path.relative_to(self.root)): digest_bytes(path.read_bytes()) for path in files},
            }
        )


def up(cmdb: Cmdb, *, environment: str, root: Path, progress: Progress, fresh: bool = False) -> LabState:
    """Make the lab of an environment whole and give its state; leave it alone when it is.

    ``root`` is the estate's folder. ``fresh`` makes every host anew.

    Raises MissingPrerequisite (no root, packages that cannot be installed), Locked (another ``up`` or
    ``down`` is at work), Refused (the lab is another checkout's), StepFailed, HostUnreachable.
    """
    machine.require_root()
    root = root.resolve()
    wanted = _wanted(cmdb, environment, root)
    machine.install(machine.missing_packages(), progress)
    with machine.exclusive():
        blank = fresh or _left_behind(root)
        recipe = wanted.recipe
        if not blank:
            state = _whole(wanted, recipe)
            if state is not None:
                return state
        (STATE_DIR / "lab.json").unlink(missing_ok=True)
        _make_hosts(wanted, recipe, progress, blank=blank)
        _provision(wanted, recipe, progress)
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
    wanted = _wanted(cmdb, environment, root)
    problem = _carrier_problem(wanted)
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
        _sweep()
        machine.put_back()
        for folder in (SSH_DIR, POWER_DIR, FAULTS_DIR):
            shutil.rmtree(folder, ignore_errors=True)
        (STATE_DIR / "secrets.json").unlink(missing_ok=True)
        if purge:
            shutil.rmtree(STATE_DIR)
        elif not any(STATE_DIR.iterdir()):
            STATE_DIR.rmdir()
        shutil.rmtree(RUN_DIR)


def _wanted(cmdb: Cmdb, environment: str, root: Path) -> _Wanted:
    from drillbook.cmdb.inventory import inventory_text

    entry = cmdb.environments[environment]
    if entry.get("addresses_of"):
        entry = cmdb.environments[entry.get("addresses_of")]
    if entry.get("kind") != "lab":
        labs = [each.id for each in cmdb.environments if each.get("kind") == "lab"]
        raise UsageError(
            f"'{environment}' is not an environment that the lab can make",
            remedy=f"those are: {', '.join(labs) or 'none'}",
        )
    return _Wanted(
        environment=entry.id,
        subnet=cmdb.networks[entry.get("network")].get("subnet"),
        specs=specs_from(cmdb, entry.id),
        image=Recipe.from_fields(entry.get("image")),
        playbook=entry.get("provision"),
        inventory=inventory_text(cmdb, entry.id),
        root=root,
    )


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


def _carrier_problem(wanted: _Wanted) -> str:
    """Give what is wrong with what carries the hosts, or an empty text."""
    if not machine.same_boot():
        return "the machine was restarted since the lab was made"
    if not podman.namespace_lives():
        return "the lab's mount namespace is gone"
    if not network.bridge_is_right(wanted.subnet):
        return "the lab's bridge is gone or has another address"
    return ""


def _whole(wanted: _Wanted, recipe: str) -> LabState | None:
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
    if not same or _carrier_problem(wanted) or not all(_runs(state, spec) for spec in wanted.specs):
        return None
    return None if health.problems(wanted.specs, recipe) else state


def _make_hosts(wanted: _Wanted, recipe: str, progress: Progress, *, blank: bool) -> None:
    """Have every host running: healthy ones as they are, others blank."""
    if not blank and not _carrier_problem(wanted):
        try:
            _carry(wanted, progress)
            _remake_hosts(wanted, recipe, progress)
        except StepFailed:
            # Podman cannot work with its records. Without them there is nothing to be wrong.
            pass
        else:
            return
    _sweep()
    _carry(wanted, progress)
    _remake_hosts(wanted, recipe, progress)


def _carry(wanted: _Wanted, progress: Progress) -> None:
    """Have what carries the hosts: limits, mount namespace, keys, image, bridge."""
    machine.prepare()
    if not podman.namespace_lives():
        podman.make_namespace()
    shutil.rmtree(POWER_DIR, ignore_errors=True)
    POWER_DIR.mkdir(mode=0o700)
    make_keys(wanted.specs)
    ensure_image(wanted.image, progress)
    podman.configure(podman.STORAGE, [wanted.image.store])
    network.make_bridge(wanted.subnet)


def _remake_hosts(wanted: _Wanted, recipe: str, progress: Progress) -> None:
    """Leave the healthy hosts; make all others anew."""
    found = hosts.find()
    candidates = [
        spec
        for spec in wanted.specs
        if spec.item in found
        and found[spec.item].spec == hosts.spec_digest(spec, wanted.image)
        and vitals.processes(found[spec.item].container_id)
    ]
    said: Mapping[str, str] = health.problems(candidates, recipe) if candidates else {}
    healthy = {spec.item for spec in candidates} - set(said)
    anew = [spec for spec in wanted.specs if spec.item not in healthy]
    hosts.remove(item for item in found if item not in healthy)
    if anew:
        with phase(progress, f"starting {len(anew)} hosts"):
            hosts.create(anew, wanted.specs, wanted.image)
            hosts.start(anew, wanted.subnet)
            health.wait_booted(anew, timeout=_BOOT_TIMEOUT)


def _provision(wanted: _Wanted, recipe: str, progress: Progress) -> None:
    with phase(progress, f"provisioning {len(wanted.specs)} hosts with {wanted.playbook}") as shown:
        provision(
            wanted.root / "playbooks" / wanted.playbook,
            inventory=wanted.inventory,
            variables={"lab_secret": lab_secret()},
            access=access_while_making(wanted.specs),
            shown=shown,
        )
    with phase(progress, "checking every host"):
        _wait_healthy(wanted, recipe)


def _wait_healthy(wanted: _Wanted, recipe: str) -> None:
    deadline = time.monotonic() + _HEALTH_TIMEOUT
    while said := health.problems(wanted.specs, recipe, just_made=True):
        if time.monotonic() > deadline:
            raise StepFailed(
                "the lab is not healthy: " + "; ".join(f"{item}: {text}" for item, text in said.items()),
                remedy=f"{UP_COMMAND} --fresh",
            )
        time.sleep(0.2)


def _sweep() -> None:
    """Remove every process, mount, interface and container of the lab, in whatever state they are."""
    vitals.sweep_processes()
    podman.drop_namespace()
    network.drop_bridge()
    shutil.rmtree(podman.STORAGE, ignore_errors=True)
    for left in [*RUN_DIR.glob("*.run"), *RUN_DIR.glob("*.tmp"), RUN_DIR / "crun", RUN_DIR / "ansible"]:
        shutil.rmtree(left, ignore_errors=True)
