"""Checks of roles that one host at a time holds: who the witness names, and who answers for an address.

Each takes a testinfra host and asserts one thing. They only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


class CannotTell(Exception):
    """The host could not be asked, so nothing is known."""


def _holder(host: Host, protection: str) -> str:
    """Give the item that the witness names."""
    done = host.run("curl -fsS --noproxy '*' --max-time 3 http://127.0.0.1:8053/%s", protection)
    if done.rc != 0:
        raise CannotTell(f"the witness does not say who holds {protection}: {done.stderr.strip()}")
    return str(done.stdout).strip()


def is_holder(host: Host, protection: str, item: str) -> None:
    """On the witness: it names the item as the holder of the role."""
    found = _holder(host, protection)
    assert found == item, f"{found or 'nobody'} holds {protection}, not {item}"


def is_not_holder(host: Host, protection: str, item: str) -> None:
    """On the witness: it does not name the item as the holder of the role."""
    assert _holder(host, protection) != item, f"{item} holds {protection}"


# What a host says of one role: its address on the interface, its units, its name, and who it is.
_HELD = r"""
ip -o -4 address show dev %s | grep -q -F ' '%s/ && echo address
for unit in %s; do systemctl --quiet is-active "$unit" && echo "$unit"; done
echo "name $(hostname)"
echo "item $(cat /etc/drillbook/item)"
"""


def _held(host: Host, address: str, interface: str, units: list[str]) -> tuple[list[str], str, str]:
    done = host.run(_HELD, interface, address, " ".join(units))
    lines = done.stdout.splitlines()
    if done.rc != 0 or len(lines) < 2:  # noqa: PLR2004 - its name and its item
        raise CannotTell(f"it does not say what it holds: {done.stderr.strip()}")
    return lines[:-2], lines[-2].removeprefix("name "), lines[-1].removeprefix("item ")


def holds_role(host: Host, address: str, interface: str, units: list[str], hostname: str) -> None:
    """The host has the role's address and name, and its units run."""
    up, name, _ = _held(host, address, interface, units)
    missing = [each for each in ("address", *units) if each not in up]
    assert not missing, f"of the role, this is not up here: {', '.join(missing)}"
    assert name == hostname, f"its name is {name}, not {hostname}"


def lacks_role(host: Host, address: str, interface: str, units: list[str]) -> None:
    """The host has not the role's address, none of its units runs, and its name is its own."""
    up, name, item = _held(host, address, interface, units)
    assert not up, f"of the role, this is up here: {', '.join(up)}"
    assert name == item, f"its name is {name}, not {item}"


# For each role whose data the host has, or that is up: its name and its address, if that is up.
_ROLES = r"""
for file in /etc/drillbook/roles/*.conf; do
    [ -e "$file" ] || continue
    role=${file##*/}
    echo "${role%%.conf}"
done
"""


def holds_no_role(host: Host) -> None:
    """The host has no role's data, and its name is its own: a spare that is free."""
    done = host.run(_ROLES + 'echo "name $(hostname)"; echo "item $(cat /etc/drillbook/item)"')
    lines = done.stdout.splitlines()
    if done.rc != 0 or len(lines) < 2:  # noqa: PLR2004 - its name and its item
        raise CannotTell(f"it does not say which roles it has: {done.stderr.strip()}")
    roles = lines[:-2]
    assert not roles, f"it has the data of {', '.join(roles)}"
    name, item = lines[-2].removeprefix("name "), lines[-1].removeprefix("item ")
    assert name == item, f"its name is {name}, not {item}"


def nobody_answers(host: Host, address: str, interface: str) -> None:
    """Nobody answers ARP for the address in a second: seen from this host, which must not have it itself."""
    done = host.run("arping -D -c 2 -w 1 -I %s %s", interface, address)
    if done.rc not in (0, 1):
        raise CannotTell(f"arping does not work: {done.stderr.strip()}")
    answered = [line.split("[")[1].split("]")[0] for line in done.stdout.splitlines() if "[" in line]
    assert done.rc == 0, f"{address} is answered by {', '.join(sorted(set(answered)))}"
