"""The CMDB at 1,000, 10,000 and 100,000 items: check, impact, inventory; processor time and peak memory.

``.venv/bin/python -m benchmarks.cmdb [-n 5] [--sizes 1000 10000 100000] [--seed 1]``; needs no host. Every figure is of
fresh processes on generated estates (``tests/generated_estate.py``, about 12 fields an item, many files); processor
time is user and system time of the whole process, start of Python included, unless said. Beside ``check`` stand, in
the same run: libyaml's events alone, of which nothing is made (what a reader on PyYAML cannot be faster than), and
PyYAML's CSafeLoader with jsonschema, the usual way, which checks less and is left out over 10,000 items.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from time import process_time

from benchmarks.figures import line, machine
from benchmarks.process import Cost, run, task

PEER_UP_TO = 10_000
SAMPLE = 200  # items besides the hubs whose impact is taken


def part(name: str, *arguments: object) -> Cost:
    """Run one of ``PARTS`` in a process of its own."""
    return run(sys.executable, "-m", "benchmarks.cmdb", "--part", name, *map(str, arguments))


def make(root: str, items: str, hosts: str, seed: str) -> None:
    from benchmarks.generated import Shape, make_estate

    make_estate(Path(root), Shape(int(items), seed=int(seed), hosts=float(hosts)))


def events(root: str) -> None:
    import yaml

    for path in Path(root).rglob("*.yaml"):
        for _ in iter(yaml.CSafeLoader(path.read_bytes()).get_event, None):
            pass


def usual(root: str) -> None:
    import yaml
    from jsonschema import Draft202012Validator

    from drillbook.cmdb.load import SCHEMA

    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for path in Path(root).rglob("*.yaml"):
        document = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        found = [error for error in validator.iter_errors(document) if "datetime.date" not in error.message]
        assert all("is not of type 'string'" in error.message for error in found)


def checked(root: str) -> None:
    from drillbook.cmdb.load import checked as check

    cmdb, findings = check(Path(root))
    assert cmdb is not None
    assert findings == []


def impacts(root: str) -> None:
    from drillbook.cmdb.impact import impact
    from drillbook.cmdb.impact.spread import graph_of
    from drillbook.cmdb.load import load

    cmdb = load(Path(root))
    began = process_time()
    graph_of(cmdb)
    index = process_time() - began
    needed = Counter(
        need
        for section in (cmdb.config_items, cmdb.services)
        for entry in section
        for need in (*entry.get("depends_on", ()), *entry.get("provided_by", ()))
    )
    # The most needed ids, what the most needed service rests on, and items from all over.
    hubs = [id_ for id_, _ in needed.most_common(20)]
    below = [item for hub in hubs if hub in cmdb.services for item in cmdb.services[hub].get("provided_by")]
    ups = [need for item in below for need in cmdb.config_items[item].get("depends_on", ())]
    ids = cmdb.config_items.ids()
    times = []
    for id_ in dict.fromkeys([*hubs, *below, *ups, *ids[:: max(1, len(ids) // SAMPLE)]]):
        began = process_time()
        found = impact(cmdb, id_)
        times.append((process_time() - began, id_, len(found.services), len(found.items), len(found.people)))
    sys.stdout.write(json.dumps({"index": index, "median": median(each[0] for each in times), "worst": max(times)}))


def inventory(root: str) -> None:
    from drillbook.cmdb.inventory import path_of, write
    from drillbook.cmdb.load import load

    cmdb = load(Path(root))
    path_of(Path(root), "production").unlink(missing_ok=True)
    began = process_time()
    assert write(cmdb, "production", Path(root))
    sys.stdout.write(json.dumps({"write": process_time() - began, "hosts": len(cmdb.config_items)}))


PARTS = {each.__name__: each for each in (make, events, usual, checked, impacts, inventory)}


def of_size(items: int, rounds: int, seed: int, scratch: Path) -> None:
    root = scratch / str(items)
    part("make", root, items, 0.4, seed)
    files = list(root.rglob("*.yaml"))
    print(f"\n{items:,} items: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    part("inventory", root)  # so that check has one to hold against the CMDB
    kinds = ["cmdb.check", "checked", "events", *(["usual"] if items <= PEER_UP_TO else [])]
    costs: dict[str, list[Cost]] = {kind: [] for kind in kinds}
    graph = []
    for _ in range(rounds):  # in turn, so that a busy machine hits all alike
        for kind in kinds:
            costs[kind].append(task(kind, cwd=root) if kind == "cmdb.check" else part(kind, root))
        graph.append(json.loads(part("impacts", root).said))
    names = {
        "cmdb.check": "./inv cmdb.check, the whole process",
        "checked": "the check without invoke and output",
        "events": "floor: libyaml's events alone",
        "usual": "usual way: CSafeLoader and jsonschema",
    }
    for kind, each in costs.items():
        print(line(names[kind], [cost.cpu for cost in each]))
        print(line("    its peak memory", [cost.megabytes for cost in each], "MB", 0))
    for kind in kinds[2:]:
        ratio = median(cost.cpu for cost in costs["cmdb.check"]) / median(cost.cpu for cost in costs[kind])
        print(f"cmdb.check to {names[kind]}: ratio of medians {ratio:.2f}")
    print(line("graph, once after loading", [each["index"] * 1000 for each in graph], "ms", 1))
    print(line("impact, median item", [each["median"] * 1000 for each in graph], "ms", 2))
    print(line("impact, worst item", [each["worst"][0] * 1000 for each in graph], "ms", 1))
    _, id_, services, below, people = graph[0]["worst"]
    print(f"    which is {id_}: {services:,} services, {below:,} items, {people:,} people to tell")


def of_hosts(rounds: int, seed: int, scratch: Path) -> None:
    root = scratch / "hosts"
    part("make", root, 10_000, 1.0, seed)
    written = [json.loads(part("inventory", root).said) for _ in range(rounds)]
    print(f"\ninventory of {written[0]['hosts']:,} hosts")
    print(line("written", [each["write"] for each in written]))
    program = str(Path(sys.executable).with_name("ansible-inventory"))
    read = run(program, "-i", str(root / "inventories/production/hosts.yml"), "--list", cwd=root)
    hosts = len(json.loads(read.said)["_meta"]["hostvars"])
    print(f"read by ansible-inventory --list: {hosts:,} hosts, {read.cpu:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.part:
        name, *arguments = wanted.part
        PARTS[name](*arguments)
        return
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        for items in wanted.sizes:
            of_size(items, wanted.n, wanted.seed, Path(scratch))
        of_hosts(wanted.n, wanted.seed, Path(scratch))


if __name__ == "__main__":
    main()
