"""Invoke's namespaces: thin. They parse, call the engine, and map the outcome to an exit code."""

import os
import sys

# Invoke forbids Python to keep what it compiled. Then each command would compile what it uses of the engine anew.
sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
