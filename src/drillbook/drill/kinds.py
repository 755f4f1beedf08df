"""The kinds of probes: what each does, which programs it runs, and what it needs of the protection and its host.

A kind is an entry here, and one or two programs in ``programs/``. The writer's program makes attempts
(``programs/attempts.py`` is the loop); the rows' program, where there is one, reads afterwards which of the
acknowledged writes are there. A kind without one keeps nothing for users, so its drills measure the outage alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.evidence.repeats import ROWS, Repeats
from drillbook.evidence.samples import Does

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = "/etc/drillbook-probe.secrets.json"
"""On a probe host, 0600: what probes log in with, by ``settings.kind`` of the protection, such as
``{"web": {"user": "probe", "password": "…"}}``. It never is on a command line, and never leaves the host."""


PASSFILE = "/etc/drillbook-probe.pgpass"
"""The same for clients of PostgreSQL, in libpq's own form."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a kind needs of a protection's ``settings``: its name there, its type, and an example for a finding."""

    name: str
    type: type[str | int]
    example: str


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """A kind of probe.

    ``program`` makes the attempts; ``rows`` tells what is there in the end, None: nothing is kept for users.
    ``needs``: the programs that these import. ``settings``: what the protection must say; each is an option of the
    programs by its own name. ``secret``: the programs read SECRETS. ``modules``: what Python must have on the
    probe's host, by the Debian package that brings it. ``give_up``: seconds after which an attempt without an answer
    is given up, unless the drill says another time. ``tells_primary``: only the primary acknowledges an attempt
    straight to a member; a member of another kind of service may answer at its own address at any time, and then the
    service's address has to be watched. ``repeats``: what it means that one write is there more than once.
    """

    name: str
    does: Does
    program: str
    rows: str | None
    needs: tuple[str, ...] = ("attempts.py",)
    settings: tuple[Setting, ...] = ()
    secret: bool = False
    modules: Mapping[str, str] | None = None
    give_up: float = 0.15
    tells_primary: bool = False
    repeats: Repeats = ROWS


_PORT = Setting("port", int, "5432")
_WIRE = ("attempts.py", "wire.py")
_WEB = (*_WIRE, "http_wire.py", "web_client.py")

KINDS: Mapping[str, ProbeKind] = {
    kind.name: kind
    for kind in (
        ProbeKind(
            "postgresql_writer", Does.WRITES, "postgresql_writer.py", "postgresql_rows.py",
            settings=(_PORT, Setting("database", str, "core")), modules={"psycopg2": "python3-psycopg2"},
            tells_primary=True,
        ),
        ProbeKind(
            "web_writer", Does.WRITES, "web_writer.py", "web_rows.py", needs=_WEB,
            settings=(_PORT, Setting("base", str, "/probe/")), secret=True,
            repeats=Repeats("page is there more than once", "pages are there more than once", "个页面重复"),
        ),
        ProbeKind(
            "ldap_writer", Does.WRITES, "ldap_writer.py", "ldap_rows.py",
            settings=(_PORT, Setting("entries", str, "ou=probe,dc=example,dc=test")), secret=True,
            modules={"ldap3": "python3-ldap3"},
            repeats=Repeats("entry is there more than once", "entries are there more than once", "个条目重复"),
        ),
        ProbeKind(
            "mail_writer", Does.WRITES, "mail_writer.py", "mail_rows.py", needs=_WIRE,
            settings=(
                Setting("smtp_port", int, "25"), Setting("imap_port", int, "143"),
                Setting("mailbox", str, "probe@example.test"),
            ),
            secret=True, give_up=1.0,
            # A client sends again when the answer did not come, and the receiver cannot know it (RFC 5321, 6.1).
            repeats=Repeats("message arrived twice", "messages arrived twice", "封邮件重复送达", wrong=False),
        ),
        ProbeKind(
            "proxy_reader", Does.READS, "proxy_reader.py", None, needs=_WEB,
            settings=(_PORT, Setting("origin", str, "http://192.0.2.1:8080/")),
        ),
        ProbeKind(
            "address_watcher", Does.WATCHES, "address_watcher.py", None, settings=(Setting("interface", str, "eth0"),),
            give_up=0.02,
        ),
    )
}  # fmt: skip
"""By name. The names stand in the drill's schema too; a test holds them together."""
