"""What a host of the lab is, and what it is not: for the evidence of drills that ran on it."""

from __future__ import annotations

from drillbook.runbook.model import Text

REAL = (
    Text(
        "every host ran an init system, an SSH server and the service's own software, and was reached over a network",
        "每台主机都运行真实的系统服务、SSH 服务和业务软件，并经网络访问",
    ),
)
"""What a host of the lab has of a real one."""

STANDS_IN = (
    Text(
        "containers on one machine stood in for the hosts: they share its kernel, disk and clock",
        "以同一台机器上的容器代替各主机：它们共用内核、磁盘和时钟",
    ),
    Text(
        "one machine's virtual network stood in for production's: no distance, no other traffic",
        "以单机虚拟网络代替生产网络：没有距离，也没有其他流量",
    ),
)
"""What stands in for what, whatever the drill does."""
