"""Makes blank hosts what they are: Ansible, through ansible-runner, with strict host keys.

ansible-runner is run as a program in a process namespace of its own. When we end, however we end,
the kernel ends the namespace with everything that Ansible started, so no half of a provisioning
goes on behind the next one's back.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.errors import StepFailed
from drillbook.lab.health import SSH_OPTIONS
from drillbook.lab.state import RUN_DIR, STATE_DIR, write_file, write_json
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.progress import Phase

_WORK = RUN_DIR / "ansible"
_TIMEOUT = 300.0


def lab_secret() -> str:
    """Give the lab's secret (64 hex digits), made on first use; roles derive each account's password."""
    import secrets

    file = STATE_DIR / "secrets.json"
    if not file.is_file():
        write_json(file, {"lab_secret": secrets.token_hex(32)})
    value: str = json.loads(file.read_text())["lab_secret"]
    return value


def provision(
    playbook: Path,
    *,
    inventory: str,
    items: Iterable[str],
    variables: Mapping[str, Any],
    shown: Phase,
) -> None:
    """Run a playbook over the hosts ``items`` of an inventory.

    ``inventory`` is its text (YAML), ``variables`` are extra variables and may be secret. Raises
    StepFailed with what each host said.
    """
    shutil.rmtree(_WORK, ignore_errors=True)
    for folder in (_WORK, _WORK / "env", _WORK / "inventory", _WORK / "project"):
        folder.mkdir(mode=0o700)
    try:
        # An empty configuration of ours, so that no other is looked for.
        write_file(_WORK / "ansible.cfg", "")
        write_file(_WORK / "inventory/hosts.yml", inventory)
        write_json(_WORK / "env/extravars", dict(variables))
        _run(playbook, ",".join(items), shown)
    finally:
        shutil.rmtree(_WORK, ignore_errors=True)


def _run(playbook: Path, limit: str, shown: Phase) -> None:
    tools = Path(sys.executable).parent
    process = subprocess.Popen(
        [
            "setpriv", "--pdeathsig", "KILL",
            "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
            str(tools / "ansible-runner"), "run", str(_WORK), "--playbook", str(playbook),
            "--limit", limit, "--json", "--ident", "lab",
        ],
        env=_environment(tools, playbook.parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
    )  # fmt: skip
    timer = threading.Timer(_TIMEOUT, process.kill)
    timer.start()
    failures: list[str] = []
    other: list[str] = []
    with process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                try:
                    event = json.loads(line)
                except ValueError:
                    other.append(line.strip())
                    continue
                _heed(event, shown, failures)
            code = process.wait()
        finally:
            # Also what Ctrl-C or an error of ours leaves running.
            process.kill()
            timer.cancel()
    if failures or code != 0:
        said = failures or [line for line in other if line][-3:] or [f"ansible-runner ended with {code}"]
        raise StepFailed(
            f"the lab's hosts could not be provisioned with {playbook.name}: {'; '.join(said)}",
            remedy="./inv lab.up --fresh starts from blank hosts",
        )


def _heed(event: dict[str, Any], shown: Phase, failures: list[str]) -> None:
    data = event.get("event_data", {})
    match event.get("event"):
        case "playbook_on_task_start":
            shown.note(visible(str(data.get("name", "")), limit=60))
        case "runner_on_failed" | "runner_on_unreachable" if not data.get("ignore_errors"):
            result = data.get("res", {})
            said = result.get("stderr") or result.get("msg") or result.get("censored") or "failed"
            failures.append(f"{data.get('host')}: {data.get('task')}: {visible(str(said).strip(), limit=400)}")
        case "error" | "verbose" | None:
            text = str(event.get("stdout", "")).strip()
            if text.startswith(("ERROR", "[ERROR]")):
                failures.append(visible(text, limit=400))


def _environment(tools: Path, playbooks: Path) -> dict[str, str]:
    # ControlPersist halves Ansible's cost; its masters end with the process namespace.
    ssh = [*SSH_OPTIONS, "-o", "ControlMaster=auto", "-o", "ControlPersist=60"]
    return {
        "PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(_WORK),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(_WORK / "ansible.cfg"),
        "ANSIBLE_HOME": str(_WORK / "home"),
        "ANSIBLE_LOCAL_TEMP": str(_WORK / "tmp"),
        "ANSIBLE_ROLES_PATH": str(playbooks / "roles"),
        "ANSIBLE_FORKS": str(max(8, 2 * (os.cpu_count() or 1))),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": " ".join(ssh),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(_WORK / "cp"),
        "ANSIBLE_NOCOLOR": "1",
    }
