"""Drills from their files: what is read, and everything that is found wrong, with its place."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from drillbook.cmdb.load import load
from drillbook.drill.about import protection_of
from drillbook.drill.binding import bind_probes
from drillbook.drill.load import find_drill, list_drills, load_drill, schema
from drillbook.drill.model import AtOnce, DrillKind, PersonDecides, ProbeDown
from drillbook.drill.rules import check_drill
from drillbook.errors import ExitCode, InvalidInput, UsageError
from drillbook.lab.faults import KINDS
from tests.drill_values import RUNBOOKS, cmdb, drill, findings, loaded, write

ROOT = Path(__file__).resolve().parents[2]


def test_a_drill_is_read(tmp_path):
    found = loaded(tmp_path, drill())
    assert found.name == "db-failover"
    assert found.kind is DrillKind.FUNCTIONAL
    assert found.trigger == ProbeDown("users", 1.0)
    assert found.timeout == 120.0
    assert found.call.parameters == {"pair": "core-db"}
    assert found.users_of(found.services[0]).id == "users"
    assert (found.probes[0].every, found.probes[0].give_up) == (0.005, 0.15)
    assert found.expectation.refused is None
    assert found.steady_state[0].call.on == "db-1"
    assert [call.runbook for call in (*found.before, *found.afterwards)] == ["RB-FAILBACK", "RB-FAILBACK"]
    assert check_drill(found, cmdb(), RUNBOOKS) == []


@pytest.mark.parametrize(
    ("trigger", "is_"), [({"at_once": True}, AtOnce), ({"person": {"en": "look", "zh": "看"}}, PersonDecides)]
)
def test_the_other_triggers(tmp_path, trigger, is_):
    assert isinstance(loaded(tmp_path, {**drill(), "trigger": trigger}).trigger, is_)


def test_faults_stand_in_the_order_in_which_they_happen(tmp_path):
    value = drill()
    value["faults"] = [
        {"kind": "kill", "on": "db-1", "after": "3 s"},
        {"kind": "isolate_replication", "on": "db-1", "peer": "db-2", "after": "1 s", "for": "500 ms"},
    ]
    found = loaded(tmp_path, value).faults
    assert [(each.kind, each.after, each.lasts, dict(each.options)) for each in found] == [
        ("isolate_replication", 1.0, 0.5, {"peer": "db-2"}),
        ("kill", 3.0, None, {}),
    ]


def test_a_refusal_can_be_what_is_expected(tmp_path):
    found = loaded(tmp_path, {**drill(), "expect": {"refused": 10}})
    assert found.expectation.refused is ExitCode.NOT_FENCED


def test_a_drill_can_have_objectives_of_its_own(tmp_path):
    own = {"rpo": "5 s", "reason": {"en": "because", "zh": "因为"}}
    found = loaded(tmp_path, {**drill(), "objectives": own}).services[0].objectives
    assert found is not None
    assert (found.rto, found.rpo, found.reason.en) == (None, 5.0, "because")


def test_the_digest_is_of_the_content(tmp_path):
    first = loaded(tmp_path, drill()).digest
    assert loaded(tmp_path, drill()).digest == first
    assert loaded(tmp_path, {**drill(), "timeout": "3 min"}).digest != first


def change(path: str, value: object):
    """A function that puts a value at ``a/0/b`` of a drill; None takes it away."""

    def apply(data):
        *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        node = data
        for part in way:
            node = node[part]
        if value is None:
            del node[last]
        elif isinstance(node, list) and last == len(node):
            node.append(value)
        else:
            node[last] = value
        return data

    return apply


def fault(kind, **options):
    """A function that lets a drill have one fault, of that kind and with those options."""
    return change("faults/0", {"kind": kind, "on": "db-1", "after": "1 s", **options})


USERS = {"id": "more", "kind": "postgresql_writer", "from": "mon-1", "to": "service_address", "every": "5 ms"}
ROOM = {"kind": "kill", "after": "3 s"}


def only_a_reader(data):
    """A drill whose only probe says nothing of who serves."""
    data["probes"] = [{**data["probes"][0], "kind": "proxy_reader"}]
    return data


WRONG = {
    "unknown key": (change("colour", "red"), "schema-unknown-key: unknown key 'colour'"),
    "no probes": (change("probes", None), "schema-missing: the file has no 'probes'"),
    "no probe at all": (change("probes", []), "schema-size: 'probes' is"),
    "kind": (change("kind", "big"), "schema-value: 'kind' is the text 'big'; it must be one of tabletop"),
    "duration": (change("timeout", "2 minutes"), "it must be a duration such as '20 s'"),
    "number for a duration": (change("timeout", 120), "it must be a duration such as '20 s'"),
    "runbook's form": (change("runbook", "failover"), "it must be an id in capitals"),
    "fault": (change("faults/0/kind", "flood"), "it must be one of corrupt_file, disk_full"),
    "fault's key": (change("faults/0/colour", "red"), "unknown key 'colour'"),
    "power control without a mode": (change("faults/0/kind", "power_control"), "has no 'mode'"),
    "a cut without a peer": (change("faults/0/kind", "isolate_replication"), "has no 'peer'"),
    "which service is killed": (change("faults/0/kind", "service_killed"), "has no 'process'"),
    "exit code": (change("expect", {"refused": 8}), "'refused' is the number 8; it must be one of 4, 5, 6, 10"),
    "objectives without a reason": (change("objectives", {"rpo": "5 s"}), "has no 'reason'"),
    "objectives without any": (change("objectives", {"reason": {"en": "x", "zh": "x"}}), "schema-size"),
    "empty trigger": (change("trigger", {}), "'trigger' is a mapping of 0 names; it must be"),
    "two triggers": (change("trigger/at_once", True), "unknown key 'at_once'"),
    "never at once": (change("trigger", {"at_once": False}), "it must be true"),
    "an English text is missing": (change("title/en", None), "'title' has no 'en'"),
    "a Chinese text is empty": (change("title/zh", " "), "it must be a text in Chinese, not empty"),
    "another name than its file": (change("drill", "other"), "file-name: the drill is called 'other'"),
    "service": (change("service", "cores"), "unknown-service: there is no service 'cores'; did you mean 'core'?"),
    "service without objectives": (change("service", "bare"), "no-objective: the service 'bare' has no rto"),
    "environment": (change("environment", "labs"), "unknown-environment: there is no environment 'labs'"),
    "runbook": (change("runbook", "RB-FAILOVR"), "unknown-runbook: there is no runbook 'RB-FAILOVR'; did you mean"),
    "runbook before": (change("before/0/runbook", "RB-X"), "unknown-runbook: there is no runbook 'RB-X'"),
    "runbook afterwards": (change("afterwards/0/runbook", "RB-X"), "unknown-runbook: there is no runbook 'RB-X'"),
    "no protection": (change("parameters", {}), "drill-protection: the parameters must name exactly one protection"),
    "two protections": (change("parameters/more", "empty"), "drill-protection: the parameters must name exactly one"),
    "another service's": (change("parameters/pair", "other"), "drill-protection: 'other' protects the service 'bare'"),
    "no settings": (
        change("parameters/pair", "empty"),
        "probe-setting: the probe 'users' is a postgresql_writer, and the protection 'empty' has no 'port'",
    ),
    "checked item": (change("steady_state/0/check/on", "db-9"), "unknown-item: there is no item 'db-9'"),
    "probe's host": (change("probes/0/from", "mon-9"), "unknown-item: there is no item 'mon-9'"),
    "probe's target": (change("probes/1/to", "db-9"), "unknown-item: there is no item 'db-9'"),
    "probe twice": (change("probes/1/id", "users"), "probe-twice: two probes are called 'users'"),
    "no users": (change("probes/0/to", "db-1"), "users-probe: 0 probes use service_address"),
    "two users": (change("probes/3", USERS), "users-probe: 2 probes use service_address"),
    "nobody watches the standby": (change("probes/2", None), "unwatched-member: no probe writes straight to 'db-2'"),
    "too fast": (change("probes/0/every", "0.5 ms"), "probe-pace: the probe 'users' makes an attempt every 0.0005 s"),
    "too slow": (change("probes/0/every", "2 s"), "probe-pace: the probe 'users' makes an attempt every 2 s"),
    "gives up too soon": (
        change("probes/0/give_up", "2 ms"),
        "probe-pace: the probe 'users' gives an attempt up after",
    ),
    "gives up too late": (change("probes/0/give_up", "2 s"), "probe-pace: the probe 'users' gives an attempt up after"),
    "no path": (change("faults/0/kind", "disk_full"), "has no 'path'"),
    "a path with ..": (fault("corrupt_file", path="/srv/../etc"), "it must be a path on the host without '.' and '..'"),
    "a relative path": (fault("disk_full", path="srv"), "it must be a path on the host"),
    "the whole disk": (fault("disk_full", path="/"), "it must be a path on the host"),
    "more room than a disk has": (fault("disk_full", path="/srv", leave="1000 MiB"), "a size of at most 999 MiB"),
    "room that is less than none": (fault("disk_full", path="/srv", leave="-1 MiB"), "a size of at most 999 MiB"),
    "no byte goes bad": (fault("corrupt_file", path="/srv/a", bytes=0), "it must be at least 1"),
    "bytes without end": (fault("corrupt_file", path="/srv/a", bytes=10**9), "it must be at least 1 and at most 4096"),
    "a clock that is right": (fault("wrong_clock", by="+0 s"), "a sign and a time such as '+90 s' or '-2 h', not 0"),
    "a clock without a sign": (fault("wrong_clock", by="2 h"), "a sign and a time"),
    "a link that carries nothing": (fault("slow_link", rate="0 mbit"), "a rate from '100 kbit' to '999 mbit'"),
    "a rate of another kind": (fault("slow_link", rate="1mbit; reboot"), "a rate from '100 kbit' to '999 mbit'"),
    "it was never away": (fault("returns", **{"in": "-3 s"}), "a duration such as '20 s'"),
    "a third direction": (fault("partition", direction="up"), "it must be one of in, out, both"),
    "another fault's option": (fault("freeze", rate="1 mbit"), "the fault 'freeze' has no option 'rate'"),
    "neither one service nor several": (
        change("service", None),
        "schema-one-of: the file has none of service, services",
    ),
    "a fault on nobody": (change("faults/0/on", None), "schema-one-of"),
    "an unknown room": (change("faults/0", ROOM | {"room": "room-x"}), "unknown-room: there is no room 'room-x'"),
    "an empty room": (
        change("faults/0", ROOM | {"room": "room-b"}),
        "fault-item: no host of the lab (in_lab: true) st",
    ),
    "probe's kind": (change("probes/0/kind", "fax_sender"), "it must be one of address_watcher, ldap_writer"),
    "probe of another service": (
        change("probes/0/protection", "other"),
        "probe-protection: the probe 'users' is about",
    ),
    "what its kind needs": (
        change("probes/0/kind", "web_writer"),
        "probe-setting: the probe 'users' is a web_writer, and",
    ),
    "what it logs in with": (change("probes/0/kind", "web_writer"), "has no 'kind' in its settings, under which"),
    "writers of two kinds": (change("probes/0/kind", "web_writer"), "probe-kinds: the probes are of several kinds"),
    "a watcher of a member": (
        change("probes/1/kind", "address_watcher"),
        "probe-target: the probe 'at-db-1' watches who",
    ),
    "nobody watches the address": (only_a_reader, "unwatched-address: no probe watches the service's address"),
    "a check of an unknown protection": (change("steady_state/0/protection", "x"), "unknown-protection: there is no"),
    "faults in production": (change("environment", "production"), "fault-outside-lab: faults exist only in the lab"),
    "faults in a rehearsal": (change("environment", "rehearsal"), "fault-outside-lab: faults exist only in the lab"),
    "fault's item": (change("faults/0/on", "db-9"), "unknown-item: there is no item 'db-9'"),
    "a fault elsewhere": (change("faults/0/on", "far-1"), "fault-item: 'far-1' is no host of the lab"),
    "fault's option": (change("faults/0/keep", ["mon-1"]), "fault-option: the fault 'kill' has no option 'keep'"),
    "death that heals": (change("faults/0/for", "2 s"), "fault-option: the fault 'kill' is not healed by time"),
    "kept item": (
        change("faults/0", {"kind": "partition", "on": "db-1", "after": "1 s", "keep": ["x-1"]}),
        "unknown-item: there is no item 'x-1'",
    ),
    "trigger's probe": (change("trigger/probe", "user"), "unknown-probe: there is no probe 'user'; did you mean"),
    "no fault to trigger": (change("faults", None), "trigger: the trigger waits for the probe 'users' to go down"),
    "at once with a fault": (change("trigger", {"at_once": True}), "trigger: with a fault the runbook would begin"),
}


@pytest.mark.parametrize(("broken", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said(tmp_path, broken, says):
    found = findings(tmp_path, broken(drill()))
    assert any(says in each for each in found), found


def test_all_findings_come_at_once_with_their_lines(tmp_path):
    value = drill()
    value["service"], value["trigger"]["probe"] = "nothing", "nobody"
    value["probes"][1]["to"] = "db-7"
    path = write(tmp_path, value)
    found = check_drill(load_drill(path), cmdb(), RUNBOOKS)
    lines = path.read_text().splitlines()
    assert {each.rule for each in found} >= {"unknown-service", "unknown-probe", "unknown-item", "unwatched-member"}
    (item,) = [each for each in found if each.rule == "unknown-item"]
    assert "at-db-1" in lines[item.line - 1]
    assert item.file == "drills/db-failover.yaml"


def test_lists_hold_every_finding_of_every_file(tmp_path):
    write(tmp_path, {**drill(), "kind": "big"})
    write(tmp_path, {**drill(), "drill": "b", "timeout": "x"}, name="b")
    with pytest.raises(InvalidInput) as caught:
        list_drills(tmp_path)
    assert {each.file for each in caught.value.findings} == {"drills/db-failover.yaml", "drills/b.yaml"}


def test_an_unknown_drill_is_answered_with_the_nearest(tmp_path):
    write(tmp_path, drill())
    with pytest.raises(UsageError, match="there is no drill 'db-failovr'") as caught:
        find_drill(tmp_path, "db-failovr")
    assert "db-failover" in caught.value.remedy
    with pytest.raises(UsageError):
        find_drill(tmp_path / "nowhere", "db-failover")


def test_probes_are_bound_to_the_addresses_of_the_environment(tmp_path):
    bound = bind_probes(loaded(tmp_path, drill()), cmdb())
    assert [(each.spec.id, each.address) for each in bound] == [
        ("users", "10.0.0.100"), ("at-db-1", "10.0.0.1"), ("at-db-2", "10.0.0.2"),
    ]  # fmt: skip
    assert all((each.options["port"], each.options["database"]) == (5432, "core") for each in bound)


def test_a_probe_without_an_address_is_refused(tmp_path):
    value = drill()
    value["probes"].append({**value["probes"][1], "id": "far", "to": "far-1"})
    with pytest.raises(UsageError, match="'far-1' has no address"):
        bind_probes(loaded(tmp_path, value), cmdb())


def test_the_schema_is_one_and_knows_every_kind_of_fault():
    jsonschema.Draft202012Validator.check_schema(schema())
    fault = schema()["properties"]["faults"]["items"]["properties"]
    assert fault["kind"]["enum"] == sorted(KINDS)
    assert set(fault) - {"kind", "on", "room", "after", "for"} == {
        option for kind in KINDS.values() for option in kind.options
    }


def test_every_drill_that_ships_is_right():
    estate = load(ROOT)
    runbooks = [path.stem for path in (ROOT / "runbooks").glob("*.yaml")]
    drills = list_drills(ROOT)
    assert {each.name for each in drills} >= {
        "core-db-failover", "core-db-failover-async", "core-db-failover-frozen", "core-db-failover-hung-ssh",
        "core-db-failover-partition", "core-db-failover-power-fails", "core-db-failover-power-lies",
        "core-db-switchover",
    }  # fmt: skip
    for each in drills:
        assert check_drill(each, estate, runbooks) == []
        assert protection_of(each, estate) is not None
        bind_probes(each, estate)
