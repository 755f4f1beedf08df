"""Checks of a mail pair: each takes a testinfra host and asserts one thing about it.

They only read. The mail server is postfix, the mailbox server dovecot; a member's users are kept out by the unit
``closed_unit`` of the pair's settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


class CannotTell(Exception):
    """The host could not be asked, so nothing is known."""


_STATES = """
systemctl is-active %s; systemctl is-active %s
ss -Hltn "sport = :%s" | grep -c .; ss -Hltn "sport = :%s" | grep -c .
"""


def _states(host: Host, closed_unit: str, mailbox_unit: str, smtp_port: int, imap_port: int) -> tuple[bool, bool, bool]:
    """Give whether users are kept out, whether the mailbox server runs, whether both ports are listened on."""
    done = host.run(_STATES, closed_unit, mailbox_unit, str(smtp_port), str(imap_port))
    try:
        closed, mailboxes, *ports = str(done.stdout).split()
    except ValueError:
        raise CannotTell(f"systemctl or ss cannot be asked: {done.stderr.strip()}") from None
    return closed == "active", mailboxes == "active", len(ports) > 1 and "0" not in ports


def takes_mail(host: Host, closed_unit: str, mailbox_unit: str, smtp_port: int, imap_port: int) -> None:
    """Its servers listen, and users are not kept out."""
    closed, mailboxes, listens = _states(host, closed_unit, mailbox_unit, smtp_port, imap_port)
    assert not closed, f"users are kept out of it: {closed_unit} is active"
    assert mailboxes, f"{mailbox_unit} does not run"
    assert listens, f"nothing listens on port {smtp_port} or {imap_port}"


def stands_by(host: Host, closed_unit: str, mailbox_unit: str, smtp_port: int, imap_port: int) -> None:
    """Its servers run, so that copies arrive, and users are kept out."""
    closed, mailboxes, listens = _states(host, closed_unit, mailbox_unit, smtp_port, imap_port)
    assert closed, f"it takes mail from users: {closed_unit} is not active"
    assert mailboxes, f"{mailbox_unit} does not run, so no copies arrive"
    assert listens, f"nothing listens on port {smtp_port} or {imap_port}"


def keeps_users_out(host: Host, closed_unit: str) -> None:
    """Users cannot reach it, whatever runs."""
    assert not host.run("systemctl is-active %s", closed_unit).rc, f"{closed_unit} is not active"


def queue_is_delivered(host: Host, domain: str) -> None:
    """No message for a mailbox here is still in its mail server's queue; what goes elsewhere may wait."""
    done = host.run("postqueue -j")
    if done.rc != 0:
        raise CannotTell(f"the queue cannot be read: {done.stderr.strip()}")
    waiting = [line for line in str(done.stdout).splitlines() if f'@{domain}"' in line.partition('"recipients"')[2]]
    assert not waiting, f"{len(waiting)} messages for {domain} are still in the queue"


def copies_work(host: Host) -> None:
    """No mailbox's copying to the other member failed the last time."""
    done = host.run("doveadm replicator status %s", "*")
    if done.rc != 0:
        raise CannotTell(f"the replicator does not answer: {done.stderr.strip()}")
    failed = [line.split()[0] for line in str(done.stdout).splitlines() if line.split()[-1:] == ["y"]]
    assert not failed, f"the copying failed of {', '.join(failed[:5])}"


# One command, one file: in a pipe, a failed doveadm would read as an empty mailbox, on both sides alike.
_LISTS = """
set -e
all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
doveadm user "*" >"$all/users"
while read -r user; do
    doveadm -f flow fetch -u "$user" "mailbox guid" ALL </dev/null >"$all/here"
    doveadm -f flow fetch -S %s:%s -u "$user" "mailbox guid" ALL </dev/null >"$all/there"
    echo "user $user"
    sed "s/^/here /" "$all/here"
    sed "s/^/there /" "$all/there"
done <"$all/users"
"""


def same_messages(host: Host, other: str, replication_port: int, at_most: int = 0) -> None:
    """Every mailbox has the same messages here and on the other member (its address), by their GUIDs.

    ``at_most``: so many may differ, all mailboxes together: while mail comes in, the newest are not copied yet.
    """
    done = host.run(_LISTS, other, str(replication_port))
    if done.rc != 0 or not done.stdout:
        raise CannotTell(f"the mailboxes cannot be listed: {done.stderr.strip()[:300]}")
    here: set[str] = set()
    there: set[str] = set()
    user = ""
    for line in str(done.stdout).splitlines():
        where, _, what = line.partition(" ")
        if where == "user":
            user = what
        else:
            (here if where == "here" else there).add(f"{user} {what}")
    assert len(here ^ there) <= at_most, (
        f"{len(here - there)} messages are only here, {len(there - here)} only on the other member"
    )
