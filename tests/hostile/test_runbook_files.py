"""Files that are broken, or made to break the loader: one clear refusal each, never a traceback."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.errors import Finding, InvalidInput
from drillbook.runbook.load import load_all, load_called
from drillbook.text import forbidden_character
from tests.runbook_estate import as_yaml, failback, failover, switchover, write_estate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOMB = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *a]\n" for n in range(30))
TEXT = as_yaml(failover())

FILES: list[tuple[str, str | bytes]] = [
    ("yaml-alias", BOMB),
    ("yaml-tag", "runbook: !!python/object/apply:os.system ['id']\n"),
    ("yaml-tag", TEXT.replace("kind: failover", "kind: !!str failover")),
    ("duplicate-key", TEXT + "kind: switchover\n"),
    ("duplicate-key", TEXT.replace("timeout: 20 s", "timeout: 20 s\n  timeout: 20 h")),
    ("yaml-merge", "runbook: RB-X\n<<: {kind: failover}\n"),
    ("yaml-document", TEXT + "---\n" + TEXT),
    ("yaml-top", "- a\n- b\n"),
    ("yaml-top", ""),
    ("yaml-top", "# only a comment\n"),
    ("yaml-syntax", "runbook: [\n"),
    ("yaml-syntax", "runbook: a\n\tkind: b\n"),
    ("yaml-syntax", "runbook: \x00\n"),
    ("yaml-key", "? [a, b]\n: c\n"),
    ("nesting", "a: " + "[" * 200 + "]" * 200),
    ("encoding", b"runbook: \xff\xfe\n"),
    ("encoding", "runbook: RB-X\n".encode("utf-16")),
    ("schema-type", "runbook: [RB-X]\ntitle: x\nkind: {}\nsigns: 5\nsteps: true\n"),
    ("schema-size", TEXT.replace("Fail over", "x" * 5000)),
    ("schema-missing", "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "content"), FILES, ids=[f"{n}-{each[0]}" for n, each in enumerate(FILES)])
def test_each_broken_file_is_refused(rule: str, content: str | bytes, tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    path = root / "runbooks/RB-FAILOVER.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for load in (lambda: load_all(root), lambda: load_called(root, "RB-FAILOVER")):
        with pytest.raises(InvalidInput) as refused:
            load()
        assert rule in {finding.rule for finding in refused.value.findings}
        assert {finding.file for finding in refused.value.findings} == {"runbooks/RB-FAILOVER.yaml"}
        assert all(forbidden_character(str(finding)) is None for finding in refused.value.findings)


def test_fifty_megabytes(tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    with (root / "runbooks/RB-X.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(InvalidInput) as refused:
        load_all(root)
    assert [finding.rule for finding in refused.value.findings] == ["file-size"]


@pytest.mark.slow
def test_ten_thousand_wrong_steps_end_soon(tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    lines = ["runbook: RB-X", "steps:", *("- {id: a, nonsense: 1}" for _ in range(10_000))]
    (root / "runbooks/RB-X.yaml").write_text("\n".join(lines))
    with pytest.raises(InvalidInput):
        load_all(root)


MADE: list[Callable[[Path], object]] = [
    lambda path: path.mkdir(),
    lambda path: path.symlink_to(path),
    lambda path: path.symlink_to("nothing"),
    lambda path: path.symlink_to("/proc/self/mem"),
]


@pytest.mark.parametrize("make", MADE)
def test_what_is_no_file(make: Callable[[Path], object], tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    make(root / "runbooks/RB-X.yaml")
    with pytest.raises(InvalidInput):
        load_all(root)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("checks/db.py", "def broken(:\n"),
        ("checks/db.py", "x = " + "(" * 5000),
        ("checks/db.py", "\x00"),
        ("checks/db.py", b"\xff"),
        ("checks/db.py", "x" * 2_000_000),
        ("checks/db.py", None),
        ("rejoin.yml", b"\xff"),
        ("rejoin.yml", "x" * 2_000_000),
        ("rejoin.yml", None),
    ],
)
def test_what_a_runbook_calls_is_broken(file: str, content: str | bytes | None, tmp_path: Path) -> None:
    root = write_estate(tmp_path, failback(), switchover())
    path = root / "playbooks" / file
    path.unlink()
    if content is None:
        path.symlink_to("/etc/hostname")  # a file, and outside
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInput) as refused:
        load_all(root)
    assert {finding.rule for finding in refused.value.findings} <= {"missing-check", "missing-playbook"}


def test_a_check_is_read_and_never_run(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover())
    path = root / "playbooks/checks/db.py"
    path.write_text(path.read_text() + f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    load_all(root)
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def estate_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_estate(tmp_path_factory.mktemp("estate"), switchover())


def loads_or_is_refused(root: Path, content: bytes) -> None:
    path = root / "runbooks/RB-FAILBACK.yaml"
    path.write_bytes(content)
    findings: tuple[Finding, ...] = ()
    try:
        load_all(root)
    except InvalidInput as error:
        findings = error.findings
    finally:
        path.unlink()
    for finding in findings:
        assert finding.line >= 1
        assert len(finding.message) < 1000
        assert forbidden_character(str(finding)) is None, finding


SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@SLOW
@given(st.binary(max_size=300))
def test_any_bytes(estate_root: Path, content: bytes) -> None:
    loads_or_is_refused(estate_root, content)


@SLOW
@given(st.text(alphabet="runbook:[]{}&*!|>-?#%@'\" \n\t01aé\u202e", max_size=200))
def test_any_text_of_yaml(estate_root: Path, content: str) -> None:
    loads_or_is_refused(estate_root, content.encode())


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["{parameters.pair}", "{", "nothing", "20 s", "standby", "promote"])
)  # fmt: skip
keys = st.sampled_from(
    ["id", "run", "argv", "sql", "script", "fence", "en", "zh", "on", "item", "undo", "verify"]
) | st.text(max_size=5)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


def places(node: Any) -> list[tuple[Any, Any]]:
    """Give each container with each of its keys or indexes."""
    pairs = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    return [(node, key) for key, _ in pairs] + [place for _, child in pairs for place in places(child)]


@SLOW
@given(st.data())
def test_a_good_runbook_with_something_replaced(estate_root: Path, data: st.DataObject) -> None:
    book = copy.deepcopy(failback() if data.draw(st.booleans()) else failover() | {"runbook": "RB-FAILBACK"})
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(book)))
        match data.draw(st.sampled_from(["replace", "remove", "rename"])):
            case "replace":
                container[key] = data.draw(values)
            case "remove":
                del container[key]
            case _ if isinstance(container, dict):
                container[data.draw(keys)] = container.pop(key)
        if not places(book):
            break
    loads_or_is_refused(estate_root, as_yaml(book).encode())
