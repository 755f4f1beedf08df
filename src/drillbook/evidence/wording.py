"""Sentences in English and Chinese, made where the facts are: what both languages need of numbers and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import ExitCode
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHINESE = {
    ExitCode.OK: "已完成；演练则为达标",
    ExitCode.INTERNAL: "命令行无法识别，或 drillbook 自身出错",
    ExitCode.USAGE: "名称不存在，或参数缺失、有误",
    ExitCode.INVALID: "文件有误",
    ExitCode.REFUSED: "被门禁拒绝；未向任何主机发送数据",
    ExitCode.ASSUMPTION: "主机状态与计划的前提不符；未做任何更改",
    ExitCode.LOCKED: "另一次执行占用了其中的主机",
    ExitCode.UNREACHABLE: "主机未按时应答，或主机密钥不符",
    ExitCode.FAILED: "某一步骤失败；执行已停止，可继续或回退",
    ExitCode.UNKNOWN: "某一步骤结果不明；须先由人查看",
    ExitCode.NOT_FENCED: "无法证实原主机已断电；未提升任何主机",
    ExitCode.STOPPED: "由人停止；可继续或回退",
    ExitCode.PARTIAL: "手册有部分未能完成，原因均已注明；继续执行时将重试这些部分",
    ExitCode.MISSED: "演练已执行，但有目标未达到",
    ExitCode.DRILL_INVALID: "演练无效：未按所述进行",
    ExitCode.PREREQUISITE: "本机缺少必要条件",
    ExitCode.JOURNAL: "日志损坏或无法写入",
}
NOTHING = Text("", "")
# Below so many seconds (a little less than where rounding would add a digit): times, digits, unit.
_SHORT = (
    (0.00995, 1000, 1, "ms", "毫秒"),
    (0.0995, 1000, 0, "ms", "毫秒"),
    (9.995, 1, 2, "s", "秒"),
    (119.95, 1, 1, "s", "秒"),
)
_LONG = ((3600, "h", "小时"), (60, "min", "分钟"))


def same(text: str) -> Text:
    """Give a text that is the same in both: a name, or what a host said."""
    return Text(text, text)


def joined(texts: Iterable[Text], *, en: str = ", ", zh: str = "、") -> Text:
    """Join texts, with the mark of each language between them."""
    known = list(texts)
    return Text(en.join(each.en for each in known), zh.join(each.zh for each in known))


def meaning(code: ExitCode) -> Text:
    """Say what an exit code means."""
    return Text(code.meaning, _CHINESE[code])


def duration(seconds: float) -> Text:
    """Give a measured time with as many digits as a person needs: ``45 ms``, ``1.86 s``, ``12.4 s``, ``3 min 20 s``."""
    if seconds == 0:
        return Text("0 s", "0 秒")
    for below, size, digits, unit, chinese in _SHORT:
        if abs(seconds) < below:
            shown = f"{seconds * size:.{digits}f}".replace("-", "−")
            return Text(f"{shown} {unit}", f"{shown} {chinese}")
    hours, rest = divmod(round(abs(seconds)), 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h", "小时"), (minutes, "min", "分"), (rest, "s", "秒")]
    sign = "−" if seconds < 0 else ""
    return Text(
        sign + " ".join(f"{number} {unit}" for number, unit, _ in parts if number),
        sign + " ".join(f"{number} {unit}" for number, _, unit in parts if number),
    )


def objective(seconds: float) -> Text:
    """Give an objective as it was set: ``60 s``, ``1.5 s``, ``4 h``, ``72 h``."""
    for size, unit, chinese in _LONG:
        if seconds > size and seconds % size == 0:
            return Text(f"{seconds / size:g} {unit}", f"{seconds / size:g} {chinese}")
    return Text(f"{seconds:g} s", f"{seconds:g} 秒")


def count(number: int, one: str, many: str, chinese: str) -> Text:
    """Give a number with what it counts; ``chinese`` is the measure word, with the noun when there is one."""
    return Text(f"{number:,} {one if number == 1 else many}", f"{number:,} {chinese}")
