"""The lab's network: one bridge on this machine, one virtual cable to each host.

The machine has the network's first address on the bridge, so SSH reaches every host directly. Hosts
have no route to elsewhere, and should one be given a route, the machine forwards nothing for it and
takes no connection from it. Names tell whose they are: bridge and packet filter are called
``drillbook-lab``, a cable ``dl-`` and the host's address in hexadecimal.

A host's network namespace belongs to its processes alone: when they are gone, so are its addresses
and its cable, and nothing can be left over.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.errors import Refused
from drillbook.lab.command import run
from drillbook.lab.state import LAB

if TYPE_CHECKING:
    from collections.abc import Iterable

BRIDGE = LAB
INTERFACE = "eth0"

# Between bridge and elsewhere nothing passes. What the machine itself gets from hosts are answers on
# connections that it opened. (With br_netfilter loaded, traffic between hosts is seen here too.)
_FILTER = f"""\
add table inet {LAB}
delete table inet {LAB}
table inet {LAB} {{
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "{BRIDGE}" oifname != "{BRIDGE}" drop
        iifname != "{BRIDGE}" oifname "{BRIDGE}" drop
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "{BRIDGE}" meta l4proto icmp accept
        iifname "{BRIDGE}" tcp flags & (fin | syn | rst | ack) != syn accept
        iifname "{BRIDGE}" drop
    }}
}}
"""
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


def cable(address: str) -> str:
    """Give the name of the machine's end of the cable to the host with that IPv4 address."""
    return f"dl-{int(ipaddress.IPv4Address(address)):08x}"


def gateway(subnet: str) -> str:
    """Give the machine's own address in the network, with its prefix length."""
    network = ipaddress.IPv4Network(subnet)
    return f"{network[1]}/{network.prefixlen}"


def bridge_is_right(subnet: str) -> bool:
    """Tell whether the bridge is up, has the machine's address and no other, and is closed off."""
    if _addresses(BRIDGE) != {gateway(subnet)}:
        return False
    listed = run(["nft", "list", "table", "inet", LAB], timeout=10, what="read the packet filter", check=False)
    return listed.returncode == 0


def make_bridge(subnet: str) -> None:
    """Make the bridge as it should be, in place of one that is not.

    Raises Refused when another network of this machine overlaps.
    """
    if bridge_is_right(subnet):
        return
    drop_bridge()
    refuse_overlap(subnet)
    _ip(
        [
            f"link add {BRIDGE} type bridge stp_state 0 mcast_snooping 0",
            f"link set {BRIDGE} alias {LAB} addrgenmode none",
            f"addr add {gateway(subnet)} dev {BRIDGE}",
            f"link set {BRIDGE} up",
        ],
        what="make the lab's bridge",
    )
    close_off()


def close_off() -> None:
    """Load the packet filter that keeps the lab's hosts to themselves."""
    run(["nft", "-f", "-"], timeout=10, what="close the lab's network off", stdin=_FILTER)


def drop_bridge() -> None:
    """Remove the bridge, its packet filter and the machine's ends of all cables, if there are any."""
    run(["nft", "delete", "table", "inet", LAB], timeout=10, what="remove the packet filter", check=False)
    ours = [name for name in _links() if name == BRIDGE or name.startswith("dl-")]
    for name in ours:
        # A cable whose host just died vanishes by itself at any moment.
        run(["ip", "link", "delete", name], timeout=10, what=f"delete {name}", check=False)


def plug(address: str, subnet: str, pid: int) -> None:
    """Connect the host whose first process is ``pid`` (as this machine counts) to the bridge."""
    name = cable(address)
    run(["ip", "link", "delete", name], timeout=10, what=f"delete {name}", check=False)
    what = f"connect {address} to the lab's network"
    # A card keeps its address when its host is switched off and on, so what others know stays right.
    card = "02:00:" + int(ipaddress.IPv4Address(address)).to_bytes(4).hex(":")
    _ip([f"link add {name} type veth peer name {INTERFACE} address {card} netns {pid}"], what=what)
    prefix = ipaddress.IPv4Network(subnet).prefixlen
    _ip(
        [
            "link set lo up",
            f"link set {INTERFACE} addrgenmode none",
            f"addr add {address}/{prefix} dev {INTERFACE}",
            f"link set {INTERFACE} up",
        ],
        what=what,
        inside=pid,
    )
    _ip([f"link set {name} master {BRIDGE} addrgenmode none", f"link set {name} up"], what=what)


def unplug(address: str) -> None:
    """Take the cable's end down: from here on nothing leaves the host. No cable is fine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", cable(address).encode(), 0)
        try:
            flags = struct.unpack("16sH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
            request = struct.pack("16sH14x", cable(address).encode(), flags & ~_IFF_UP)
            fcntl.ioctl(control, _SIOCSIFFLAGS, request)
        except OSError:
            return


def _links() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def _addresses(link: str) -> set[str]:
    if link not in _links():
        return set()
    said = run(["ip", "-j", "-4", "addr", "show", "dev", link, "up"], timeout=10, what="read addresses").stdout
    found: list[dict[str, Any]] = json.loads(said or "[]")
    return {f"{each['local']}/{each['prefixlen']}" for item in found for each in item.get("addr_info", [])}


def refuse_overlap(subnet: str) -> None:
    """Raise Refused when another network of this machine overlaps a subnet."""
    wanted = ipaddress.IPv4Network(subnet)
    said = run(["ip", "-j", "-4", "route", "show"], timeout=10, what="read the machine's routes").stdout
    for route in json.loads(said or "[]"):
        if route["dst"] != "default" and wanted.overlaps(ipaddress.IPv4Network(route["dst"], strict=False)):
            raise Refused(
                f"the lab's network {subnet} overlaps {route['dst']} on this machine's {route.get('dev')}",
                remedy="give the lab's network another subnet in the CMDB, or take that one down",
            )


def _ip(lines: Iterable[str], *, what: str, inside: int | None = None) -> None:
    enter = [] if inside is None else ["nsenter", f"--net=/proc/{inside}/ns/net"]
    run([*enter, "ip", "-batch", "-"], timeout=10, what=what, stdin="\n".join(lines) + "\n")
