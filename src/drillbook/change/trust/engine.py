"""Which engine this is: one digest over the code, the launcher and the locks, of a commit or of what is running.

An estate that uses the installed package has no engine in its tree. Then the digest is that of the installed package
for both: it binds what was approved to the version that runs it, and the estate's own lock says which that is.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import drillbook
from drillbook.repo.tree import folder_digest

# What Python and invoke would load from beside tasks.py in place of the engine, or before it: invoke looks for its
# settings there, and that folder comes first where modules are looked for.
BESIDE = ("*.py", "*.pyc", "*.so", "invoke.*", "*/__init__.*")
ENGINE = ("src/", "inv", "requirements*.lock", "pyproject.toml", *BESIDE)
_PACKAGE = "src/drillbook/__init__.py"
# Python's caches. The trusted engine is run with a place for these that is not beside its source.
_LEFT_OUT = ("__pycache__",)


def is_beside(path: str) -> bool:
    """Tell whether a file of the tree lies where it would be loaded as the engine is; tasks.py is such a file."""
    return any(path.count("/") == each.count("/") and fnmatchcase(path, each) for each in BESIDE)


def engine_digest(export: Path) -> str:
    """Give the digest of the engine in a commit's export, or of the running one when that brings none."""
    if (export / _PACKAGE).is_file():
        return folder_digest(export, only=ENGINE, left_out=_LEFT_OUT)
    return running_engine_digest()


def running_engine_digest() -> str:
    """Give the digest of the code that is running; that of its commit when nothing in its checkout was changed."""
    package = Path(drillbook.__file__).resolve().parent
    top = package.parents[1]
    if package.parent.name == "src" and (top / "pyproject.toml").is_file():
        return folder_digest(top, only=ENGINE, left_out=_LEFT_OUT)
    return folder_digest(package.parent, only=("drillbook/",), left_out=_LEFT_OUT)
