"""``changes.certificate``: an officer's login for one change, which hosts themselves hold to what was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.hosts.only import Certificate
    from drillbook.plan.model import Plan

_MOST = 8192


@task(
    touches=Touches.FILES,
    help={
        "change": "the change's id, or its end",
        "ca": "the private key of the certificate authority that the hosts trust",
        "for_": "the executor's public key, NAME.pub; NAME-cert.pub is written beside it",
        "person": "whose key that is; its owner by the CMDB when left out",
        "source": "the only addresses that it is accepted from, such as 192.0.2.7,192.0.2.0/24",
    },
)
def certificate(_: Context, change: str, *, ca: str, for_: str, person: str = "", source: str = "") -> None:
    """Make the SSH certificate by which an approved change can be run, and nothing else (docs/enforcement.md)."""
    from pathlib import Path

    from drillbook.artifacts.seal import FOLDER, digest_of
    from drillbook.change.gate.conditions import counting_approvals, runnable
    from drillbook.change.records.record import find_change
    from drillbook.change.trust.authority import may_run
    from drillbook.change.trust.case import case_of
    from drillbook.clock import SystemClock
    from drillbook.errors import Refused, UsageError
    from drillbook.execution.approved_commands import approved_commands
    from drillbook.hosts.only import Certificate as Said
    from drillbook.hosts.only import certify, list_digest, list_text
    from drillbook.tasks.as_base import run_as_base
    from drillbook.tasks.change_wiring import here

    root = estate_root()
    run_as_base(root)
    base = here(root).base
    public_key = Path(for_).expanduser()
    executor = person or base.signers.owner(_public_key(public_key))
    if executor is None:
        raise UsageError(f"{for_} is the key of nobody in the CMDB", remedy="say whose it is: --person PERSON")
    record = find_change(root, change)
    plan, _bound = runnable(record)
    case = case_of(record, base.cmdb)
    may_run(executor, case, base.cmdb)
    now = SystemClock().now()
    counting_approvals(record, base, case, executor, now)
    window = record.request.window
    if window is None or now >= window.ends:
        raise Refused(
            f"{record.id} has no window that is still to come, and a certificate is for the window",
            remedy="request it with one: ./inv changes.new … --window FROM/UNTIL",
        )
    if digest_of(base.folder) != plan.artifacts_digest:
        raise Refused(
            f"{record.id} was planned with other playbooks than the trusted base's",
            remedy=f"plan it anew: ./inv changes.plan {record.id}",
        )
    text = list_text(approved_commands(plan, base.folder / FOLDER))
    accounts = tuple(sorted({target.ssh_user for target in plan.targets.values()}))
    said = Said(record.id, executor, accounts, window.begins, window.ends, list_digest(text), source)
    made = certify(said, authority=Path(ca).expanduser(), public_key=public_key)
    listed = public_key.with_name(f"{public_key.name.removesuffix('.pub')}-{record.id}.list")
    listed.write_text(text, encoding="utf-8")
    _say(plan, said, made, listed)


def _public_key(path: Path) -> str:
    from drillbook.errors import UsageError

    try:
        with path.open("rb") as file:
            words = file.read(_MOST).decode().split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the public key {path} cannot be read: {error}", remedy="--for names a file NAME.pub"
        ) from None
    if not path.name.endswith(".pub") or len(words) < 2:  # noqa: PLR2004 - a type and a key
        raise UsageError(f"{path} is no public key of SSH", remedy="--for names a file NAME.pub")
    return " ".join(words[:2])


def _say(plan: Plan, said: Certificate, made: Path, listed: Path) -> None:
    from drillbook.console.output import console
    from drillbook.hosts.only import UPLOAD

    console.print(
        f"✓ {made}\n  {said.change} for {said.person}, "
        f"from {said.begins:%Y-%m-%d %H:%M} to {said.ends:%Y-%m-%d %H:%M} UTC"
    )
    console.print(f"  the commands that it lets pass: {listed}\n\nThe executor brings that list to each host once:")
    key = str(made).removesuffix("-cert.pub")
    for item in plan.reachable:
        target = plan.targets[item]
        console.write(
            f"  ssh -p {target.ssh_port} -i {key} {target.ssh_user}@{target.address} "
            f"\"{UPLOAD} '$(cat {listed})'\"   # {item}\n"
        )
