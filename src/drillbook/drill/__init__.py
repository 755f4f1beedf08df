"""Rehearsals on real hosts: a scenario, a fault, a runbook, and what was measured."""
