"""What a host of the lab is, and what it is not: for the evidence of drills that ran on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

FAULTS: Mapping[str, Text] = {
    "corrupt_file": Text(
        "for a disk that goes bad, bytes were overwritten: a program that had them in its own memory met the good "
        "ones, and the time of the file's last status change (ctime) did change",
        "以改写文件字节代替磁盘损坏：已将内容读入自身内存的程序仍使用完好的数据，文件的状态变更时间（ctime）也有变化",
    ),
    "disk_full": Text(
        "for a disk that is full, a full file system in memory stood over one directory: the rest of the disk had "
        "room, no file there was open for writing before, and a loss of power would have lost what was written",
        "以覆盖在某个目录上的已满内存文件系统代替磁盘写满：磁盘其余部分仍有空间，目录内没有正在写入的文件，"
        "其间写入的内容遇断电会丢失",
    ),
    "freeze": Text(
        "for a host that hangs, its processes were stopped: the kernel still answered connection attempts for them",
        "以暂停全部进程代替主机僵死：内核仍会应答连接请求",
    ),
    "kill": Text(
        "for a loss of power, cable and processes were taken away: the disk's caches lived on, so what was written but "
        "not yet synced was not lost",
        "以断开网络并杀死进程代替断电：磁盘缓存仍在，已写入但尚未同步的数据没有丢失",
    ),
    "returns": Text(
        "for somebody who pushes the power button, a timer did",
        "以定时器代替按下电源按钮的人",
    ),
    "slow_link": Text(
        "for a slow line, a token bucket let pass what the rate allows: it added no distance and lost little at random",
        "以令牌桶限速代替慢速线路：不增加传输距离，也几乎没有随机丢包",
    ),
    "wrong_clock": Text(
        "for a wrong clock, services and sessions that were started meanwhile read another time: what ran already, "
        "init, the kernel and the times of files kept the right one, and it did not outlast a restart of the host",
        "以向其间启动的服务和会话提供错误时间代替时钟错误：此前已运行的程序、系统服务管理器、内核和文件时间仍为正确时间，"
        "且主机重启后失效",
    ),
}
"""What stands in for what in a fault, by its kind; those that are not here are what they say."""


def stands_in(kinds: Iterable[str]) -> tuple[Text, ...]:
    """Give what stood in for what in a drill with faults of those kinds, each once."""
    return (*STANDS_IN, *(FAULTS[kind] for kind in dict.fromkeys(kinds) if kind in FAULTS))
