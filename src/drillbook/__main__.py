"""``python -m drillbook`` is the command ``drillbook``."""

from __future__ import annotations

from drillbook.tasks.program import main

if __name__ == "__main__":
    main()
