"""What drawings say, in English and Chinese; every word stands in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.words import CLASSES
from drillbook.errors import UsageError

if TYPE_CHECKING:
    from drillbook.cmdb.model import Entry

_WORDS: dict[str, tuple[str, str]] = {
    "service": ("Service", "服务"),
    "site": ("Site", "场所"),
    "tier": ("tier {0}", "{0} 级"),
    "counted": ("{0} × {1}", "{1} × {0}"),
    "services": ("{0} services", "{0} 项服务"),
    "one_service": ("1 service", "1 项服务"),
    "items": ("{0} items", "{0} 项设备"),
    "more": ("and {0} more", "另有 {0} 项"),
    "objectives": ("RTO {0} · RPO {1}", "RTO {0} · RPO {1}"),
    "needs_it": ("What needs it", "依赖它的服务"),
    "needed": ("What it needs", "它所依赖的服务"),
    "stands": ("Services that stand here", "在此运行的服务"),
    "rooms": ("Rooms and what is in them", "机房与设备"),
    "elsewhere": ("Needed from elsewhere", "依赖的外部服务"),
    "hot_standby": ("hot standby", "双机热备"),
    "cold_standby": ("cold spare", "冷备"),
    "backup": ("copies every {0}", "每 {0} 备份"),
    "synchronous": ("synchronous", "同步"),
    "asynchronous": ("asynchronous", "异步"),
    "bare": ("nothing takes over", "无接管措施"),
    "all_taken_over": ("each item has a stand-in", "每项设备均有接管"),
    "from_copies": ("items with copies only: {0}", "{0} 项仅有备份"),
    "some_bare": ("items without protection: {0}", "{0} 项无保护"),
    "in_rooms": ("in {0}", "位于 {0}"),
    "no_room": ("Virtual machines and others without a room", "虚拟机等无固定机房的设备"),
    "rooms_of": ("{0} rooms without a service", "{0} 个无服务的房间"),
    "racks": ("{0} racks", "{0} 个机柜"),
    "one_rack": ("1 rack", "1 个机柜"),
    "media": ("{0} tapes, by the year of writing", "{0} 盘磁带（按写入年份）"),
    "empty": ("empty", "空白"),
    "others": ("Other rooms, and media", "其他房间与介质"),
    "virtual": ("on virtual machines", "运行于虚拟机"),
    "if_lost": ("If it is lost", "若失去它"),
    "stop": ("down until repaired: {0}", "须修复才能恢复：{0}"),
    "come_back": ("interrupted, then back: {0}", "短暂中断后恢复：{0}"),
    "nothing_stops": ("no service stops", "没有服务受影响"),
    "legend": ("How to read it", "图例"),
    "legend_hot": ("hot standby takes over in seconds", "热备：数秒内接管"),
    "legend_cold": ("a cold spare is made to take over", "冷备：由备机接管"),
    "legend_copies": ("restored from copies", "由备份恢复"),
    "legend_bare": ("nothing brings it back but repair", "无保护：只能修复"),
    "legend_line": ("needs", "依赖"),
    "legend_place": ("stands in, or needs", "位于或依赖"),
    "and": (", ", "、"),
}

LANGUAGES = ("en", "zh")


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        """Take the language. Raises UsageError when it is not one of LANGUAGES."""
        if language not in LANGUAGES:
            raise UsageError(f"there is no language '{language[:20]}'", remedy=f"one of: {', '.join(LANGUAGES)}")
        self.language = language
        self._index = LANGUAGES.index(language)

    def say(self, name: str, *values: object) -> str:
        """Give the words of that name, with values filled in."""
        return _WORDS[name][self._index].format(*values)

    def class_(self, name: str) -> str:
        """Give the word for a class of items."""
        return CLASSES[name][self._index]

    def services(self, count: int) -> str:
        """Count services."""
        return self.say("one_service") if count == 1 else self.say("services", count)

    def racks(self, count: int) -> str:
        """Count racks."""
        return self.say("one_rack") if count == 1 else self.say("racks", count)

    def title(self, entry: Entry) -> str:
        """Give the title of an entry, or its id."""
        return str(entry.get("title", {}).get(self.language, entry.id))

    def some(self, names: list[str], limit: int) -> str:
        """Give at most so many names of a list, and how many more there are."""
        if len(names) <= limit:
            return self.say("and").join(names)
        return f"{self.say('and').join(names[: limit - 1])} {self.say('more', len(names) - limit + 1)}"
