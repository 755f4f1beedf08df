"""The figures, each a command: ``.venv/bin/python -m benchmarks.NAME``, on the lab."""
