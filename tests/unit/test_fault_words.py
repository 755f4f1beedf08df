"""What the faults say of themselves, in both languages; what they do is for tests/lab/test_faults.py."""

from __future__ import annotations

import re
from pathlib import Path

from drillbook.lab import fidelity
from drillbook.lab.faults import KINDS, make_fault
from drillbook.lab.state import LabHost, LabState

HOSTS = {name: LabHost(name, f"10.0.0.{number}", "c" * 64) for number, name in enumerate(("db-1", "db-2", "app-1"), 1)}
OPTIONS = {
    "peer": "db-2", "keep": ["app-1", "db-2"], "direction": "both", "mode": "fails", "process": "postgres",
    "path": "/srv/a", "leave": "10 KiB", "bytes": 7, "seed": 3, "by": "-2 h", "rate": "1 mbit", "in": "8 s",
}  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")


def described(kind, **changes):
    lab = LabState("lab", Path("/x"), "lab", "lab0", "10.0.0.0/24", "", HOSTS)
    options = {key: {**OPTIONS, **changes}[key] for key in KINDS[kind].options}
    return make_fault(kind, "db-1", options, lab=lab).describe()


def test_every_fault_names_its_host_and_whatever_else_it_touches_in_both_languages():
    for kind in KINDS:
        text = described(kind)
        assert CHINESE.search(text.zh)
        assert not CHINESE.search(text.en)
        hosts = set(re.findall(r"(?:db|app)-\d", text.en))
        assert "db-1" in hosts
        assert hosts == set(re.findall(r"(?:db|app)-\d", text.zh))


def test_what_differs_is_said_differently():
    assert described("power_control", mode="fails") != described("power_control", mode="lies")
    assert described("partition", keep=[]).zh == "db-1 与所有主机之间的网络双向中断"
    assert described("partition", keep=["app-1"]).zh == "db-1 与除 app-1 外的所有主机之间的网络双向中断"


def test_numbers_are_said_in_units_that_a_person_reads():
    assert described("disk_full").en == "the disk of db-1 has room for 10240 more bytes below /srv/a"
    assert described("disk_full", leave="3 MiB").zh == "db-1 的磁盘在 /srv/a 下仅剩 3145728 字节空间"
    assert described("wrong_clock").zh == "db-1 的时钟慢 7200 秒（对此后启动的服务和会话生效）"
    assert described("wrong_clock", by="+90 s").en.startswith("the clock of db-1 is 90 s ahead")
    assert described("slow_link").en == "the link of db-1 carries 1000 kbit/s in each direction, and no more"
    assert described("slow_link", rate="250 kbit").zh == "db-1 的链路每个方向最多 250 kbit/s"
    assert "after 8 s" in described("returns").en
    ways = {described("partition", direction=way).en for way in ("in", "out", "both")}
    assert len(ways) == 3


def test_the_documented_faults_are_the_faults_with_their_options():
    text = (Path(__file__).parents[2] / "docs/lab.md").read_text(encoding="utf-8")
    text = text[text.index("## Power control and faults") :].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", text, re.MULTILINE)
    assert {kind: set(re.findall(r"`(\w+)`", options)) for kind, options in rows} == {
        name: set(kind.options) for name, kind in KINDS.items()
    }
    assert len(rows) == len(KINDS)


def test_what_stands_in_for_what_is_said_once_for_each_kind_that_was_injected():
    assert set(fidelity.FAULTS) <= set(KINDS)
    assert fidelity.stands_in([]) == fidelity.STANDS_IN
    said = fidelity.stands_in(["kill", "partition", "kill", "disk_full"])
    assert said == (*fidelity.STANDS_IN, fidelity.FAULTS["kill"], fidelity.FAULTS["disk_full"])


def test_the_lab_says_what_it_is_and_what_it_is_not():
    for text in (*fidelity.REAL, *fidelity.STANDS_IN, *fidelity.FAULTS.values()):
        assert CHINESE.search(text.zh)
        assert not CHINESE.search(text.en)
