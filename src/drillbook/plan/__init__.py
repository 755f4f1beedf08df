"""A runbook bound to an estate, an environment and parameters: exact commands. Pure."""
