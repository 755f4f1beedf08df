"""Whether a change may be asked for, run, go on or be closed: the gate, and what it looks at."""
