"""What references name, and that no value becomes syntax on its way into a command."""

from __future__ import annotations

import copy
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.plan.commands import command, playbook, port_number
from drillbook.plan.model import CheckRun
from drillbook.plan.typed import hand_text
from drillbook.plan.values import Scope, argument, bind_check, text, value_of
from drillbook.runbook.model import CheckCall, Playbook, Run
from drillbook.text import forbidden_character
from tests.runbook_estate import cmdb_of, estate

SECTIONS = estate()
SECTIONS["config_items"]["db-1"]["software"] = {"postgresql": "15"}
SECTIONS["config_items"]["db-2"]["addresses"]["lab"] = "2001:db8::2"


def scope(environment: str = "lab", **parameters: Any) -> Scope:
    return Scope(
        cmdb=cmdb_of(SECTIONS),
        environment=environment,
        protection="pair",
        parameters=parameters,
        roles={"primary": "db-1", "standby": "db-2"},
    )


@pytest.mark.parametrize(
    ("template", "environment", "filled"),
    [
        ("{primary.id}", "lab", "db-1"),
        ("{primary.address}", "lab", "10.0.0.1"),
        ("{primary.address}", "rehearsal", "10.0.0.1"),
        ("{primary.address}", "production", "198.18.0.1"),
        ("{standby.address}", "lab", "2001:db8::2"),
        ("{primary.software.postgresql}", "lab", "15"),
        ("{primary.ssh.port}", "lab", "22"),
        ("{primary.addresses.production}", "lab", "198.18.0.1"),
        ("{protection.id}", "lab", "pair"),
        ("{protection.service}", "lab", "core"),
        ("{protection.service_address}", "rehearsal", "10.0.0.100"),
        ("{protection.members.standby}", "lab", "db-2"),
        ("{protection.settings.port}/x", "lab", "5432/x"),
        ("{protection.settings.quick}", "lab", "true"),
        ("{protection.replication}", "lab", "synchronous"),
        ("{environment.id}-{environment.kind}", "rehearsal", "rehearsal-rehearsal"),
        ("{{{parameters.p}}}", "lab", "{v}"),
    ],
)
def test_references(template: str, environment: str, filled: str) -> None:
    assert text(template, scope(environment, p="v")) == filled


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{primary.softwear.postgresql}", "did you mean 'software'"),
        ("{primary.software}", "names a mapping of 1 name"),
        ("{primary.power.lab.url}", "has no 'power.lab.url'"),
        ("{protection.settings.prt}", "did you mean 'port'"),
        ("{parameters.q}", "did you mean 'q1'"),
        ("{stanby.id}", "did you mean 'standby'"),
        ("{environment.name}", "id and kind"),
        ("{a", "write it twice"),
    ],
)
def test_what_names_nothing_is_refused(template: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        text(template, scope(q1="x"))


def test_no_address_in_the_environment() -> None:
    bare = scope("production")
    bare.cmdb.config_items["db-1"].fields["addresses"].pop("production")  # type: ignore[attr-defined]
    try:
        with pytest.raises(UsageError, match="'db-1' has no address in the environment 'production'"):
            text("{primary.address}", bare)
    finally:
        SECTIONS["config_items"]["db-1"]["addresses"]["production"] = "198.18.0.1"


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        ("{protection.settings.port}", 5432),
        ("{protection.settings.quick}", True),
        ("{parameters.n}", 7),
        (" {parameters.n}", " 7"),
        (["{primary.id}", {"a": "{parameters.n}{parameters.n}"}], ["db-1", {"a": "77"}]),
        (1.5, 1.5),
        (True, True),
    ],
)
def test_a_lone_reference_keeps_its_type(value: Any, bound: Any) -> None:
    found = value_of(value, scope(n=7))
    assert found == bound
    assert type(found) is type(bound)


@pytest.mark.parametrize(
    ("template", "value", "words"),
    [
        ("{parameters.x}", "-rf", "begins with a dash"),
        ("{parameters.x}{parameters.y}", "-", "begins with a dash"),
        ("{parameters.y}-x", "z", "begins with a dash"),
        ("{parameters.x}", "", "is empty"),
        ("{parameters.x}", "a\nb", "U\\+000A"),
        ("a{parameters.x}", "\u202e", "U\\+202E"),
    ],
)
def test_arguments_refuse_what_could_become_syntax(template: str, value: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        argument(template, scope(x=value, y=""))


@pytest.mark.parametrize("template", ["--name={parameters.x}", "-{parameters.x}", "./{parameters.x}", "-x", ""])
def test_constant_text_may_begin_with_a_dash(template: str) -> None:
    assert argument(template, scope(x="-rf")) == template.replace("{parameters.x}", "-rf")


@pytest.mark.parametrize("value", ["a b", "$(id)", "`id`", "a;b", "a'b", 'a"b', "a\\b", "*", "~", "-x", "é", ""])
def test_what_is_typed_by_hand_needs_no_quotes(value: str) -> None:
    with pytest.raises(Refused, match="cannot be typed"):
        hand_text("ls {parameters.x}", scope(x=value), typed=True)


@pytest.mark.parametrize("value", ["/var/lib/x", "10.0.0.1/24", "a=b", "2001:db8::1", "user@host"])
def test_what_is_typed_by_hand_stays_one_word(value: str) -> None:
    line = hand_text("ls {parameters.x}", scope(x=value), typed=True)
    assert shlex.split(line) == ["ls", value]


def test_an_instruction_may_hold_spaces() -> None:
    assert hand_text("switch {parameters.x} off", scope(x="rack a 3"), typed=False) == "switch rack a 3 off"


def test_the_forms_of_run() -> None:
    here = scope(x="v w")
    assert command(Run(argv=("ip", "a {parameters.x}")), here, step="s").argv == ("ip", "a v w")
    found = command(Run(script='echo "$1"\n', values=("{parameters.x}",), user="ann"), here, step="o/s")
    assert (found.argv, found.stdin, found.user) == (
        ("/bin/sh", "-eu", "-c", 'echo "$1"\n', "o/s", "v w"),
        "",
        "ann",
    )
    query = Run(sql="select :'a'", database="{protection.id}", variables={"b": "-1", "a": "{parameters.x}"}, user="pg")
    found = command(query, here, step="s")
    assert found.argv == (
        "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-p", "5432", "-d", "pair",
        "-v", "a=v w", "-v", "b=-1",
    )  # fmt: skip
    assert (found.stdin, found.user) == ("select :'a'\n", "pg")


def with_programs(folder: str) -> Scope:
    sections = copy.deepcopy(SECTIONS)
    sections["protections"]["pair"]["settings"]["bin_directory"] = folder
    return replace(scope(), cmdb=cmdb_of(sections))


def test_sql_is_given_to_the_servers_own_psql() -> None:
    query = Run(sql="select 1", database="postgres")
    assert command(query, scope(), step="s").argv[0] == "psql"
    assert command(query, with_programs("/usr/lib/postgresql/15/bin"), step="s").argv[0] == (
        "/usr/lib/postgresql/15/bin/psql"
    )


@pytest.mark.parametrize("folder", ["bin", "/a b", "/a/../b", "/a;b", "/", "/a/", "-x", "/-x"])
def test_a_folder_of_programs_is_a_plain_path(folder: str) -> None:
    with pytest.raises(Refused, match="no folder of programs"):
        command(Run(sql="select 1", database="postgres"), with_programs(folder), step="s")


@pytest.mark.parametrize("name", ["host=evil", "postgresql://evil", "-x", "", "a b", "é"])
def test_a_database_is_a_name(name: str) -> None:
    with pytest.raises(Refused, match="no name of a database"):
        command(Run(sql="select 1", database="{parameters.x}"), scope(x=name), step="s")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "", "99999999999", "１２"])
def test_a_port_is_a_number(port: str) -> None:
    with pytest.raises(Refused, match="no TCP port"):
        port_number(port)


@pytest.mark.parametrize("value", ["{{ lookup('pipe', 'id') }}", "a{% if x %}", "{# x"])
def test_no_value_is_a_template_of_ansible(value: str) -> None:
    with pytest.raises(Refused, match="Ansible would run"):
        playbook(Playbook("x.yml", {"a": [{"b": "{parameters.x}"}]}), scope(x=value), item="db-1")


def test_checks_are_bound_to_a_role_or_to_an_item() -> None:
    call = CheckCall("c.py", "f", "standby", {"port": "{protection.settings.port}"}, 1)
    assert bind_check(call, scope()) == CheckRun("c.py", "f", "db-2", {"port": 5432})
    bare = Scope(cmdb=cmdb_of(SECTIONS), environment="lab", protection=None, parameters={}, roles={})
    assert bind_check(CheckCall("c.py", "f", "watch-1", {}, 1), bare).item == "watch-1"
    with pytest.raises(UsageError):
        bind_check(CheckCall("c.py", "f", "watch-9", {}, 1), bare)
    with pytest.raises(Refused, match="there is no protection here"):
        bind_check(call.__class__("c.py", "f", "watch-1", {"p": "{protection.id}"}, 1), bare)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_whatever_the_values_a_command_keeps_its_shape(values: list[str]) -> None:
    run = Run(argv=("prog", "-o", *(f"{{parameters.p{n}}}" for n in range(len(values)))))
    here = scope(**{f"p{n}": value for n, value in enumerate(values)})
    try:
        argv = command(run, here, step="s").argv
    except DrillbookError:
        assert any(forbidden_character(v) or v.startswith("-") or not v for v in values)
        return
    assert argv == ("prog", "-o", *values)
    assert not any(value.startswith("-") or forbidden_character(value) for value in argv[2:])
