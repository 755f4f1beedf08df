"""The three forms of ``run`` as one command each: an argument list, its standard input, its account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from drillbook.errors import Refused
from drillbook.plan.model import Command, PlaybookRun
from drillbook.plan.values import arguments, as_text, text, value_of
from drillbook.runbook.shell import scan
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.plan.values import Scope
    from drillbook.runbook.model import Playbook, Run

# psql's -d reads anything with "=" or "://" as a connection string, in which more than a name is said.
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]{0,62}")
_PORT = re.compile(r"[0-9]{1,5}")
_DIRECTORY = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
_ANSIBLE_SYNTAX = ("{{", "{%", "{#")
_MAX_PORT = 65535


def command(run: Run, scope: Scope, *, step: str) -> Command:
    """Give the command of a ``run``; ``step`` is the planned step's id, a script's ``$0``.

    Raises Refused or UsageError for a value that does not exist or must not stand there.
    """
    if run.argv:
        return Command(tuple(word for each in run.argv for word in arguments(each, scope, many=True)), "", run.user)
    if run.script:
        # A list in the middle would move what stands behind it; one of which only "$1" is used would be cut.
        last = len(run.values) - 1 if scan(run.script).everything else -1
        values = (word for place, each in enumerate(run.values) for word in arguments(each, scope, many=place == last))
        return Command(("/bin/sh", "-eu", "-c", run.script, step, *values), "", run.user)
    return _psql(run, scope)


def _psql(run: Run, scope: Scope) -> Command:
    settings = scope.cmdb.protections[scope.protection].get("settings", {}) if scope.protection else {}
    argv = [_program(settings), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    if "port" in settings:
        argv += ["-p", str(port_number(as_text(settings["port"])))]
    database = text(run.database, scope)
    if not _DATABASE.fullmatch(database):
        raise Refused(f"'{visible(database, limit=60)}' is no name of a database; letters, digits, _, $ and - make one")
    argv += ["-d", database]
    for name, template in sorted((run.variables or {}).items()):
        argv += ["-v", f"{name}={text(template, scope)}"]
    return Command(tuple(argv), run.sql if run.sql.endswith("\n") else run.sql + "\n", run.user)


def _program(settings: Mapping[str, Any]) -> str:
    """Give the psql of the server's own version; a distribution's wrapper around it costs 20 ms (Debian 12)."""
    folder = settings.get("bin_directory")
    if folder is None:
        return "psql"
    if not _DIRECTORY.fullmatch(as_text(folder)):
        raise Refused(
            f"'{visible(as_text(folder), limit=60)}' is no folder of programs; one is an absolute path of letters, "
            "digits and _ . - such as /usr/lib/postgresql/15/bin"
        )
    return f"{folder}/psql"


def port_number(port: str) -> int:
    """Give a TCP port. Raises Refused when the text is none."""
    if not _PORT.fullmatch(port) or not 0 < int(port) <= _MAX_PORT:
        raise Refused(f"'{visible(port, limit=60)}' is no TCP port; one is a number from 1 to {_MAX_PORT}")
    return int(port)


def playbook(call: Playbook, scope: Scope, *, item: str) -> PlaybookRun:
    """Give the call of a playbook on one item.

    Raises Refused for a value in which Ansible would see a template of its own.
    """
    variables = {name: value_of(value, scope) for name, value in call.variables.items()}
    _no_ansible_syntax(variables)
    return PlaybookRun(file=call.file, item=item, variables=variables)


def _no_ansible_syntax(value: Any) -> None:
    if isinstance(value, str):
        for mark in _ANSIBLE_SYNTAX:
            if mark in value:
                raise Refused(
                    f"a playbook's variable holds '{mark}', which Ansible would run as a template: "
                    f"'{visible(value, limit=60)}'"
                )
    elif isinstance(value, dict):
        for each in value.values():
            _no_ansible_syntax(each)
    elif isinstance(value, list):
        for each in value:
            _no_ansible_syntax(each)
