"""What a new estate is given as it is: runbooks, playbooks, documents and schemas.

They stand once in the repository, in its top folders. The wheel has them as ``drillbook/estate/content`` (the
table ``force-include`` of pyproject.toml, which a test holds against ``CONTENT``).
"""

from __future__ import annotations

import re
from pathlib import Path

import drillbook
from drillbook.errors import MissingPrerequisite

_PACKAGE = Path(drillbook.__file__).parent
_IN_WHEEL = Path(__file__).with_name("content")

CONTENT = (
    "runbooks/RB-DB-FAILBACK.yaml",
    "runbooks/RB-DB-FAILOVER.yaml",
    "runbooks/RB-DB-REPLICATION-MODE.yaml",
    "runbooks/RB-DB-SWITCHOVER.yaml",
    "playbooks/lab_hosts.yml",
    "playbooks/postgresql_rebuild.yml",
    "playbooks/checks/network.py",
    "playbooks/checks/postgresql.py",
    "playbooks/roles",
    "docs/fencing.md",
    "docs/lab.md",
    "docs/measures.md",
    "docs/writing-runbooks.md",
)
SCHEMAS = {
    "cmdb.schema.json": "cmdb/schema.json",
    "runbook.schema.json": "runbook/schema.json",
    "drill.schema.json": "drill/schema.json",
    "record.schema.json": "evidence/record.schema.json",
}
# Where the engine's own repository keeps a schema, as its files name it.
_SCHEMA_PATHS = {f"src/drillbook/{path}": f"schemas/{name}" for name, path in SCHEMAS.items()}
_SCHEMA_PATH = re.compile("|".join(map(re.escape, _SCHEMA_PATHS)))


def content_folder() -> Path:
    """Give the folder that holds ``CONTENT``: the wheel's, else the checkout's top folder.

    Raises MissingPrerequisite when this installation has neither.
    """
    for folder in (_IN_WHEEL, _PACKAGE.parent.parent):
        if all((folder / name).exists() for name in CONTENT):
            return folder
    raise MissingPrerequisite(
        "this installation of drillbook lacks what a new estate starts from",
        remedy=f"pip install --force-reinstall drillbook=={drillbook.__version__}",
    )


def content() -> dict[str, bytes]:
    """Give every file of ``CONTENT`` by its path in the estate, with the schemas where an estate has them."""
    folder = content_folder()
    files: dict[str, bytes] = {}
    for name in CONTENT:
        place = folder / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[path.relative_to(folder).as_posix()] = _moved(path.read_text(encoding="utf-8")).encode()
    return files


def schemas() -> dict[str, bytes]:
    """Give the schemas of the engine that is installed, by their path in the estate."""
    return {f"schemas/{name}": (_PACKAGE / path).read_bytes() for name, path in SCHEMAS.items()}


def _moved(text: str) -> str:
    return _SCHEMA_PATH.sub(lambda found: _SCHEMA_PATHS[found.group()], text)
