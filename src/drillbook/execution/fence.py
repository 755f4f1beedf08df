"""Fencing: power off from outside, and the proof that it worked.

The proof has two halves. Power control, asked again after the action, reads ``off``; and no witness
gets an answer on any of the host's ports. Witnesses can refute what power control says, never replace
it. A witness that cannot be asked is no evidence; at least one must have looked. What this cannot
see: power control that lies about a host which no witness can reach either. Synchronous replication
is the second barrier for that case (docs/fencing.md).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from drillbook.errors import DrillbookError, FencingNotProved
from drillbook.hosts.connection import PRESENT_SECONDS
from drillbook.hosts.power import PowerState

if TYPE_CHECKING:
    from drillbook.clock import Clock
    from drillbook.hosts.connection import HostConnection, Hosts
    from drillbook.hosts.power import PowerDriver
    from drillbook.plan.model import FenceRun, Target

# A host of the same network answers a connection attempt within a millisecond.
LOOK_SECONDS = 0.15
_FULL_SECONDS = LOOK_SECONDS + 3
_POLL_SECONDS = 0.01
# Prints the ports of a host that accept a connection, one a line, and "looked" in the end. First it connects to
# the witness's own sshd: a witness that cannot see what must answer is no evidence of silence.
# Arguments: address, own port, seconds, ports.
_LOOK = """
knock() { timeout "$1" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null; }
address=$1 own=$2 limit=$3
shift 3
knock 1 127.0.0.1 "$own" || exit 3
for port in "$@"; do
    { knock "$limit" "$address" "$port" && echo "$port"; } &
done
wait
echo looked
"""
_LOOKED = "looked"


def fence(
    action: FenceRun, *, target: Target, driver: PowerDriver, hosts: Hosts, clock: Clock, timeout: float
) -> dict[str, Any]:
    """Fence a host and give the proof, as a JSON value for the journal.

    Raises FencingNotProved, with what stands against the proof; then the host may still act.
    """
    deadline = clock.monotonic() + timeout
    mend = f"mend that, so that its power control says that {action.item} is off; then resume the run"
    try:
        driver.off()
        while (state := driver.state()) is not PowerState.OFF:
            if clock.monotonic() > deadline:
                raise FencingNotProved(
                    f"power control still reads '{state}' for {action.item} after {timeout:g} s",
                    remedy=mend,
                )
            clock.sleep(_POLL_SECONDS)
    except FencingNotProved:
        raise
    except DrillbookError as error:
        raise FencingNotProved(f"power control of {action.item} failed: {error.message}", remedy=mend) from None
    seen = look(action, target, hosts)
    looked = [item for item, ports in seen.items() if ports is not None]
    for item in looked:
        if seen[item]:
            raise FencingNotProved(
                f"power control says that {action.item} is off, but {item} still gets an answer from it on "
                f"port {', '.join(map(str, seen[item] or ()))}: power control is wrong",
                remedy=mend,
            )
    if not looked:
        raise FencingNotProved(
            f"no witness could look whether {action.item} is silent ({', '.join(action.witnesses)})",
            remedy=mend,
        )
    return {"power": str(state), "witnesses": seen, "ports": list(action.ports)}


def look_words(action: FenceRun, target: Target, witness: Target) -> list[str]:
    """Give the command by which a witness looks at the ports of the host that is fenced."""
    own = str(witness.ssh_port)
    return ["bash", "-c", _LOOK, "look", target.address, own, str(LOOK_SECONDS), *map(str, action.ports)]


def look(action: FenceRun, target: Target, hosts: Hosts) -> dict[str, list[int] | None]:
    """Let each witness look, all at once; give for each the ports that answered it, or None when it could not look.

    A witness may be dead itself: lost with the same room, say. One that neither answers over an open connection nor
    takes a new one within ``PRESENT_SECONDS`` is waited for no longer, when another one has looked. All others, and
    all of them where none has looked, get their full time.
    """
    absent: list[str] = []

    def ask(item: str) -> list[int] | None:
        found = None
        if hosts[item].is_open:
            found = _ask(item, action, target, hosts, seconds=PRESENT_SECONDS)
        if found is None and not present[item].result():
            absent.append(item)
        elif found is None:
            found = _ask(item, action, target, hosts, seconds=_FULL_SECONDS)
        return found

    with ThreadPoolExecutor(max_workers=2 * len(action.witnesses)) as pool:
        present = {item: pool.submit(_is_present, hosts[item]) for item in action.witnesses}
        seen = dict(zip(action.witnesses, pool.map(ask, action.witnesses), strict=True))
        if absent and all(ports is None for ports in seen.values()):
            last = pool.map(lambda item: _ask(item, action, target, hosts, seconds=_FULL_SECONDS), absent)
            seen |= dict(zip(absent, last, strict=True))
    return seen


def _is_present(witness: HostConnection) -> bool:
    try:
        return witness.is_present()
    except DrillbookError:
        return False  # nothing permits it


def _ask(item: str, action: FenceRun, target: Target, hosts: Hosts, *, seconds: float) -> list[int] | None:
    argv = look_words(action, target, hosts[item].target)
    try:
        done = hosts[item].run(argv, timeout=seconds)
    except DrillbookError:
        return None
    *ports, last = done.stdout.split() or [""]
    if done.exit_code != 0 or last != _LOOKED or not all(port.isdecimal() for port in ports):
        return None
    return sorted(map(int, ports))
