"""Invoke's namespaces: thin. They parse, call the engine, and map the outcome to an exit code."""
