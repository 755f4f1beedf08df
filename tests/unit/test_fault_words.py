"""What the faults say of themselves, in both languages; what they do is for tests/lab/test_faults.py."""

from __future__ import annotations

import re
from pathlib import Path

from drillbook.lab import fidelity
from drillbook.lab.faults import KINDS, make_fault
from drillbook.lab.state import LabHost, LabState

HOSTS = {name: LabHost(name, f"10.0.0.{number}", "c" * 64) for number, name in enumerate(("db-1", "db-2", "app-1"), 1)}
OPTIONS = {"peer": "db-2", "keep": ["app-1", "db-2"], "mode": "fails", "process": "postgres"}
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


def test_the_lab_says_what_it_is_and_what_it_is_not():
    for text in (*fidelity.REAL, *fidelity.STANDS_IN):
        assert CHINESE.search(text.zh)
        assert not CHINESE.search(text.en)
