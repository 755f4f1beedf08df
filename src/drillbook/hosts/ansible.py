"""Runs one playbook through ansible-runner, in processes of its own with an environment of its own.

A child, so that nothing of the caller's environment reaches a playbook, that its end can be forced,
and that it dies with us: no further task begins after the engine that journals them is gone. (A command
that a task has begun on a host goes on there; a playbook guards against its own repetition.) For root
the child is the first of a process namespace, so that Ansible's forks and SSH masters end with it.
The host keys and the client key are the caller's; Ansible's own configuration files are not read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.errors import UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drillbook.hosts.access import Access

_RUN = "run"
_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """How a playbook ended.

    ``ended`` is False when its time was over. ``failures`` are the failed tasks with their messages, one
    line each; empty when all is well. ``changed`` counts the tasks that changed something; ``folder``
    holds ansible-runner's events and output.
    """

    ended: bool
    failures: tuple[str, ...]
    changed: int
    folder: Path

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end and no task failed."""
        return self.ended and not self.failures


@dataclass(slots=True)
class _Heard:
    """What the stream of events has said so far."""

    failures: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    changed: int = 0


def run_playbook(
    playbook: str,
    *,
    project: Path,
    inventory: Mapping[str, Any],
    variables: Mapping[str, Any],
    access: Access,
    folder: Path,
    timeout: float,
    on_task: Callable[[str], None] = lambda _: None,
) -> PlaybookResult:
    """Run ``playbook`` (below ``project``) on all hosts of ``inventory``.

    ``inventory`` and ``variables`` are JSON values, in Ansible's own form; a host that nothing permits to reach is
    refused before anything is begun, and a text in ``variables`` that
    Ansible would take for a template is refused with UsageError. ``folder`` is made, and keeps what
    ansible-runner writes. ``timeout`` in seconds ends everything. ``on_task`` gets each task's name.
    """
    for item, host in inventory["all"]["hosts"].items():
        access.permission.require(item, host["ansible_host"])
    _refuse_templates(variables)
    _make_private(folder, inventory, variables)
    tools = Path(sys.executable).parent
    command = [
        "setpriv", "--pdeathsig", "KILL", *(_NAMESPACE if os.geteuid() == 0 else ()),
        str(tools / "ansible-runner"), "run", str(folder), "--playbook", playbook, "--project-dir", str(project),
        "--inventory", str(folder / "inventory" / "hosts.json"), "--ident", _RUN, "--omit-env-files", "--json",
    ]  # fmt: skip
    heard = _Heard()
    over = threading.Event()
    # Short: the path of an SSH master's socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="drillbook-") as short:
        (Path(short) / "ansible.cfg").touch(mode=0o600)
        process = subprocess.Popen(
            command,
            env=_environment(access, tools, Path(short)),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

        def end() -> None:
            over.set()
            process.kill()

        timer = threading.Timer(timeout, end)
        timer.start()
        with process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    _heed(line, heard, on_task)
                code = process.wait()
            finally:
                # Also what Ctrl-C or an error of ours leaves running.
                process.kill()
                timer.cancel()
    if over.is_set():
        heard.failures.append(f"not ended after {timeout:g} s, and stopped")
    elif code != 0 and not heard.failures:
        heard.failures += heard.other[-3:] or [f"ansible-runner ended with {code}"]
    return PlaybookResult(not over.is_set(), tuple(heard.failures), heard.changed, folder)


def _heed(line: str, heard: _Heard, on_task: Callable[[str], None]) -> None:
    """Take in one line of ansible-runner's stream: an event as JSON, or words of a tool below it."""
    try:
        event = json.loads(line)
        data = event.get("event_data", {})
    except (ValueError, AttributeError):
        if line.strip():
            heard.other.append(visible(line.strip(), limit=400))
        return
    result = data.get("res") or {}
    match event.get("event"):
        case "playbook_on_task_start":
            on_task(visible(str(data.get("name", "")), limit=60))
        case "runner_on_ok" if result.get("changed"):
            heard.changed += 1
        case "runner_on_failed" | "runner_on_unreachable" if not data.get("ignore_errors"):
            said = result.get("stderr") or result.get("msg") or result.get("censored") or "failed"
            heard.failures.append(f"{data.get('host')}: {data.get('task')}: {visible(str(said).strip(), limit=400)}")
        case "error" | "verbose" | None:
            text = str(event.get("stdout", "")).strip()
            if text.startswith(("ERROR", "[ERROR]")):
                heard.other.append(visible(text, limit=400))
        case _:
            pass


def _refuse_templates(value: Any) -> None:
    """Ansible reads ``{{`` in a variable as code; a value must never become that."""
    if isinstance(value, str):
        if any(mark in value for mark in ("{{", "{%", "{#")):
            raise UsageError(f"a value for a playbook holds a template: '{visible(value, limit=60)}'")
    elif isinstance(value, dict):
        for each in value.values():
            _refuse_templates(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _refuse_templates(each)


def _make_private(folder: Path, inventory: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
    for name, part, value in (("inventory", "hosts.json", inventory), ("env", "extravars", variables)):
        (folder / name).mkdir(mode=0o700, parents=True)
        path = folder / name / part
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(value, file)


def _environment(access: Access, tools: Path, short: Path) -> dict[str, str]:
    options = [
        "-F", "/dev/null",
        "-o", f"UserKnownHostsFile={access.known_hosts}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "UpdateHostKeys=no",
        "-o", "ConnectTimeout=10",
        # Without masters that stay, Ansible costs twice as much.
        "-o", "ControlMaster=auto",
        "-o", "ControlPersist=30",
        # OpenSSH 9's default key exchange costs six times the CPU of this one; both are sound today.
        "-o", "KexAlgorithms=curve25519-sha256",
    ]  # fmt: skip
    if access.identity is not None:
        options += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", str(access.identity)]
    return {
        "PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(short),
        "LC_ALL": "C.UTF-8",
        # An empty configuration of ours, so that no other is looked for.
        "ANSIBLE_CONFIG": str(short / "ansible.cfg"),
        "ANSIBLE_HOME": str(short / "home"),
        "ANSIBLE_LOCAL_TEMP": str(short / "tmp"),
        "ANSIBLE_FORKS": str(max(8, 2 * (os.cpu_count() or 1))),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": " ".join(options),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(short / "cp"),
        "ANSIBLE_NOCOLOR": "1",
    }
