"""The words of what is shown of drills and their schedule, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.runbook.words import Words

if TYPE_CHECKING:
    from datetime import timedelta

    from drillbook.evidence.verdict import Result
    from drillbook.schedule.due import State

_WORDS = {
    "drill": ("drill", "演练"),
    "tier": ("tier", "级别"),
    "stands": ("stands", "状态"),
    "last": ("last result", "上次结果"),
    "service": ("service", "服务"),
    "what": ("what happens", "内容"),
    "empty": ("This estate has no drills: drills/ holds none.", "本工程没有演练：drills/ 为空。"),
    "nothing_due": ("Nothing is due.", "没有到期的演练。"),
    "see_all": (" ./inv drills.due --all shows every drill.", "./inv drills.due --all 列出全部演练。"),
    "unwanted": ("policy gives no interval for its service", "策略未规定其服务的演练周期"),
    "overdue_since": ("overdue since {day}", "自 {day} 起逾期"),
    "overdue_about": ("overdue since {day} ({about})", "自 {day} 起逾期（{about}）"),
    "due_until": ("due, overdue from {day}", "已到期，{day} 起逾期"),
    "left_out": (
        "{count} left out, wrong or in need of a wrong runbook (above): {names}",
        "{count} 项因自身或所需手册有误（见上）而略去：{names}",
    ),
    "next": ("next {day}", "下次 {day}"),
    "doubted": ("; the clock was set back since its last run", "；上次演练后时钟曾被回拨"),
    "changed": (", changed since", "，此后有改动"),
    "missed_last": ("MISSED when last run: {names}.", "上次未达标：{names}。"),
    "no_interval": (
        "No interval, never due: {names}. Policy says nothing about their services.",
        "无周期，从不到期：{names}。策略未提及其服务。",
    ),
    "undrilled_one": (
        "No drill at all for 1 service that policy wants drilled:",
        "策略要求演练的服务中，有 1 项没有任何演练：",
    ),
    "undrilled": (
        "No drill at all for {count} services that policy wants drilled:",
        "策略要求演练的服务中，有 {count} 项没有任何演练：",
    ),
    "of_tier": ("tier {tier}: {names}", "级别 {tier}：{names}"),
    "future": (
        "{folder} says that it was made later than now: the clock was set back, or was ahead. It is not counted.",
        "{folder} 的记录时间晚于现在：时钟曾被回拨或走快。该记录不计。",
    ),
    "distrusted": ("{folder} is not counted: {reason}", "{folder} 不计：{reason}"),
    "destroys": ("destroys something", "破坏性"),
    "planned": ("planned", "计划内"),
    "usual": ("; about {seconds} s", "；约 {seconds} 秒"),
    "in_tier": ("; tier {tier}", "；级别 {tier}"),
    "not_now": ("not now: {why}", "暂不执行：{why}"),
    "order": (
        (
            "Order: never run and overdue first, then by tier, planned before destructive, longest overdue first; "
            "drills of one pair follow one another."
        ),
        "顺序：从未演练和逾期的在先，再按级别，计划内先于破坏性，逾期久者在先；同一双机的演练相继进行。",
    ),
    "never run": ("never run", "从未演练"),
    "overdue": ("overdue", "逾期"),
    "due": ("due", "到期"),
    "fresh": ("fresh", "有效"),
    "no interval": ("no interval", "无周期"),
    "met": ("MET", "达标"),
    "missed": ("MISSED", "未达标"),
    "invalid": ("INVALID", "无效"),
}
_UNITS = ((86400, ("d", "天")), (3600, ("h", "小时")), (60, ("min", "分钟")))


class ScheduleWords(Words):
    """The words of one language. Raises UsageError for one that there is not."""

    def __call__(self, name: str, **values: str) -> str:
        """Give a word or sentence by its name, filled in."""
        return _WORDS[name][self._index].format(**values)

    @property
    def then(self) -> str:
        """What stands between two parts of a line."""
        return ("; ", "；")[self._index]

    def state(self, state: State) -> str:
        """Give the word for how a drill stands."""
        return self(str(state))

    def result(self, result: Result) -> str:
        """Give the word for how a drill came out."""
        return self(str(result))

    def about(self, length: timedelta) -> str:
        """Give a length of time roughly: ``3 d``, ``5 h``, ``2 min``, ``7 s``."""
        seconds = length.total_seconds()
        for size, units in _UNITS:
            if seconds >= 2 * size or (size == _UNITS[0][0] and seconds >= size):
                return f"{seconds / size:.0f} {units[self._index]}"
        return f"{max(0.0, seconds):.0f} {('s', '秒')[self._index]}"


ENGLISH = ScheduleWords("en")
