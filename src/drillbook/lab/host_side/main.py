"""Does one thing in a host, as a process of its own.

Its last argument is a JSON object: ``do`` (one of the functions below), ``namespaces`` (descriptors of the host's
mount namespaces, its first process's first), ``pids`` (of its processes, as this machine counts), and what the function
takes. It prints a JSON object; ``{"refused": …}`` says why it could not.
"""

from __future__ import annotations

import json
import sys

from drillbook.lab.host_side.bytes_of_file import choose, overwrite
from drillbook.lab.host_side.full_disk import fill, relieve
from drillbook.lab.host_side.mounts import Refused
from drillbook.lab.host_side.wrong_clock import turn, turn_back

_DO = {each.__name__: each for each in (choose, overwrite, fill, relieve, turn, turn_back)}


def main() -> None:
    """Do what the argument says, and print what came of it."""
    request = json.loads(sys.argv[-1])
    try:
        result = _DO[request.pop("do")](**request)
    except Refused as error:
        result = {"refused": str(error)}
    except OSError as error:
        result = {"refused": f"{error.filename or ''}: {error.strerror}".lstrip(": ")}
    sys.stdout.write(json.dumps(result))
