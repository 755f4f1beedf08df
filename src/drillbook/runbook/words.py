"""The fixed words of pages, in English and Chinese."""

from __future__ import annotations

from drillbook.errors import UsageError
from drillbook.runbook.model import Kind, Repeat, Text, Verb

LANGUAGES = ("en", "zh")

_WORDS = {
    "as_user": ("as {user}", "以 {user} 身份"),
    "assumptions": ("Must be so before the first step", "开始之前必须满足"),
    "at_most": ("at most {time}", "限时 {time}"),
    "by_hand": ("by hand:", "手工操作："),
    "calls": ("follow {runbook}", "执行 {runbook}"),
    "check": ("check", "检查"),
    "choices": ("one of {choices}", "可取 {choices}"),
    "confirm": ("a person does this and confirms it", "由人操作并确认"),
    "digest": ("digest", "摘要"),
    "environment": ("environment", "环境"),
    "fence": (
        "switch {item} off by its power control; proof: it reads off, port {ports} is silent to {witnesses}",
        "用电源控制关闭 {item}；确认电源状态为关，且 {witnesses} 访问端口 {ports} 均无应答",
    ),
    "hosts": ("Hosts", "主机"),
    "independent": (
        "stands by itself: when it fails, the run goes on with what does not come after it",
        "独立部分：若失败，继续执行不以其为前提的其他部分",
    ),
    "interrupts": ("can interrupt", "可能中断"),
    "interval": ("look every {time} until it holds", "每 {time} 检查一次，直到满足"),
    "irreversible": ("cannot be undone: {why}", "无法撤销：{why}"),
    "kind": ("kind", "类别"),
    "left_out": ("{default} when left out", "缺省 {default}"),
    "locked": ("locked", "加锁"),
    "no_login": ("no login at the start", "开始时不登录"),
    "nothing": ("nothing to put back", "无需撤销"),
    "not_interrupt": ("no service", "无"),
    "on": ("on {item}", "在 {item} 上"),
    "other_than": ("the other member than {role}", "与 {role} 成对的另一台"),
    "parameters": ("Parameters", "参数"),
    "part_after": ("only after {parts}", "须在 {parts} 完成之后"),
    "part_steps": ("Steps of {part}", "{part} 的步骤"),
    "parts": (
        "Independent parts: when one fails, the run goes on with the next that does not come after it",
        "独立部分：某一部分失败时，继续执行下一个不以其为前提的部分",
    ),
    "playbook": ("playbook", "剧本"),
    "plan": ("Plan: ", "计划："),
    "power_cycle": ("switch {item} off and on by its power control", "用电源控制重启 {item}"),
    "power_on": ("switch {item} on by its power control", "用电源控制打开 {item}"),
    "protection": ("protection", "保护"),
    "repeat": ("if unknown", "结果不明时"),
    "required": ("must be given", "必填"),
    "roles": ("Roles", "角色"),
    "runbook": ("runbook", "手册"),
    "safe": ("do it again", "重做"),
    "check_first": ("look whether it is done", "先核实是否已完成"),
    "never": ("a person must look", "必须人工查看"),
    "sealed": ("Made from", "依据"),
    "slots": ("Chosen at the run, before the first step of the runbook", "执行时、所属手册第一步之前选定"),
    "chosen_by": ("chosen {check}", "选定方式：{check}"),
    "signs": ("When to use it", "何时使用"),
    "steps": ("Steps", "步骤"),
    "title": ("title", "名称"),
    "undo": ("undo", "撤销"),
    "verify": ("verify", "核实"),
    "version": ("drillbook", "drillbook"),
}

_VERBS = {
    Verb.ENSURE: "确保", Verb.START: "启动", Verb.STOP: "停止", Verb.FENCE: "隔离", Verb.PROMOTE: "提升",
    Verb.DEMOTE: "降级", Verb.JOIN: "加入", Verb.DRAIN: "排空", Verb.LOAD: "装载", Verb.UNLOAD: "卸载",
    Verb.RESTORE: "恢复", Verb.VERIFY: "核实", Verb.PUBLISH: "发布", Verb.INSTALL: "安装",
    Verb.ROLL_BACK: "回退",
}  # fmt: skip

_KINDS = {
    Kind.SWITCHOVER: "计划切换", Kind.FAILOVER: "故障切换", Kind.FAILBACK: "回切", Kind.PROMOTION: "提升",
    Kind.RESTORE: "恢复", Kind.MAINTENANCE: "维护",
}  # fmt: skip

_REPEATS = {Repeat.SAFE: "safe", Repeat.CHECK: "check_first", Repeat.NEVER: "never"}

_UNITS = ((3600.0, "h", "小时"), (60.0, "min", "分钟"), (1.0, "s", "秒"), (0.001, "ms", "毫秒"))


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        """Take ``en`` or ``zh``. Raises UsageError for another."""
        if language not in LANGUAGES:
            raise UsageError(f"there is no language '{language[:20]}'", remedy="--lang en or --lang zh")
        self.language = language
        self._index = LANGUAGES.index(language)

    def __call__(self, name: str, **values: str) -> str:
        """Give a word or sentence by its name, filled in."""
        return _WORDS[name][self._index].format(**values)

    def text(self, text: Text) -> str:
        """Give a text in this language."""
        return text.zh if self._index else text.en

    def verb(self, verb: Verb) -> str:
        """Give a step's verb."""
        return _VERBS[verb] if self._index else verb.replace("_", " ")

    def kind(self, kind: Kind) -> str:
        """Give a runbook's kind."""
        return _KINDS[kind] if self._index else str(kind)

    def repeat(self, repeat: Repeat) -> str:
        """Say what a resume may do."""
        return self(_REPEATS[repeat])

    def duration(self, seconds: float) -> str:
        """Give seconds as ``20 s``, ``5 min`` or ``500 ms``, in the largest unit that keeps it short."""
        for size, unit, chinese in _UNITS:
            if seconds >= size and round(seconds / size, 6) % 1 == 0:
                return f"{seconds / size:.0f} {chinese if self._index else unit}"
        return f"{seconds:g} {'秒' if self._index else 's'}"

    def listed(self, parts: list[str]) -> str:
        """Join parts of a sentence."""
        return ("，" if self._index else ", ").join(part for part in parts if part)
