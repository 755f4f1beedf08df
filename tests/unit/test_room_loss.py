"""The drill of a lost room agrees with the CMDB: who is struck, who gets the one spare, who has to wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.load import load
from drillbook.console.output import console
from drillbook.coverage.order import first_in
from drillbook.drill.about import struck
from drillbook.drill.load import find_drill
from drillbook.tasks.running import show_plan
from drillbook.tasks.wiring import load_estate, plan_of

ROOT = Path(__file__).resolve().parents[2]
ROOM = "hq-room-a"


@pytest.fixture(scope="module")
def cmdb():
    return load(ROOT)


@pytest.fixture(scope="module")
def drill():
    return find_drill(ROOT, "room-a-loss")


def test_every_host_of_the_lab_that_stands_in_the_room_is_struck(cmdb, drill):
    (fault,) = drill.faults
    hit = struck(fault, cmdb)
    assert fault.room == ROOM
    assert hit == tuple(
        sorted(item.id for item in cmdb.config_items if item.get("in_lab") and item.get("room") == ROOM)
    )
    assert len(hit) > 4


def test_the_spare_goes_to_the_service_that_coverage_puts_first_and_the_others_wait(cmdb, drill):
    cold = drill.call.parameters["cold"]
    spare = cmdb.protections[cold].get("members")["spare"]
    assert first_in(cmdb, spare, ROOM) == cold
    covered = {each.id for each in cmdb.protections if each.get("members", {}).get("spare") == spare}
    assert {each.protection for each in drill.services if each.not_back is not None} == covered - {cold}


def test_services_come_back_in_the_order_of_their_objectives_after_what_they_depend_on(cmdb, drill):
    back = [cmdb.services[each.service] for each in drill.services if each.not_back is None]
    ranked = [(each.get("tier"), seconds(each.get("rto"))) for each in back]
    assert ranked == sorted(ranked)
    for number, service in enumerate(back):
        later = {each.id for each in back[number + 1 :]}
        assert not later & set(service.get("depends_on", ()))


def test_every_service_of_the_lab_whose_host_stood_there_is_part_of_the_drill(cmdb, drill):
    (fault,) = drill.faults
    hit = set(struck(fault, cmdb))
    lost = {
        each.get("service")
        for each in cmdb.protections
        if each.get("members", {}).get("primary") in hit and each.get("service_address", {}).get("lab")
    }
    assert {each.service for each in drill.services} == lost


def test_whoever_is_asked_for_yes_is_told_which_hosts_are_switched_off(cmdb, drill):
    estate = load_estate(ROOT, drill.call.runbook)
    plan = plan_of(estate, drill.call.runbook, environment=drill.environment, parameters=drill.call.parameters)
    with console.capture() as said:
        show_plan(plan, "en")
    lost = [cmdb.protections[each].get("members")["primary"] for each in drill.call.parameters.values()]
    (line,) = (line for line in said.get().splitlines() if "switches off" in line)
    assert sorted(line.split(":")[1].replace(",", " ").split()) == sorted(lost)
