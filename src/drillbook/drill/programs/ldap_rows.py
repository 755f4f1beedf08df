"""Reads which of a run's entries are in the directory; prints them as ranges of numbers.

A program of its own for the probe host: Python 3.11, ldap3 and ``attempts.py`` beside it. Options: run, writers,
address, port, entries, secrets, secret, limit_s. A directory gives an ordinary user only so many entries an answer
(OpenLDAP: 500): what is too much is asked for again in ten parts, by the next digit of the number.
"""

from __future__ import annotations

from typing import Any

import ldap3
from attempts import login, main_rows, survivors
from ldap3.core.exceptions import LDAPException

SUCCESS, TOO_MANY = 0, 4


def read(options: dict[str, Any]) -> dict[str, Any]:
    """Give what the module describes. Raises LDAPException, ValueError."""
    who = login(options)
    server = ldap3.Server(options["address"], port=options["port"], get_info=ldap3.NONE, connect_timeout=2)
    connection = ldap3.Connection(server, user=who["user"], password=who["password"], auto_bind=True)
    names: set[str] = set()
    for writer in options["writers"]:
        collect(connection, options["entries"], f"{options['run']}.{writer}.", names)
    connection.unbind()
    found: dict[str, Any] = survivors(sorted(names), options["run"])
    return found


def collect(connection: Any, entries: str, prefix: str, names: set[str]) -> None:
    """Add the names of the entries that begin with ``prefix``, as many as there are."""
    connection.search(entries, f"(cn={prefix}*)", search_scope=ldap3.LEVEL, attributes=["cn"])
    code = connection.result["result"]
    if code not in (SUCCESS, TOO_MANY):
        raise ValueError(f"the directory answers with result {code}")
    names.update(str(value) for entry in connection.entries for value in entry.cn.values)
    if code == TOO_MANY:
        for digit in "0123456789":
            collect(connection, entries, f"{prefix}{digit}", names)


if __name__ == "__main__":
    main_rows(read, (LDAPException,))
