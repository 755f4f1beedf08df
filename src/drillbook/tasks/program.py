"""The command ``drillbook``: the tasks without a checkout and without a tasks.py, above all ``estate.new``."""

from __future__ import annotations

import drillbook
from drillbook.tasks.all import ns
from drillbook.tasks.command_line import CommandLine

program = CommandLine(version=drillbook.__version__, namespace=ns, name="drillbook", binary="drillbook")


def main() -> None:
    """Run what the command line says; ends the process with the outcome's exit code."""
    program.run()
