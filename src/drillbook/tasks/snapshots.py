"""What the tasks of snapshots share: which are meant, asking the hosts, and taking one after the other."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.artifacts.seal import seal
from drillbook.change.gate.gate import require_lab
from drillbook.cmdb.load import load
from drillbook.console.output import console, say_error
from drillbook.console.run_view import summary
from drillbook.errors import AssumptionFailed, DrillbookError, ExitCode, UsageError
from drillbook.execution.launch import begin, connect
from drillbook.execution.usual import remember
from drillbook.facts.checks import Checks
from drillbook.facts.snapshots import CHECKS, RUNBOOK, covered, read_holder, read_known, standing_of
from drillbook.hosts.connection import Hosts
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.plan.model import CheckRun
from drillbook.plan.targets import target_of
from drillbook.tasks.common import state_folder
from drillbook.tasks.lab import lab_environment
from drillbook.tasks.running import Showing
from drillbook.tasks.wiring import load_estate, make_surroundings, plan_and_permit, say_whose_lab

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.facts.snapshots import Standing
    from drillbook.tasks.wiring import Estate


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for.

    ``protection`` "": all; ``holder`` "": whom the witness names; ``environment`` "": the lab's; ``due``: only those.
    """

    protection: str
    holder: str
    environment: str
    due: bool


def take(root: Path, wanted: Wanted, *, language: str) -> ExitCode:
    """Take the wanted snapshots one after the other; give the first exit code that is not OK.

    One that fails does not keep the others from being taken. Its run is given up, which gives its locks back: there
    is nothing to put back, and the next one begins anew. Raises UsageError, Refused before any host was asked.
    """
    estate = load_estate(root, RUNBOOK)
    environment = wanted.environment or lab_environment(estate.cmdb)
    chosen = _chosen(estate.cmdb, wanted)
    require_lab(environment, estate.cmdb.environments[environment].get("kind"))
    say_whose_lab(lab_access(), root)
    standings = _ask(root, estate.cmdb, chosen, environment, passwords=False)
    if wanted.due:
        standings = [each for each in standings if each.due]
        if not standings:
            console.print("Nothing is due.")
    codes = [_take(root, estate, each, wanted, environment, language) for each in standings]
    return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


def _chosen(cmdb: Cmdb, wanted: Wanted) -> list[Entry]:
    if not wanted.protection:
        if wanted.holder:
            raise UsageError("--holder is about one protection", remedy="name it with --protection")
        return covered(cmdb)
    protection = cmdb.protections[wanted.protection]
    if protection.get("snapshot") is None:
        names = ", ".join(each.id for each in covered(cmdb)) or "none"
        raise UsageError(f"protections.{protection.id} has no snapshots", remedy=f"those that have: {names}")
    if wanted.holder and wanted.holder not in protection.get("members").values():
        raise UsageError(f"{wanted.holder[:60]} is no member of protections.{protection.id}")
    return [protection]


def _take(root: Path, estate: Estate, standing: Standing, wanted: Wanted, environment: str, language: str) -> ExitCode:  # noqa: PLR0917 - told in one place
    protection, holder = standing.protection, wanted.holder or standing.holder
    try:
        if not holder:
            # A copy of a host that holds nothing would be the newest, and a promotion would take it.
            raise AssumptionFailed(
                f"{protection}: no snapshot was taken: {standing.unheld}",
                remedy="./inv runbooks.status shows a failback that has not ended: resume it, or roll it back\n"
                f"or name the host that serves: ./inv standby.snapshot --protection {protection} --holder HOST",
            )
        plan, permission = plan_and_permit(
            estate, RUNBOOK, environment=environment, parameters={"protection": protection, "holder": holder}
        )
        showing = Showing.of(plan, root, language)
        around = make_surroundings(
            root, lab_access(permission), listener=showing.view, stopping=showing.stop, language=language
        )
        console.print(f"{protection}: {holder}")
        with showing.stop.installed():
            launch = begin(plan, permission, connect(plan, around), around, purpose="snapshot")
            try:
                outcome = launch.engine.run()
                if outcome.result != "succeeded":
                    launch.engine.abandon()
                    outcome = replace(
                        outcome, remedy=f"mend the cause; then: ./inv standby.snapshot --protection {protection}"
                    )
                summary(launch, outcome, language=language)
            finally:
                launch.close()
    except DrillbookError as error:
        return say_error(error)
    if outcome.result == "succeeded":
        remember(state_folder(root), plan.runbook, read_journal(launch.folder.journal))
    return outcome.exit_code


def ask(root: Path) -> list[Standing]:
    """Ask the lab's hosts how all snapshots stand. Raises MissingPrerequisite when there is no lab."""
    cmdb = load(root)
    return _ask(root, cmdb, covered(cmdb), lab_environment(cmdb), passwords=True)


def _ask(root: Path, cmdb: Cmdb, chosen: list[Entry], environment: str, *, passwords: bool) -> list[Standing]:
    """Ask how the snapshots of the chosen protections stand; ``passwords``: also each place for its password."""
    access = lab_access()
    items = {item.id for item in cmdb.config_items if item.get("in_lab")}
    hosts = Hosts({item: target_of(cmdb, item, environment) for item in items}, access)
    try:
        with tempfile.TemporaryDirectory() as folder:
            checks = Checks(seal(root, Path(folder) / "playbooks"), hosts)
            found = [_standing(checks, protection) for protection in chosen]
            if not passwords:
                return found
            return [
                each if each.unknown else replace(each, places=_places(checks, protection, cmdb, environment))
                for each, protection in zip(found, chosen, strict=True)
            ]
    finally:
        hosts.close()


def _standing(checks: Checks, protection: Entry) -> Standing:
    holder, unheld = _holder(checks, protection)
    store = protection.get("snapshot")["host"]
    found = checks.choose(CheckRun(CHECKS, "known", store, {"protection": protection.id}))
    if not found.fact.held:
        return standing_of(protection, holder=holder, unheld=unheld, unknown=found.fact.detail)
    try:
        known = read_known(found.said)
    except ValueError as error:
        return standing_of(protection, holder=holder, unheld=unheld, unknown=str(error))
    return standing_of(protection, holder=holder, unheld=unheld, newest_first=known)


def _places(checks: Checks, protection: Entry, cmdb: Cmdb, environment: str) -> tuple[tuple[str, str], ...]:
    """Give each place of the password with what is wrong there, or "" where it gives the one that opens."""
    snapshot, places = protection.get("snapshot"), []
    for place in snapshot["password_on"]:
        arguments = {
            "protection": protection.id,
            "address": target_of(cmdb, place, environment).address,
            "account": snapshot["account"],
            "repository": snapshot["repository"],
        }
        fact = checks.run(CheckRun(CHECKS, "password_place", snapshot["host"], arguments))
        places.append((place, "" if fact.held else fact.detail))
    return tuple(places)


def _holder(checks: Checks, protection: Entry) -> tuple[str, str]:
    """Give the member that the witness names, or "" and why none; the primary where there is no witness."""
    witness = protection.get("settings", {}).get("witness")
    if witness is None:
        return protection.get("members")["primary"], ""
    found = checks.choose(CheckRun(CHECKS, "holder", witness, {"protection": protection.id}))
    if not found.fact.held:
        return "", f"{witness} does not say who holds the role: {found.fact.detail}"
    return read_holder(protection, found.said)
