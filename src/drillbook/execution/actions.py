"""One action on one host, and what came of it. Nothing here writes the journal."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from drillbook.canonical import digest_bytes
from drillbook.errors import (
    DrillbookError,
    FencingNotProved,
    HostUnreachable,
    Locked,
    OutcomeUnknown,
    Refused,
    StepFailed,
    StoppedByPerson,
)
from drillbook.execution.by_hand import LABEL, stand_in
from drillbook.execution.fence import fence
from drillbook.facts.checks import limit_of
from drillbook.hosts.agent import Agent, Effect, Ended
from drillbook.hosts.ansible import run_playbook
from drillbook.hosts.power import PowerState
from drillbook.plan.model import CheckRun, Command, FenceRun, ManualStep, PlaybookRun, PowerRun, WaitRun
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.artifacts.seal import Sealed
    from drillbook.clock import Clock
    from drillbook.execution.by_hand import FencedByHand
    from drillbook.facts.checks import Checks, Fact
    from drillbook.hosts.access import Access
    from drillbook.hosts.connection import Hosts
    from drillbook.hosts.power import PowerDriver
    from drillbook.plan.model import Action, Plan, Target

_POWER_POLL = 0.1
_SHOWN = 400
_NOTE = "note: "
_MOST_NOTES = 5
_NOTE_SHOWN = 200  # characters


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an action. ``outcome``: succeeded | failed | unknown.

    ``detail`` is one line for a person; ``evidence`` a JSON value for the journal; ``error`` the kind of
    failure when it is a special one (fencing).
    """

    outcome: str
    detail: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    error: DrillbookError | None = None


class Person(Protocol):
    """Who is asked when a step is done by a person."""

    def confirm(self, instruction: str) -> tuple[str, bool]:
        """Show an instruction and wait; give the person's name, and whether it is done."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the engine that an action may use; injected.

    ``change_type`` and ``executor`` are what hosts write down of the run: standard | normal | emergency, and who.
    ``by_hand``: a host of which two people state that it is off, in break-glass.
    """

    plan: Plan
    run: str
    folder: Path
    sealed: Sealed
    hosts: Hosts
    checks: Checks
    access: Access
    power: Callable[[Target], PowerDriver]
    person: Person
    clock: Clock
    stopping: Callable[[], bool]
    change_type: str
    executor: str
    language: str = "en"
    by_hand: FencedByHand | None = None

    def agent(self, item: str) -> Agent:
        """Give the agent of a host."""
        return Agent(self.hosts[item])


def operator() -> str:
    """Give who runs this, as a text for the record: ``login@machine``; sudo's caller when there is one."""
    login = os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{login}@{os.uname().nodename}"


def act(action: Action, world: World, *, key: str, token: int | None, timeout: float) -> Result:
    """Do an action and wait for its end.

    ``key`` names the attempt on the host; ``token`` is the host's fencing token (None for what changes no
    host through it); ``timeout`` in seconds.
    """
    match action:
        case Command():
            raise TypeError("a command is an effect on one host: effect() takes the host")
        case CheckRun():
            return _of_fact(world.checks.run(action))
        case WaitRun():
            return wait_for(action, world, timeout=timeout)
        case ManualStep():
            text = action.instruction.zh if world.language == "zh" else action.instruction.en
            name, done = world.person.confirm(text)
            evidence = {"confirmed_by": name}
            return Result("succeeded" if done else "failed", f"{'done' if done else 'not done'}, says {name}", evidence)
        case FenceRun():
            return _fence(action, world, timeout)
        case PowerRun():
            return _power(action, world, timeout)
        case PlaybookRun():
            return _playbook(action, world, key=key, token=token, timeout=timeout)


def effect(item: str, command: Command, world: World, *, key: str, token: int, timeout: float) -> Result:
    """Run a command as a unit on a host."""
    try:
        return of_effect(world.agent(item).effect(world.run, key, token, command, timeout=timeout))
    except OutcomeUnknown as error:
        return Result("unknown", error.message)
    except HostUnreachable as error:
        return Result("failed", f"{error.message}; nothing was sent")


def of_effect(ended: Effect) -> Result:
    """Give the result of an effect that the host reports.

    Lines of its output that begin with ``note: `` are what a person must know; the first five are kept as ``notes``.
    """
    evidence: dict[str, Any] = {"ended": str(ended.ended), "exit_code": ended.exit_code}
    for name, output in (("stdout", ended.stdout), ("stderr", ended.stderr)):
        if output:
            evidence[name] = visible(output.strip(), limit=_SHOWN)
            evidence[f"{name}_digest"] = digest_bytes(output.encode())
    notes = [line.removeprefix(_NOTE).strip() for line in ended.stdout.splitlines() if line.startswith(_NOTE)]
    if notes:
        evidence["notes"] = [visible(note, limit=_NOTE_SHOWN) for note in notes[:_MOST_NOTES]]
    match ended.ended:
        case Ended.SUCCEEDED:
            return Result("succeeded", "", evidence)
        case Ended.FAILED:
            said = ended.stderr.strip() or ended.stdout.strip() or "it said nothing"
            return Result("failed", f"exit code {ended.exit_code}: {visible(said)}", evidence)
        case Ended.TIMED_OUT:
            return Result("failed", "not ended in time; its processes were ended on the host", evidence)
        case Ended.STOPPED:
            return Result("failed", "stopped; its processes were ended on the host", evidence)
        case Ended.REFUSED:
            error = Locked("the host refused: another run has taken its lock since")
            return Result("failed", error.message, evidence, error)
        case _:
            return Result("unknown", f"on the host it is {ended.ended}", evidence)


def wait_for(action: WaitRun, world: World, *, timeout: float) -> Result:
    """Poll a check until it holds or says that it will not, the time is over, or a person stops the run."""
    began = world.clock.monotonic()
    deadline = began + timeout
    tries = 0
    while True:
        now = world.clock.monotonic()
        fact = world.checks.run(action.check, limit=limit_of(now - began, deadline - now))
        tries += 1
        if fact.held:
            return Result("succeeded", "", {"tries": tries})
        if fact.final:
            return Result("failed", fact.detail, {"tries": tries})
        if world.clock.monotonic() + action.interval > deadline:
            return Result("failed", f"after {timeout:g} s: {fact.detail}", {"tries": tries})
        if world.stopping():
            stopped = StoppedByPerson(f"stopped while waiting: {fact.detail}")
            return Result("failed", stopped.message, {"tries": tries}, stopped)
        world.clock.sleep(action.interval)


def _of_fact(fact: Fact) -> Result:
    return Result("succeeded" if fact.held else "failed", fact.detail, {"known": fact.known})


def _fence(action: FenceRun, world: World, timeout: float) -> Result:
    target = world.plan.targets[action.item]
    try:
        proof = fence(
            action,
            target=target,
            driver=world.power(target),
            hosts=world.hosts,
            clock=world.clock,
            timeout=timeout,
        )
    except FencingNotProved as error:
        return _fenced_by_hand(action, world, error)
    return Result("succeeded", "", proof)


def _fenced_by_hand(action: FenceRun, world: World, why: FencingNotProved) -> Result:
    """Take what two people state in place of the proof, in break-glass and where nothing speaks against it."""
    if world.change_type != "emergency":
        return Result("failed", why.message, {}, why)
    why.remedy += (
        f"\nor two people switch it off, see that it is dark, and say so: ./inv runbooks.resume {world.run} "
        f"--fenced-by-hand {action.item} --witness KEY-OF-THE-SECOND"
    )
    if world.by_hand is None:
        return Result("failed", why.message, {}, why)
    target = world.plan.targets[action.item]
    try:
        stated = stand_in(
            world.by_hand,
            action,
            why,
            target=target,
            driver=world.power(target),
            hosts=world.hosts,
            clock=world.clock,
            facts={"run": world.run, "plan": world.plan.digest, "environment": world.plan.environment},
        )
    except FencingNotProved as error:
        return Result("failed", error.message, {}, error)
    return Result("succeeded", f"{LABEL}: {why.message}", stated)


def _power(action: PowerRun, world: World, timeout: float) -> Result:
    """Power on (or off and on), then wait until the host lets us in."""
    target = world.plan.targets[action.item]
    driver = world.power(target)
    deadline = world.clock.monotonic() + timeout
    try:
        if action.state == "cycle":
            driver.off()
        if driver.state() is not PowerState.ON:
            driver.on()
    except (HostUnreachable, StepFailed) as error:
        return Result("failed", f"power control: {error.message}")
    while True:
        failed = world.hosts.open([action.item])
        if not failed:
            return Result("succeeded", "", {"power": str(driver.state())})
        if world.clock.monotonic() > deadline or world.stopping():
            return Result("failed", failed[action.item].message)
        world.clock.sleep(_POWER_POLL)


def _playbook(action: PlaybookRun, world: World, *, key: str, token: int | None, timeout: float) -> Result:
    target = world.plan.targets[action.item]
    try:
        holds = token is not None and world.agent(action.item).holds(world.run, token)
    except (HostUnreachable, OutcomeUnknown) as unreachable:
        return Result("failed", f"{unreachable.message}; the playbook was not begun")
    if not holds:
        error = Locked(f"{action.item}: another run has taken its lock since")
        return Result("failed", error.message, {}, error)
    try:
        world.sealed.verify()  # Ansible reads many files: what is altered while it does is not seen
    except Refused as changed:
        return Result("failed", changed.message, {}, changed)
    result = run_playbook(
        action.file,
        project=world.sealed.path,
        inventory={
            "all": {
                "hosts": {
                    action.item: {
                        "ansible_host": target.address,
                        "ansible_user": target.ssh_user,
                        "ansible_port": target.ssh_port,
                    }
                }
            }
        },
        variables=dict(action.variables),
        access=world.access,
        folder=world.folder / "ansible" / key,
        timeout=timeout,
    )
    evidence = {"changed": result.changed, "output": str(result.folder.relative_to(world.folder))}
    if result.succeeded:
        return Result("succeeded", "", evidence)
    return Result("failed" if result.ended else "unknown", "; ".join(result.failures), evidence)
