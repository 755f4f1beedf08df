"""Makes the lab's hosts and what carries them, and sweeps all of it away.

A host with anything wrong is made anew from the image: its data are a drill's, so there is nothing to save, and a
blank host is the one state that needs no diagnosis. When what carries the hosts is wrong (the machine was restarted,
the mount namespace or podman's records are lost), everything of the lab's is swept away first.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from drillbook.errors import StepFailed
from drillbook.lab import health, hosts, machine, network, podman, vitals
from drillbook.lab.access import access_while_making
from drillbook.lab.image import ensure_image
from drillbook.lab.keys import make_keys
from drillbook.lab.provision import lab_secret, provision
from drillbook.lab.state import POWER_DIR, RUN_DIR, UP_COMMAND
from drillbook.lab.timings import phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.lab.wanted import Wanted
    from drillbook.progress import Progress

_BOOT_TIMEOUT = 60.0
_HEALTH_TIMEOUT = 20.0


def carrier_problem(wanted: Wanted) -> str:
    """Give what is wrong with what carries the hosts, or an empty text."""
    if not machine.same_boot():
        return "the machine was restarted since the lab was made"
    if not podman.namespace_lives():
        return "the lab's mount namespace is gone"
    if not network.bridge_is_right(wanted.subnet):
        return "the lab's bridge is gone or has another address"
    return ""


def make_hosts(wanted: Wanted, recipe: str, progress: Progress, *, blank: bool) -> None:
    """Have every host running: healthy ones as they are, others blank."""
    if not blank and not carrier_problem(wanted):
        try:
            _carry(wanted, progress)
            _remake_hosts(wanted, recipe, progress)
        except StepFailed:
            # Podman cannot work with its records. Without them there is nothing to be wrong.
            pass
        else:
            return
    sweep()
    _carry(wanted, progress)
    _remake_hosts(wanted, recipe, progress)


def _carry(wanted: Wanted, progress: Progress) -> None:
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


def _remake_hosts(wanted: Wanted, recipe: str, progress: Progress) -> None:
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


def provision_hosts(wanted: Wanted, recipe: str, progress: Progress) -> None:
    """Make of blank hosts what they are to be, and wait until all are well. Raises StepFailed when one is not."""
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


def _wait_healthy(wanted: Wanted, recipe: str) -> None:
    deadline = time.monotonic() + _HEALTH_TIMEOUT
    while said := health.problems(wanted.specs, recipe, just_made=True):
        if time.monotonic() > deadline:
            raise StepFailed(
                "the lab is not healthy: " + "; ".join(f"{item}: {text}" for item, text in said.items()),
                remedy=f"{UP_COMMAND} --fresh",
            )
        time.sleep(0.2)


def sweep() -> None:
    """Remove every process, mount, interface and container of the lab, in whatever state they are."""
    vitals.sweep_processes()
    podman.drop_namespace()
    network.drop_bridge()
    shutil.rmtree(podman.STORAGE, ignore_errors=True)
    for left in [*RUN_DIR.glob("*.run"), *RUN_DIR.glob("*.tmp"), RUN_DIR / "crun", RUN_DIR / "ansible"]:
        shutil.rmtree(left, ignore_errors=True)
