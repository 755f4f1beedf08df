"""What is done to a host's files from outside it, by a process of its own that enters the host's mounts.

It runs none of the host's programs. Its Python and all its modules are this machine's and are loaded before it
enters; there it is held to the host's own root file system: a file is taken by a descriptor first, and left alone
unless it is a regular file (or a directory) on the very mount that is the host's root. So no path, whatever ``..``
or symbolic links it has, and no device, proc or bind mount leads to this machine.
"""

DISK_FULL = "drillbook_disk_full"
WRONG_CLOCK = "drillbook_wrong_clock"
"""Names that the mounts of these faults carry, by which they are found again."""
