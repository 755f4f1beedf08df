"""Each rule has a runbook that breaks it, and the runbooks that keep all of them load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drillbook.errors import InvalidInput
from drillbook.runbook.load import load_all
from drillbook.runbook.rules import RULES
from tests.runbook_estate import apart, check, failback, failover, switchover, text, write_estate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Book = dict[str, Any]


def findings(folder: Path, *books: Book) -> list[tuple[str, str]]:
    try:
        load_all(write_estate(folder, *books))
    except InvalidInput as error:
        return [(finding.rule, finding.message) for finding in error.findings]
    return []


def test_the_good_ones_load(tmp_path: Path) -> None:
    books = load_all(write_estate(tmp_path, failover(), switchover(), failback()))
    assert list(books) == ["RB-FAILBACK", "RB-FAILOVER", "RB-SWITCH"]


def test_independent_calls_load(tmp_path: Path) -> None:
    assert "RB-APART" in load_all(write_estate(tmp_path, apart(), switchover()))


def test_what_has_independent_calls_is_not_called_itself(tmp_path: Path) -> None:
    outer = failback()
    outer["steps"][2]["runbook"]["id"] = "RB-APART"
    assert (
        "independent-parts",
        "step switch: RB-APART has independent calls, and is run by itself only; call what it calls",
    ) in findings(tmp_path, apart(), switchover(), outer)


def step(book: Book, index: int) -> Book:
    found = book["steps"][index]
    assert isinstance(found, dict)
    return found


def run(book: Book, run_: Book, **more: Any) -> None:
    """Put a command into the address step."""
    step(book, 2)["run"] = run_
    step(book, 2).update(more)


def argv(*arguments: str) -> Callable[[Book], None]:
    return lambda book: run(book, {"argv": list(arguments)})


def script(script_: str, *values: str) -> Callable[[Book], None]:
    return lambda book: run(book, {"script": script_, "values": list(values)} if values else {"script": script_})


def sql(sql_: str, **variables: str) -> Callable[[Book], None]:
    return lambda book: run(book, {"sql": sql_, "database": "postgres", "variables": variables})


def change(index: int, **fields: Any) -> Callable[[Book], None]:
    """Set fields of a step; None removes one."""

    def apply(book: Book) -> None:
        for name, value in fields.items():
            if value is None:
                step(book, index).pop(name)
            else:
                step(book, index)[name] = value

    return apply


def move(start: int, to: int) -> Callable[[Book], None]:
    return lambda book: book["steps"].insert(to, book["steps"].pop(start))


def insert(at: int, **fields: Any) -> Callable[[Book], None]:
    """Put a harmless step on the old primary's host in, with some fields set."""

    def apply(book: Book) -> None:
        new = {
            "id": "between", "title": text(), "verb": "ensure", "on": "standby",
            "undo": {"irreversible": text()}, "timeout": "1 s", "repeat": "safe",
            "by_hand": [{"do": "look", "see": text()}],
        } | fields  # fmt: skip
        book["steps"].insert(at, new)

    return apply


def put(*path: str | int, value: Any) -> Callable[[Book], None]:
    def apply(book: Book) -> None:
        node: Any = book
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = value

    return apply


def slot(use: Callable[[Book], None]) -> Callable[[Book], None]:
    """Add a slot, and use it or spoil it."""

    def apply(book: Book) -> None:
        book["slots"] = {"copies": {"text": text("The newest copies", "最新副本"), "choose": check("anything")}}
        use(book)

    return apply


BAD: list[tuple[str, str, Callable[[], Book], Callable[[Book], None]]] = [
    # rule, a part of the sentence, the runbook, what is made wrong
    ("missing-undo", "has no 'undo'", failover, change(2, undo=None)),
    ("missing-undo", "has no 'undo'", failover, change(4, undo=None)),
    ("missing-timeout", "has no 'timeout'", failover, change(2, timeout=None)),
    ("missing-repeat", "has no 'repeat'", failover, change(1, repeat=None)),
    ("missing-by-hand", "has no 'by_hand'", failover, change(3, by_hand=None)),
    ("forbidden-character", "U+202E", failover, put("title", "en", value="a\u202eb")),
    ("forbidden-character", "a line break", failover, put("steps", 0, "by_hand", 0, "do", value="a\nb")),
    ("forbidden-character", "U+001B", failover, script("echo \x1b[2J\n")),
    ("unknown-role", "there is no role 'stanby'; did you mean 'standby'", failover, change(2, on="stanby")),
    ("unknown-role", "'nobody' is not another role", failover,
     put("roles", "standby", "other_than", value="nobody")),
    ("unknown-role", "'standby' is not another role", failover,
     put("roles", "standby", "other_than", value="standby")),
    ("unknown-role", "itself bound by other_than", failover,
     put("roles", "observer", value={"other_than": "standby"})),
    ("unknown-role", "cannot be called 'protection'", failover,
     put("roles", "protection", value={"item": "x"})),
    ("unknown-role", "no role says on which host", failover, put("steps", 3, "wait", value=check(on=None))),
    ("unknown-role", "no role 'elsewhere'", failover, put("steps", 0, "by_hand", 0, "on", value="elsewhere")),
    ("unknown-role", "no role 'elsewhere'", failover,
     put("steps", 0, "fence", "witnesses", value=["standby", "elsewhere"])),
    ("unknown-role", "no role 'elsewhere'", failover,
     put("steps", 1, "verify", value=[check(on="elsewhere", port=1)])),
    ("unknown-role", "verb stop needs 'on'", failover, change(4, verb="stop")),
    ("same-host-twice", "the same host", failover, put("roles", "observer", "item", value="{parameters.primary}")),
    ("duplicate-step", "'promote' stands twice, first in line", failover, change(3, id="promote")),
    ("text-language", "no Chinese character", failover, put("title", "zh", value="Fail over")),
    ("text-language", "no Chinese character", failover,
     put("steps", 4, "manual", "zh", value="Call the desk.")),
    ("by-hand-ascii", "holds '“'", failover, put("steps", 0, "by_hand", 0, "do", value="echo “x”")),
    ("text-language", "no Chinese character", failover,
     put("steps", 0, "by_hand", 0, "do", value={"en": "look", "zh": "look"})),
    ("by-hand-sentence", "is typed at no console", failover,
     put("steps", 1, "by_hand", 0, "do", value={"en": "look", "zh": "查看"})),
    ("by-hand-sentence", "name different things", failover,
     put("steps", 0, "by_hand", 0, "do", value={"en": "look at {primary.id}", "zh": "查看"})),
    ("unknown-reference", "no role", failover,
     put("steps", 0, "by_hand", 0, "do", value={"en": "at {x.id}", "zh": "查看 {x.id}"})),
    ("parameter", "a choice needs", failover,
     put("parameters", "primary", value={"type": "choice", "description": text(), "default": "db-1"})),
    ("parameter", "belongs to type choice", failover, put("parameters", "primary", "choices", value=["a"])),
    ("parameter", "not one of the choices", failover,
     put("parameters", "primary",
         value={"type": "choice", "choices": ["a"], "description": text(), "default": "b"})),
    ("parameter", "not a whole number", failover,
     put("parameters", "primary", value={"type": "integer", "description": text(), "default": "ten"})),
    ("parameter-unused", "used nowhere", failover,
     put("parameters", "spare", value={"type": "text", "description": text()})),
    ("sub-runbook-fields", "timeout has no effect", failback, change(2, timeout="1 s")),
    ("timeout-range", "over 0 s", failover, change(2, timeout="0 s")),
    ("timeout-range", "at most 24 h", failover, change(2, timeout="25 h")),
    ("timeout-range", "the interval", failover, put("steps", 3, "wait", "interval", value="11 s")),
    ("missing-verify", "verb promote needs 'verify'", failover, change(1, verify=None, repeat="never")),
    ("missing-verify", "verb join needs", failback, change(1, verify=None)),
    ("missing-verify", "verb start needs", failover, change(2, verb="start")),
    ("repeat-without-verify", "there is none", failover, change(2, repeat="check")),
    ("repeat-promotion", "not done again blindly", failover, change(1, repeat="safe")),
    ("undo-nothing", "say how it is undone", failback, change(1, undo="nothing")),
    ("fence-shape", "needs the action 'fence'", failover, change(2, verb="fence")),
    ("fence-shape", "goes with verb fence", failover, change(0, verb="stop")),
    ("fence-shape", "its own silence", failover, put("steps", 0, "fence", "witnesses", value=["primary", "standby"])),
    ("fence-shape", "always proved anew", failover, change(0, repeat="never")),
    ("fence-shape", "runs nothing", failover, change(0, undo={"run": {"argv": ["true"]}})),
    ("unreachable-role", "logs in to 'primary'", failover, change(2, on="primary")),
    ("unreachable-role", "logs in to 'primary'", failover,
     put("steps", 3, "wait", value=check(on="primary", port=1))),
    ("unreachable-role", "logs in to 'primary'", failover,
     put("assumptions", 0, "check", value=check("stopped", "primary", unit="x"))),
    ("unreachable-role", "logs in to 'primary'", failover,
     change(2, verify=[check("stopped", "primary", unit="x")])),
    ("unreachable-role", "every witness may be off", failover,
     put("roles", value={"primary": {"item": "a", "reachable": False},
                         "standby": {"other_than": "primary", "reachable": False},
                         "observer": {"item": "b", "reachable": False}})),
    ("template-syntax", "character 5", failover, argv("echo ", "awk {print}")),
    ("unknown-reference", "no parameter 'pari'; did you mean 'pair'", failover, argv("echo", "{parameters.pari}")),
    ("unknown-reference", "too many parts", failover, argv("echo", "{parameters.pair.id}")),
    ("unknown-reference", "an environment has", failover, argv("echo", "{environment.name}")),
    ("unknown-reference", "a protection has no 'setting'", failover, argv("echo", "{protection.setting.port}")),
    ("unknown-reference", "write {protection.settings.…}", failover, argv("echo", "{protection.settings}")),
    ("unknown-reference", "begins with no role", failover, argv("echo", "{primry.id}")),
    ("unknown-reference", "begins with no role", failover,
     put("steps", 3, "wait", "arguments", value={"port": ["{nobody.port}"]})),
    ("unknown-reference", "there is no slot 'copy'; did you mean 'copies'", failover,
     slot(argv("echo", "{slots.copies}", "{slots.copy}"))),
    ("slot-place", "stands alone", failover, slot(argv("echo", "x{slots.copies}"))),
    ("slot-place", "stands alone", failover, slot(sql("select :'x'", x="{slots.copies}"))),
    ("slot-place", "stands alone", failover, slot(put("roles", "observer", "item", value="{slots.copies}"))),
    ("slot-place", "stands alone", failover,
     slot(put("steps", 3, "wait", "arguments", value={"port": ["{slots.copies}"]}))),
    ("slot-place", "stands alone", failback,
     slot(put("steps", 1, "playbook", "variables", value={"port": "{slots.copies}"}))),
    ("slot-place", "stands alone", failover,
     slot(put("slots", "copies", "choose", "arguments", value={"x": "{slots.copies}"}))),
    ("slot-unused", "used nowhere", failover, slot(argv("echo", "{standby.id}"))),
    ("unreachable-role", "logs in to 'primary'", failover,
     slot(put("slots", "copies", "choose", "on", value="primary"))),
    ("unknown-role", "no role says on which host", failover,
     slot(put("slots", "copies", "choose", value=check("anything", None)))),
    ("unknown-role", "cannot be called 'slots'", failover, put("roles", "slots", value={"item": "x"})),
    ("missing-check", "did you mean 'anything'", failover,
     slot(put("slots", "copies", "choose", "function", value="anithing"))),
    ("text-language", "no Chinese character", failover, slot(put("slots", "copies", "text", "zh", value="Copies"))),
    ("constant-text", "text for people", failover,
     slot(put("slots", "copies", "text", "en", value="Copies of {primary.id}"))),
    ("value-as-syntax", "as its language", failover, slot(argv("ssh", "h", "{slots.copies}"))),
    ("constant-program", "which program runs", failover, slot(argv("{slots.copies}", "x"))),
    ("reference-circle", "protection → parameters.pair → protection", failover,
     put("parameters", "pair", "default", value="{protection.id}")),
    ("constant-text", "{standby.address} is not replaced in a script", failover,
     script("ping {standby.address}\n")),
    ("constant-text", "is not replaced in a sql", failover, sql("select '{standby.address}'")),
    ("constant-text", "text for people", failover, put("title", "en", value="Fail {parameters.pair} over")),
    ("constant-program", "which program runs", failover, argv("{protection.settings.unit}", "x")),
    ("value-as-syntax", "as its language", failover, argv("sh", "-c", "echo {standby.address}")),
    ("value-as-syntax", "as its language", failover, argv("timeout", "1", "/bin/bash", "-ec", "{standby.id}")),
    ("value-as-syntax", "as its language", failover, argv("psql", "-cselect '{standby.id}'")),
    ("value-as-syntax", "as its language", failover, argv("python3.11", "-c", "print('{standby.id}')")),
    ("value-as-syntax", "as its language", failover, argv("ssh", "h", "ls", "{standby.id}")),
    ("value-as-syntax", "as its language", failover, argv("sed", "-i", "s/a/{standby.id}/", "/etc/x")),
    ("value-as-syntax", "as its language", failover, argv("awk", "{standby.id}", "/etc/x")),
    ("value-as-syntax", "$1 stands outside double quotes", failover, script("ping $1\n", "{standby.id}")),
    ("value-as-syntax", "$1 stands outside", failover, script('x="$(ping $1)"\n', "{standby.id}")),
    ("value-as-syntax", "$1 stands outside", failover, script('x="`ping $1`"\n', "{standby.id}")),
    ("value-as-syntax", "$1 stands outside", failover, script('x="$(( $1 + 1 ))"\n', "{standby.id}")),
    ("value-as-syntax", "$@ stands outside", failover, script("ping $@\n", "{standby.id}")),
    ("value-as-syntax", "$1 stands in a text", failover, script('sh -c "ls $1"\n', "{standby.id}")),
    ("value-as-syntax", "$1 stands in a text", failover, script('psql --command="select \'$1\'"\n', "{standby.id}")),
    ("value-as-syntax", "$x stands in a text", failover,
     script('x="$1"\nsu postgres -c "ls $x"\n', "{standby.id}")),
    ("value-as-syntax", "$1 stands in a text", failover, script("cat <<END | sh\nls $1\nEND\n", "{standby.id}")),
    ("value-as-syntax", "eval reads values", failover, script('eval ls "$1"\n', "{standby.id}")),
    ("value-as-syntax", ":x without quotes", failover, sql("select :x", x="{standby.id}")),
    ("script-values", "uses $2, and 'values' has 1", failover, script('ping "$1" "$2"\n', "{standby.id}")),
    ("script-values", "does not use $2", failover, script('ping "$1"\n', "{standby.id}", "{primary.id}")),
    ("script-values", "does not use $1", failover, script("awk '{print $1}' /etc/hosts\n", "{standby.id}")),
    ("sql-variables", "uses the variable 'y'", failover, sql("select :'y'")),
    ("sql-variables", "does not use 'x'", failover, sql("select ':x', $$:'x'$$ -- :'x'", x="{standby.id}")),
    ("sql-leaves", "'\\!'", failover, sql("select 1;\n\\! rm -rf /\n")),
    ("sql-leaves", "'to program'", failover, sql("copy t to program 'sh'")),
    ("sql-leaves", "'`'", failover, sql("\\set x `id`\nselect :'x'")),
    ("promotion-without-fencing", "nothing proves", failover, move(0, 1)),
    ("promotion-without-fencing", "nothing proves", failover, lambda book: book["steps"].pop(0)),
    ("promotion-without-fencing", "nothing proves", failover, insert(1, on="primary", power="on")),
    ("promotion-without-fencing", "nothing proves", failover, put("steps", 0, "on", value="observer")),
    ("promotion-without-fencing", "cannot be told which host", failover,
     put("roles", "standby", value={"item": "{protection.members.standby}"})),
    ("promotion-without-fencing", "only told to stop", switchover, put("kind", value="failover")),
    ("promotion-without-fencing", "only told to stop", switchover, put("kind", value="maintenance")),
    ("promotion-without-fencing", "nothing proves", switchover,
     put("steps", 0, "verify", value=[check("stopped", "standby", unit="x")])),
    ("promotion-without-fencing", "nothing proves", switchover,
     insert(1, on="primary", verb="start", run={"argv": ["systemctl", "start", "x"]},
            verify=[check("is_primary", "primary", port=1)])),
    ("promotion-without-fencing", "nothing proves", switchover,
     insert(1, on="primary", run={"argv": ["systemctl", "start", "x"]})),
    ("promotion-without-fencing", "promotes without fencing", failback, put("kind", value="failover")),
    ("unlabelled-promotion", "the verb is publish", failover, sql("select pg_promote()")),
    ("unlabelled-promotion", "the verb is publish", failover, argv("pg_ctlcluster", "15", "core", "promote")),
    ("unlabelled-promotion", "the verb is publish", failover, script('pg_ctl "$1"\n', "promote")),
    ("unlabelled-promotion", "the verb is publish", failover, script("rm -f /data/standby.signal\n")),
    ("unlabelled-promotion", "the verb is publish", failover,
     argv("pg_conftool", "set", "promote_trigger_file", "/tmp/x")),
    ("unlabelled-promotion", "an undo never does", failover,
     change(2, undo={"run": {"argv": ["pg_ctl", "promote"]}})),
    ("unlabelled-promotion", "its variables", failback,
     put("steps", 1, "playbook", "variables", value={"action": "promote"})),
    ("power-off", "'poweroff'", failover, argv("systemctl", "poweroff")),
    ("power-off", "'shutdown'", failover, script("/sbin/shutdown -h now\n")),
    ("power-off", "'chassis power'", failover, argv("ipmitool", "chassis", "power", "off")),
    ("missing-playbook", "does not exist below playbooks/", failback,
     put("steps", 1, "playbook", "file", value="rejoyn.yml")),
    ("missing-check", "does not exist below", failover,
     put("assumptions", 0, "check", "file", value="checks/nothing.py")),
    ("missing-check", "did you mean 'is_primary'", failover, put("steps", 3, "wait", "function", value="is_primry")),
    ("check-arguments", "no parameter 'prot'; did you mean 'port'", failover,
     put("steps", 3, "wait", "arguments", value={"prot": 1})),
    ("check-arguments", "is_primary needs port", failover, put("steps", 3, "wait", "arguments", value={})),
    ("check-arguments", "must take 'host' first", failover, put("steps", 3, "wait", "function", value="no_host")),
    ("unknown-runbook", "there is no runbook 'RB-SWICH'; did you mean 'RB-SWITCH'", failback,
     put("steps", 2, "runbook", "id", value="RB-SWICH")),
    ("runbook-circle", "calls itself", failback, put("steps", 2, "runbook", "id", value="RB-FAILBACK")),
    ("runbook-parameters", "no parameter 'prmary'", failback,
     put("steps", 2, "runbook", "parameters", value={"pair": "x", "prmary": "y"})),
    ("runbook-parameters", "needs the parameter pair", failback, put("steps", 2, "runbook", "parameters", value={})),
    ("independent-parts", "and this is none", failback, put("steps", 2, "runbook", "independent", value=True)),
    ("independent-parts", "'swich' is no step before this one; did you mean 'switch'?", apart,
     put("steps", 1, "runbook", "after", value=["swich"])),
    ("independent-parts", "'again' is no step before this one", apart,
     put("steps", 1, "runbook", "after", value=["again"])),
    ("independent-parts", "'again' is no step before this one; it is the first", apart,
     put("steps", 0, "runbook", "after", value=["again"])),
    ("independent-parts", "assumptions beside independent calls", apart,
     put("assumptions", value=[{"text": text(), "check": check("is_standby", "seen", port=1)}])),
    ("independent-parts", "slots beside independent calls", apart,
     put("slots", value={"copy": {"text": text(), "choose": check("is_standby", "seen", port=1)}})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "part", "base", "spoil"), BAD, ids=[f"{number}-{each[0]}" for number, each in enumerate(BAD)]
)
def test_each_rule_finds_what_breaks_it(
    rule: str, part: str, base: Callable[[], Book], spoil: Callable[[Book], None], tmp_path: Path
) -> None:
    book = base()
    spoil(book)
    found = findings(tmp_path, switchover(), book) if base is not switchover else findings(tmp_path, book)
    assert any(each == rule and part in message for each, message in found), found
    assert all(len(message) < 300 for _, message in found)


def test_every_rule_is_shown_to_break() -> None:
    tested = {rule for rule, *_ in BAD} | {"file-name"}
    assert tested == {rule.id for rule in RULES}
    assert all(rule.documentation.endswith(".") for rule in RULES)


GOOD: list[Callable[[Book], None]] = [
    argv("sh", "-c", 'echo "$1"', "x", "{standby.id}"),
    argv("awk", "{{print $1}}", "{protection.settings.unit}"),
    argv("{protection.settings.unit}/bin/pg_ctl", "-D", "{protection.settings.unit}"),
    script('ping "$1" "${2:-x}"\n', "{standby.id}", "{primary.id}"),
    script('for each in "$@"; do ping "$each"; done\n', "{standby.id}"),
    script('x="$1"\n[ -n "$x" ] || exit 1 # $2 is not used\n', "{standby.id}"),
    script("cat <<'END'\n$1 ${a}\nEND\n"),
    slot(argv("take", "{slots.copies}", "--", "{protection.snapshot.paths}")),
    slot(script('for each in "$@"; do take "$each"; done\n', "{standby.id}", "{slots.copies}")),
    slot(change(2, verify=[check("anything", copies="{slots.copies}")])),
    slot(put("steps", 0, "by_hand", 0, "do", value="take {slots.copies}")),
    script("awk '{print $1}' /etc/hosts\n"),
    script('echo "it\'s $1"\n', "{standby.id}"),
    sql("select :'x', :\"x\", '{1,2}'::int[], a[1:2], ':bare'", x="{standby.id}"),
    sql("select 'x' as name \\gset\nselect :'name'"),
    sql("select E'it\\'s :bare', \"a:b\" /* :x /* :y */ */"),
    insert(1, on="primary", verb="verify", manual=text()),
    insert(0, verb="ensure", run={"argv": ["systemctl", "stop", "timer"]}),
]


@pytest.mark.parametrize("change_", GOOD)
def test_what_is_right_is_not_refused(change_: Callable[[Book], None], tmp_path: Path) -> None:
    book = failover()
    change_(book)
    assert findings(tmp_path, book) == []


def test_the_name_of_the_file(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover())
    (root / "runbooks/RB-FAILOVER.yaml").rename(root / "runbooks/RB-OTHER.yaml")
    with pytest.raises(InvalidInput) as refused:
        load_all(root)
    assert [finding.rule for finding in refused.value.findings] == ["file-name"]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("rejoin.yml", "- hosts: all\n  tasks:\n    - command: pg_ctl promote\n", "in rejoin.yml"),
        ("roles/rejoin/tasks/main.yml", "- command: pg_ctl -D x promote\n", "roles/rejoin/tasks/main.yml"),
        (
            "roles/rejoin/tasks/main.yml",
            "- file:\n    state: absent\n    path: /d/standby.signal\n",
            "standby.signal … absent",
        ),
        ("checks/db.py", "def is_standby(host, port, lag=0):\n    host.run('pg_ctl promote')\n", "a check only looks"),
    ],
)
def test_promotions_in_what_a_runbook_calls(file: str, content: str, words: str, tmp_path: Path) -> None:
    root = write_estate(tmp_path, failback(), switchover())
    (root / "playbooks" / file).write_text(content)
    with pytest.raises(InvalidInput) as refused:
        load_all(root)
    assert any(
        finding.rule == "unlabelled-promotion" and words in finding.message for finding in refused.value.findings
    ), refused.value.findings


def test_a_called_runbook_that_revives_breaks_the_proof(tmp_path: Path) -> None:
    power = failback()
    power["runbook"], power["kind"] = "RB-POWER", "maintenance"
    del power["steps"][1:]
    book = failover()
    call = {
        "id": "on",
        "title": text(),
        "verb": "ensure",
        "runbook": {"id": "RB-POWER", "parameters": {"pair": "{parameters.pair}"}},
    }
    book["steps"].insert(1, call)
    found = findings(tmp_path, book, power)
    assert [rule for rule, _ in found] == ["promotion-without-fencing"]


def test_a_circle_of_two(tmp_path: Path) -> None:
    one, two = failback(), failback()
    two["runbook"] = "RB-AGAIN"
    one["steps"][2]["runbook"]["id"] = "RB-AGAIN"
    two["steps"][2]["runbook"]["id"] = "RB-FAILBACK"
    found = findings(tmp_path, one, two)
    assert [rule for rule, _ in found] == ["runbook-circle", "runbook-circle"]


def test_all_findings_of_all_files_at_once_with_their_lines(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover(), switchover())
    for name, old, new in (
        ("RB-FAILOVER", "verb: promote", "verb: prmote"),
        ("RB-SWITCH", "timeout: 5 min", "timeout: 5min"),
        ("RB-SWITCH", "database: postgres", "database: postgres\n    databse: x"),
    ):
        path = root / f"runbooks/{name}.yaml"
        content = path.read_text()
        assert old in content
        path.write_text(content.replace(old, new, 1))
    with pytest.raises(InvalidInput) as refused:
        load_all(root)
    for finding in refused.value.findings:
        line = (root / finding.file).read_text().splitlines()[finding.line - 1]
        assert any(word in line for word in ("prmote", "databse", "5min")), (finding, line)
    assert {finding.file for finding in refused.value.findings} == {
        "runbooks/RB-FAILOVER.yaml",
        "runbooks/RB-SWITCH.yaml",
    }
