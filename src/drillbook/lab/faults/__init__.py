"""What can go wrong with a host in a drill. Only hosts of the lab have faults.

Each fault is made from outside the host (``lab.outside``, ``lab.inside``), says what it does, looks whether it took
effect, and can be healed any number of times. Most lie in the host's processes, its mounts, or its network namespace:
a host that is switched off and on again has none of those. Power control that misbehaves lies in a file of the lab,
and a corrupted file on the host's disk.
"""

from drillbook.lab.faults.base import Effect, Fault
from drillbook.lab.faults.registry import KINDS, Kind, heal_all, inject_together, make_fault

__all__ = ["KINDS", "Effect", "Fault", "Kind", "heal_all", "inject_together", "make_fault"]
