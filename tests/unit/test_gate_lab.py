"""The gate for the lab: a host is the lab's because the lab made it, not because a file says so."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drillbook.change.gate.gate import LabHost, permit_lab, permit_lab_hosts
from drillbook.change.trust.identity import require_real
from drillbook.errors import Refused
from drillbook.hosts.access import Access
from drillbook.hosts.ansible import run_playbook
from drillbook.hosts.connection import HostConnection
from drillbook.plan.model import PowerControl, Target
from tests import change_values as values
from tests.gate_values import LAB, SAMPLE, cmdb

ENGINE = Path(__file__).parents[2] / "src/drillbook"
IN_LAB = {"environments": {"lab": {"kind": "lab"}}}


def plan(**fields: Any) -> Any:
    return values.plan(environment="lab", cmdb_slice=IN_LAB, **fields)


def target(item: str = "db-1", address: str = "10.213.0.11", **power: Any) -> Target:
    return Target(item, address, 22, "root", PowerControl(power.pop("kind", "lab"), power))


def test_hosts_that_the_lab_made_are_permitted() -> None:
    permission = permit_lab(plan(), LAB)
    assert (permission.change_type, permission.change, dict(permission.hosts)) == (
        "standard", "", {"db-1": "10.213.0.11", "db-2": "10.213.0.12"},
    )  # fmt: skip
    assert permission.plan_digest == plan().digest


REFUSED: dict[str, tuple[Any, str]] = {
    "rehearsal": (lambda: permit_lab(values.plan(), LAB), "environment rehearsal is rehearsal: nothing runs there"),
    "a production host that a file calls lab": (
        lambda: permit_lab(plan(targets={"db-1": target(address="10.1.0.11")}), LAB),
        "db-1 at 10.1.0.11 is not a host that this machine's lab made: the lab has db-1 at 10.213.0.11",
    ),
    "a host that the lab has not": (
        lambda: permit_lab(plan(targets={"fw-1": target("fw-1", "10.1.0.1")}), LAB),
        "fw-1 at 10.1.0.1 is not a host that this machine's lab made: the lab has fw-1 under no address",
    ),
    "another host under the lab's address": (
        lambda: permit_lab(plan(targets={"db-2": target("db-2", "10.213.0.11")}), LAB),
        "db-2 at 10.213.0.11 is not a host",
    ),
    "a real power control": (
        lambda: permit_lab(plan(targets={"db-1": target(kind="redfish", url="https://10.1.0.2")}), LAB),
        "the power control of db-1 is redfish",
    ),
    "no lab at all": (lambda: permit_lab(plan(), {}), "is not a host that this machine's lab made"),
    "an address that the base knows elsewhere": (
        lambda: permit_lab(
            plan(targets={"db-1": target(address="10.1.0.1")}), {"db-1": LabHost("10.1.0.1", "k")}, base=cmdb()
        ),
        "10.1.0.1 is fw-1 in production, says the trusted base",
    ),
    "a host key that the base knows elsewhere": (
        lambda: permit_lab(
            plan(), {**LAB, "db-1": LabHost("10.213.0.11", "ssh-ed25519 AAAAproduction")}, base=cmdb()
        ),
        "the host key of db-1 is that of db-1 in production",
    ),
    "an environment that is another kind in the base": (
        lambda: permit_lab(
            plan(), LAB, base=cmdb(environments={**SAMPLE["environments"], "lab": {"kind": "production"}})
        ),
        "environment lab is production in the trusted base",
    ),
    "documentation addresses in the lab": (
        lambda: permit_lab_hosts({"a": LabHost("192.0.2.7", "k")}), "documentation or benchmark range 192.0.2.0/24",
    ),
    "documentation address of a power control": (
        lambda: permit_lab(plan(targets={"db-1": target(kind="redfish", url="https://[2001:db8::1]:443/x")}), LAB),
        "the power control of db-1 has the address 2001:db8::1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    attempt, reason = REFUSED[name]
    with pytest.raises(Refused, match=reason):
        attempt()


def test_the_base_knows_the_lab() -> None:
    assert permit_lab(plan(), LAB, base=cmdb()).change_type == "standard"


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1", "198.51.100.255", "203.0.113.0", "198.18.0.0", "198.19.255.255", "2001:db8::", "2001:DB8:ffff::1",
        "3fff::1", "2001:2::1", "::ffff:198.18.4.4", "2002:c612:0404::1", "fe80::1%eth0".replace("fe80", "2001:db8"),
    ],
)  # fmt: skip
def test_addresses_at_which_no_real_host_can_be(address: str) -> None:
    with pytest.raises(Refused, match="documentation or benchmark range"):
        require_real("db-1", address)


@pytest.mark.parametrize("address", ["198.17.255.255", "198.20.0.0", "10.0.0.1", "2001:db7::1", "::1", "db-1.example"])
def test_other_addresses_pass(address: str) -> None:
    require_real("db-1", address)


# --- connections -------------------------------------------------------------------------------------


def access(tmp_path: Path) -> Access:
    return Access(tmp_path / "known_hosts", None, permit_lab_hosts(LAB))


@pytest.mark.parametrize(("item", "address"), [("db-1", "10.213.0.12"), ("mon-1", "10.213.0.11")])
def test_a_connection_asks_first(tmp_path: Path, item: str, address: str) -> None:
    with pytest.raises(Refused, match=f"nothing permits a connection to {item} at {address}"):
        HostConnection(target(item, address), access(tmp_path)).open()


def test_a_playbook_asks_for_every_host_first(tmp_path: Path) -> None:
    hosts = {"db-1": {"ansible_host": "10.213.0.11"}, "db-2": {"ansible_host": "10.1.0.2"}}
    with pytest.raises(Refused, match=r"nothing permits a connection to db-2 at 10\.1\.0\.2"):
        run_playbook(
            "any.yml",
            project=tmp_path,
            inventory={"all": {"hosts": hosts}},
            variables={},
            access=access(tmp_path),
            folder=tmp_path / "run",
            timeout=1.0,
        )
    assert not (tmp_path / "run").exists()


# --- nobody else makes a permission --------------------------------------------------------------------

PERMISSIONS = {"Permission", "permission"}


def made_in(source: str) -> list[str]:
    """Give where a module makes a Permission, alters one, or opens a way around: a call, a replace, a bare class."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "Permission":
            found.append(f"line {node.lineno}: Permission(…)")
        if name in ("replace", "__new__", "__setattr__", "copy") and any(
            (isinstance(each, ast.Name) and each.id in PERMISSIONS)
            or (isinstance(each, ast.Attribute) and each.attr in PERMISSIONS)
            for each in (*node.args, *(word.value for word in node.keywords))
        ):
            found.append(f"line {node.lineno}: {name} of a permission")
    return found


def imports_permission(source: str) -> bool:
    """Tell whether a module can name the class when it runs, not only for types."""
    tree = ast.parse(source)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    return any(
        isinstance(node, ast.ImportFrom)
        and id(node) not in for_types
        and any(alias.name == "Permission" for alias in node.names)
        for node in ast.walk(tree)
    )


MODULES = sorted(path for path in ENGINE.rglob("*.py") if path != ENGINE / "change/gate/gate.py")


@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(ENGINE).as_posix() for path in MODULES])
def test_only_the_gate_makes_permissions(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert made_in(source) == []
    assert not imports_permission(source)


@pytest.mark.parametrize(
    "source",
    ["Permission('x')", "gate.Permission()", "replace(permission, hosts={})", "object.__new__(Permission)",
     "dataclasses.replace(access.permission, hosts={})"],
)  # fmt: skip
def test_the_search_for_permissions_finds_them(source: str) -> None:
    assert made_in(source)


def openers(source: str) -> set[str]:
    """Give what in a module could send something to a host without asking: the transports themselves."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & {"fabric", "paramiko", "sushy", "ansible_runner", "requests", "socket", "urllib3", "http"}


MAY_SEND = {
    "hosts/connection.py", "hosts/ansible.py", "hosts/redfish.py", "hosts/ipmi.py",  # ask the permission first
    "lab/apt_sources.py", "lab/faults/link.py", "lab/network.py", "lab/outside.py",  # this machine's own
    "cmdb/rules/in_use.py",  # reads addresses with it
}  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(ENGINE).as_posix() for path in MODULES])
def test_only_few_modules_have_a_transport(path: Path) -> None:
    name = path.relative_to(ENGINE).as_posix()
    assert not openers(path.read_text(encoding="utf-8")) or name in MAY_SEND or "programs/" in name


def test_a_permission_is_not_altered() -> None:
    permission = permit_lab_hosts(LAB)
    with pytest.raises(AttributeError):
        permission.change_type = "normal"  # type: ignore[misc]
    with pytest.raises(TypeError):
        permission.hosts["db-9"] = "10.1.0.9"  # type: ignore[index]
    assert replace(permission, hosts={}).hosts == {}  # which is why a test forbids it outside of the gate
