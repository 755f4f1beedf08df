"""Runs one playbook through ansible-runner, in a process of its own with an environment of its own.

A child, so that nothing of the caller's environment reaches a playbook, that its end can be forced,
and that it dies with us: a playbook must not go on after the engine that journals it is gone.
The host keys and the client key are the caller's; Ansible's own configuration files are not read.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.errors import UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.hosts.access import Access

_TAIL = 2000


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """How a playbook ended. ``detail`` is the first failed task and its message; empty when all is well.

    ``changed`` counts the tasks that changed something; ``folder`` holds ansible-runner's events and output.
    """

    ended: bool
    succeeded: bool
    detail: str
    changed: int
    folder: Path


def run_playbook(
    playbook: str,
    *,
    project: Path,
    inventory: Mapping[str, Any],
    variables: Mapping[str, Any],
    access: Access,
    folder: Path,
    timeout: float,
) -> PlaybookResult:
    """Run ``playbook`` (below ``project``) on all hosts of ``inventory``.

    ``inventory`` and ``variables`` are JSON values, in Ansible's own form; a text in ``variables`` that
    Ansible would take for a template is refused with UsageError. ``folder`` is made, and keeps what
    ansible-runner writes. ``timeout`` in seconds ends everything; then ``ended`` is False.
    """
    _refuse_templates(variables)
    _make_private(folder, inventory, variables)
    command = [
        sys.executable, "-m", "ansible_runner", "run", str(folder), "--playbook", playbook,
        "--project-dir", str(project), "--inventory", str(folder / "inventory" / "hosts.json"),
        "--ident", "run", "--omit-env-files", "--quiet",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="drillbook-") as short:
        process = subprocess.Popen(
            # setpriv: the kernel ends the child when this process dies, however it dies.
            ["setpriv", "--pdeathsig", "TERM", *command],
            env=_environment(access, Path(short)),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        ended = True
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            ended = False
            output = _end(process)
        except BaseException:
            _end(process)
            raise
        _close_masters(Path(short))
    detail, changed = _read_events(folder)
    succeeded = ended and process.returncode == 0
    if not succeeded and not detail:
        detail = visible(output[-_TAIL:].decode(errors="replace").strip()) or f"exit code {process.returncode}"
    if not ended:
        detail = f"not ended after {timeout:g} s, and stopped; {detail}"
    return PlaybookResult(ended, succeeded, "" if succeeded else detail, changed, folder)


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


def _environment(access: Access, short: Path) -> dict[str, str]:
    options = [
        "-F", "/dev/null",
        "-o", f"UserKnownHostsFile={access.known_hosts}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "UpdateHostKeys=no",
        "-o", "ConnectTimeout=10",
        "-o", "ControlMaster=auto",
        "-o", "ControlPersist=30",
        # OpenSSH 9's default key exchange costs six times the CPU of this one; both are sound today.
        "-o", "KexAlgorithms=curve25519-sha256",
    ]  # fmt: skip
    if access.identity is not None:
        options += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", str(access.identity)]
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(short),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": "/dev/null",
        "ANSIBLE_LOCAL_TEMP": str(short / "t"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": " ".join(options),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(short),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_JINJA2_NATIVE": "True",
    }


def _end(process: subprocess.Popen[bytes]) -> bytes:
    """End the child and what it started: politely, then for certain."""
    for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            return process.communicate(timeout=patience)[0] or b""
        except subprocess.TimeoutExpired:
            continue
    return b""


def _close_masters(folder: Path) -> None:
    """End the SSH masters that Ansible left for reuse."""
    for socket in folder.iterdir():
        if socket.is_socket():
            subprocess.run(
                ["ssh", "-F", "/dev/null", "-o", f"ControlPath={socket}", "-O", "exit", "none"],
                capture_output=True, timeout=10, check=False,
            )  # fmt: skip


def _read_events(folder: Path) -> tuple[str, int]:
    """Give the first failure of ansible-runner's events, and how many tasks changed something."""
    failure, changed = "", 0
    events = folder / "artifacts" / "run" / "job_events"
    paths = sorted(events.glob("*-*.json"), key=lambda path: int(path.name.split("-", 1)[0])) if events.is_dir() else []
    for path in paths:
        try:
            event = json.loads(path.read_text())
        except ValueError:
            continue
        data = event.get("event_data", {})
        result = data.get("res") or {}
        if event.get("event") == "runner_on_ok" and result.get("changed"):
            changed += 1
        if (
            event.get("event") in ("runner_on_failed", "runner_on_unreachable")
            and not data.get("ignore_errors")
            and not failure
        ):
            said = result.get("stderr") or result.get("msg") or "failed"
            failure = visible(f"{data.get('host')}: task '{data.get('task')}': {said}", limit=400)
    return failure, changed
