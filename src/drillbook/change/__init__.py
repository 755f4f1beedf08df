"""Permission to run a plan, or a refusal that says why."""
