"""Checks of a cold spare and of the host that it stands in for: each takes a testinfra host and asserts one thing.

What a promotion keeps on the spare lies in ``/var/lib/drillbook/standby/<protection>``:

    cold            the manifest of the spare before anything came onto it, one line a file
    manifest.sh     the program that wrote it, so that the same one is asked after the wipe
    whole           the archive that was restored; gone when the spare is wiped
    incoming/       what was restored and is not yet in its place
    kept/           what was in its place before
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host

NOTES = "/var/lib/drillbook/snapshots"
STANDBY = "/var/lib/drillbook/standby"
ROLES = "/etc/drillbook/roles"
CLOCK_SECONDS = 30
"""How far a spare's clock may be wrong: logins and certificates are told by it."""
_SPARE_BYTES = 64 * 1024 * 1024
_SHOWN = 20
_PARTS = 4


class CannotTell(Exception):
    """The host could not be asked, so nothing is known."""


class WillNot(AssertionError):
    """It does not hold, and waiting will not help: whoever asks is told at once."""


def is_free(host: Host) -> None:
    """The spare holds no role, and nothing of an earlier one is left on it."""
    done = host.run(
        'for role in %s/*.conf; do [ ! -e "$role" ] || basename "$role" .conf; done; '
        'for left in %s/*/incoming %s/*/kept; do [ ! -e "$left" ] || echo "/$left"; done; echo looked',
        ROLES, STANDBY, STANDBY,
    )  # fmt: skip
    lines = done.stdout.split()
    if not lines or lines[-1] != "looked":
        raise CannotTell(f"it cannot be told whether the spare is free: {done.stderr.strip()}")
    held = [line for line in lines[:-1] if not line.startswith("/")]
    left = [line[1:] for line in lines[:-1] if line.startswith("/")]
    assert not held, f"the spare is in use: it holds {', '.join(held)}; give that back first (RB-STANDBY-FAILBACK)"
    assert not left, f"the spare is not clean: an earlier run left {left[0]}; roll that run back, or wipe the spare"


def is_fit(host: Host, units: list[str]) -> None:
    """The spare has the software, and its clock is right."""
    done = host.run(
        "date +%%s; command -v borg arping >/dev/null || echo borg arping missing; "
        "systemctl show --property=Id,LoadState " + " ".join("%s" for _ in units),
        *units,
    )
    first, *rest = done.stdout.splitlines() or [""]
    if not first.isdecimal():
        raise CannotTell(f"the spare cannot be looked at: {done.stderr.strip()}")
    wrong = int(first) - datetime.now(UTC).timestamp()
    assert abs(wrong) <= CLOCK_SECONDS, (
        f"the spare's clock is wrong by {abs(wrong):.0f} s, at most {CLOCK_SECONDS} s are allowed; set it right first"
    )
    text = "\n".join(rest)
    assert "missing" not in text.split("\n", 1)[0], "the spare lacks borg or arping; install borgbackup, iputils-arping"
    for block in text.split("\n\n"):
        shown = dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
        assert shown.get("LoadState") == "loaded", (
            f"the spare lacks the software of {shown.get('Id', 'the role')}: the unit is {shown.get('LoadState')}"
        )


def size_of_largest(host: Host, protection: str) -> dict[str, str]:
    """Choose, on the repository's host, the bytes that the largest of the verified snapshots takes when restored."""
    done = host.run("cat %s", f"{NOTES}/{protection}.jsonl")
    sizes = []
    for line in done.stdout.splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            continue  # whoever chooses the archives says so
        if isinstance(note, dict) and note.get("ok") is True and isinstance(note.get("size"), int):
            sizes.append(note["size"])
    assert sizes, f"there is no verified snapshot of {protection} on this host"
    return {"value": str(max(sizes)), "detail": f"{max(sizes) / 1e6:.0f} MB"}


def has_room(host: Host, size: str) -> None:
    """The spare's disk has room for a snapshot of so many bytes, a tenth more, and 64 MB."""
    done = host.run("mkdir -p %s && df --output=avail -B1 %s | tail -n 1", STANDBY, STANDBY)
    if done.rc != 0 or not done.stdout.strip().isdecimal():
        raise CannotTell(f"the spare's disk cannot be looked at: {done.stderr.strip()}")
    free, needed = int(done.stdout), int(size) * 11 // 10 + _SPARE_BYTES
    assert free >= needed, (
        f"the spare is too small: {free / 1e6:.0f} MB are free where {STANDBY} is, and {needed / 1e6:.0f} MB are needed"
    )


def restored(host: Host, protection: str) -> None:
    """A snapshot is whole on this host, and the spare's manifest of before is there."""
    done = host.run("cat %s/whole", f"{STANDBY}/{protection}")
    assert done.rc == 0, f"no snapshot of {protection} is restored: {done.stderr.strip()}"


def has_manifest(host: Host, protection: str) -> None:
    """The promotion that the spare is in was a run's: the manifest that the wipe is proved by is of that promotion."""
    # An earlier promotion's manifest stays after its failback, without the archive's name.
    done = host.run("cd %s 2>/dev/null && ls -d cold manifest.sh whole; echo looked", f"{STANDBY}/{protection}")
    lines = done.stdout.split()
    if not lines or lines[-1] != "looked":
        raise CannotTell(f"it cannot be told how the spare was promoted: {done.stderr.strip()}")
    assert lines[:-1] == ["cold", "manifest.sh", "whole"], (
        f"the spare was promoted by hand: {STANDBY}/{protection} has no manifest of this promotion, so nothing could "
        "prove it cold again; give it back by hand: ./inv runbooks.show RB-STANDBY-FAILBACK"
    )


def name_of_last(host: Host, item: str) -> dict[str, str]:
    """Choose the name of the archive that a failback takes last and restores: of this run alone.

    Known before anything is done, so that whoever resumes the run restores that one or none.
    """
    done = host.run("date -u +%Y%m%dT%H%M%SZ")
    if done.rc != 0:
        raise CannotTell(f"the repository's host does not tell the time: {done.stderr.strip()}")
    name = f"{item}.{done.stdout.strip()}-last"
    return {"value": name, "detail": name}


def has_role(host: Host, protection: str, paths: list[str]) -> None:
    """Every path of the role is in its place."""
    places = [path for path in paths if path]
    done = host.run("ls -d " + " ".join("%s" for _ in places), *places)
    assert done.rc == 0, f"{protection} is not whole here: {(done.stderr.strip().splitlines() or ['?'])[0]}"


def is_serving(host: Host, units: list[str]) -> None:
    """The units are active."""
    done = host.run("systemctl is-active " + " ".join("%s" for _ in units), *units)
    assert done.rc == 0, f"not active: {', '.join(_not_in(('active',), units, done.stdout))}"


def is_stopped(host: Host, units: list[str]) -> None:
    """None of the units is active, or on its way to be."""
    done = host.run("systemctl is-active " + " ".join("%s" for _ in units), *units)
    states = done.stdout.split()
    if len(states) != len(units):
        raise CannotTell(f"the units cannot be looked at: {done.stderr.strip()}")
    still = _not_in(("inactive", "failed"), units, done.stdout)
    assert not still, f"still running: {', '.join(still)}"


def _not_in(wanted: tuple[str, ...], units: list[str], said: str) -> list[str]:
    states = said.split()
    return [
        f"{unit} ({state})"
        for unit, state in zip(units, [*states, *["unknown"] * len(units)], strict=False)
        if state not in wanted
    ]


def has_identity(host: Host, address: str, interface: str, hostname: str) -> None:
    """It has the service's address and host name, and the SSH server of the identity answers there."""
    done = host.run(
        "hostname; systemctl is-active identity-ssh.service; ip -o address show dev %s | grep -F %s && "
        "timeout 1 bash -c 'exec 3<>\"/dev/tcp/$0/22\" && echo answers' %s",
        interface, f" {address}/", address,
    )  # fmt: skip
    name, _, rest = done.stdout.partition("\n")
    ssh, _, shown = rest.partition("\n")
    if not ssh:
        raise CannotTell(f"{interface} cannot be looked at: {done.stderr.strip()}")
    assert shown, f"{interface} does not have {address}"
    assert name == hostname, f"its host name is {name}, not {hostname}"
    assert ssh == "active", f"the SSH server of its identity is {ssh}: systemctl status identity-ssh.service"
    assert shown.endswith("\nanswers\n"), f"nothing answers on {address}, port 22"


def is_cold(
    host: Host, *, protection: str, item: str, units: list[str], address: str, interface: str, places: str
) -> None:
    """The spare is what it was before: the same files, no service, no address, its own name.

    Files that differ are looked at again a little later, since a service that ends may still take its own away; what
    differs then stays so.
    """
    done = host.run(
        "hostname; ip -o address show dev %s; echo --; systemctl is-active "
        + " ".join("%s" for _ in units)
        + "; echo --; cd %s && ls && echo -- && { now() { sh manifest.sh "
        + " ".join("%s" for _ in places.split())
        + " | LC_ALL=C comm -3 cold - ; }; said=$(now); "
        + 'if [ -n "$said" ]; then sleep 1; said=$(now); fi; printf "%%s\\n" "$said"; }',
        interface, *units, f"{STANDBY}/{protection}", *places.split(),
    )  # fmt: skip
    parts = [part.splitlines() for part in f"\n{done.stdout}".split("\n--\n")]
    if len(parts) != _PARTS or "cold" not in parts[2]:
        raise CannotTell(f"it cannot be told whether the spare is cold: {done.stderr.strip() or 'no manifest'}")
    (_, name, *shown), states, there, lines = parts
    assert not any(f" {address}/" in line for line in shown), f"{interface} still has {address}"
    assert name == item, f"its host name is {name}, not {item}"
    still = _not_in(("inactive", "failed"), units, " ".join(states))
    assert not still, f"still running: {', '.join(still)}"
    left = [each for each in there if each not in ("cold", "manifest.sh")]
    assert not left, f"not wiped: {STANDBY}/{protection}/{left[0]} is still there"
    changed = list(dict.fromkeys(line.split("|")[0].strip() for line in lines if line))
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise WillNot(f"not as it was when cold: {', '.join(changed[:_SHOWN])}{more}")
