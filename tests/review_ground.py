"""A small estate in a git repository of its own, and pull requests on it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.repo.git import Repository
from drillbook.review.authority import named_base
from drillbook.review.compose import find_range, make_review
from tests.cmdb_files import write
from tests.cmdb_sample import sample

if TYPE_CHECKING:
    from drillbook.review.model import Review
    from tests.nested import Data

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IDENTITY = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgSign=false")


CASES = Path(__file__).parent / "plan_cases"
DRILL = """\
drill: core-switch
title: {en: The pair is switched over, zh: 计划切换}
kind: functional
service: core
environment: lab
scenario: {en: Maintenance is due., zh: 计划检修。}
runbook: RB-SWITCH
parameters: {pair: core-pair, primary: db-1}
steady_state:
  - text: {en: the primary takes writes, zh: 主库可写}
    check: {file: checks/db.py, function: is_primary, on: db-1, arguments: {port: 5432}}
probes:
  - {id: users, kind: postgresql_writer, from: db-2, to: service_address, every: 10 ms}
  - {id: at-db-1, kind: postgresql_writer, from: db-2, to: db-1, every: 10 ms}
  - {id: at-db-2, kind: postgresql_writer, from: db-1, to: db-2, every: 10 ms}
trigger: {at_once: true}
timeout: 120 s
"""


@dataclass(frozen=True)
class Ground:
    """A repository with the branch ``base``, and ``proposal`` checked out."""

    root: Path

    def git(self, *argv: str) -> str:
        done = subprocess.run(["git", *IDENTITY, *argv], cwd=self.root, check=True, capture_output=True)
        return done.stdout.decode("utf-8", "replace")

    def write(self, path: str, text: str | bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)

    def commit(self, message: str = "a commit") -> str:
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def estate(self, data: Data) -> None:
        """Write the CMDB anew."""
        for path in [*self.root.glob("*.yaml"), *(self.root / "cmdb.d").glob("*.yaml")]:
            path.unlink()
        write(self.root, data)

    def review(self, base: str = "base", head: str = "proposal") -> Review:
        repo = Repository(self.root)
        folder = self.root.parent / f"base-{len(list(self.root.parent.iterdir()))}"
        authority = named_base(repo, repo.resolve(base), folder, at=NOW, zone=UTC)
        return make_review(repo, find_range(repo, base, head), authority)


def estate() -> Data:
    """Give the sample with what the runbook of the cases needs."""
    data = sample()
    data["protections"]["core-pair"]["settings"] |= {
        "unit": "core.service", "data_directory": "/var/lib/core", "interface": "eth0",
    }  # fmt: skip
    return data


def make(folder: Path) -> Ground:
    """Begin a repository in ``folder`` with a small estate as ``base``: a runbook and a drill among it."""
    ground = Ground(folder / "estate")
    ground.root.mkdir()
    ground.estate(estate())
    ground.write("playbooks/lab_hosts.yml", "- hosts: all\n  tasks: []\n")
    ground.write("playbooks/checks/db.py", (CASES / "estate/playbooks/checks/db.py").read_text())
    ground.write("runbooks/RB-SWITCH.yaml", (CASES / "switchover_ipv6/RB-SWITCH.yaml").read_text())
    ground.write("drills/core-switch.yaml", DRILL)
    ground.git("init", "-q", "-b", "base")
    ground.commit("base")
    ground.git("switch", "-q", "-c", "proposal")
    return ground
