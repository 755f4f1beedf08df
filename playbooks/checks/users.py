"""Checks of services as users see them: each takes a testinfra host that is a client, such as a probe host.

An open port says little: a page must have its content, a request must reach what it asks for, a password must be
right. Passwords stay on the client, in the file that its probe reads; none is on a command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host

SECRETS = "/etc/drillbook-probe.secrets.json"

# Says that it asks, opens a connection, and sends nothing. The time counts from the asking: a busy machine may take its
# own to come so far. One that is not answered within it is ended with 124, as timeout(1) does.
_CONNECT = r"""LC_ALL=C bash -c '
echo asking
exec 4< <(exec 3<>"/dev/tcp/$0/$1" && echo connected)
asking=$!
read -r -t "$2" said <&4
status=$?
[ "$status" -le 128 ] || kill "$asking"
[ "$status" -le 128 ] || exit 124
echo "$said"
' %s %s %s"""
_TIMED_OUT = 124
_NOBODY_THERE = ("Connection refused", "No route to host", "Connection timed out")
"""What the kernel says when the host is not there, or does not listen. That this machine has no network is not."""

# Prints what curl says of one request, with a time limit; -q: no configuration of anybody's.
_GET = "curl -q -sS -f --max-time %s --noproxy %s --proxy %s %s"

# Binds with the account of the secrets file and reads the base entry back as that account.
_BIND = r"""
umask 077
file=$(mktemp) || exit
trap 'rm -f "$file"' EXIT
user=$(python3 -c '
import json, sys
secret = json.load(open(sys.argv[1]))[sys.argv[2]]
open(sys.argv[3], "w").write(secret["password"])
print(secret["user"])
' %s %s "$file") || exit
timeout %s ldapsearch -x -LLL -o nettimeout=%s -H %s -D "$user" -y "$file" -b %s -s base
"""


class CannotTell(Exception):
    """The service could not be asked, so nothing is known of it."""


def serves(host: Host, kind: str, address: str, port: int, *, asks: str, expect: str, seconds: float = 3) -> None:
    """The service answers at the address as its users need it, and the answer has the text ``expect``.

    ``kind`` says what a user does with ``asks``: ``web`` opens that page, ``proxy`` fetches that URL through it,
    ``login`` binds as the probe's account with its password and reads that entry. ``seconds``: how long one waits.
    """
    match kind:
        case "web":
            said = _fetched(host, f"http://{address}:{port}{asks}", seconds)
        case "proxy":
            said = _fetched(host, asks, seconds, proxy=f"http://{address}:{port}")
        case "login":
            said = _read(host, f"ldap://{address}:{port}", asks, seconds)
        case _:
            raise AssertionError(f"nobody knows how '{kind}' is used; known are: web, proxy, login")
    assert expect in said, f"{address} gives an answer to {asks} without '{expect}'"


def does_not_serve(
    host: Host, kind: str, address: str, port: int, *, asks: str, expect: str, seconds: float = 3
) -> None:
    """Nobody takes a connection at the address, within ``seconds``.

    A host that takes one is alive, whatever it then says or does not: a slow or wrong answer has many reasons, on
    either side, and fencing helps against few of them. Raises CannotTell when no connection could be tried.
    """
    done = host.run(_CONNECT, address, str(port), str(seconds))
    said = done.stdout.split()
    if said == ["asking"] and (done.rc == _TIMED_OUT or any(each in done.stderr for each in _NOBODY_THERE)):
        return
    if said != ["asking", "connected"]:
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise CannotTell(f"it cannot be told whether {address} serves its users: port {port} could not be asked: {why}")
    try:
        serves(host, kind, address, port, asks=asks, expect=expect)
    except AssertionError as failed:
        raise AssertionError(
            f"{address} takes connections, so its host is not dead, and nothing is to be promoted; look there: {failed}"
        ) from None
    raise AssertionError(
        f"{address} serves its users: the production host is alive, and nothing is to be promoted; look there first"
    )


def _fetched(host: Host, url: str, seconds: float, *, proxy: str = "") -> str:
    done = host.run(_GET, str(seconds), "" if proxy else "*", proxy, url)
    assert done.rc == 0, f"{url}{proxy and ' through '}{proxy} gives no page: {done.stderr.strip()}"
    return str(done.stdout)


def _read(host: Host, url: str, entry: str, seconds: float) -> str:
    done = host.run(_BIND, SECRETS, "login", str(seconds), str(max(1, int(seconds))), url, entry)
    assert done.rc == 0, f"{url} does not let the probe's account in: {done.stderr.strip() or 'no answer'}"
    return str(done.stdout)
