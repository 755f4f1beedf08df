"""The fixed words about changes, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.runbook.words import LANGUAGES, Words

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["LANGUAGES", "ChangeWords"]

_WORDS = {
    "A": ("added", "新增"),
    "accepted": ("accepted", "认可"),
    "D": ("deleted", "删除"),
    "M": ("changed", "修改"),
    "abandoned": ("abandoned", "放弃"),
    "any_time": ("at any time that policy allows", "策略允许的任何时间"),
    "approvals": ("approvals", "审批"),
    "approved": ("approved", "已批准"),
    "apart": (
        "{count} files differ from the trusted base ({files}): not applied before these are approved and merged",
        "该提交与可信基线有 {count} 个文件不同（{files}）：获批并合并之前不能执行",
    ),
    "approval_given": ("approved {time}, counts until {until}", "{time} 批准，有效至 {until}"),
    "broken": ("broken", "损坏"),
    "by_at": ("{person}, {time}", "{person}，{time}"),
    "change": ("change", "变更"),
    "closed": ("closed", "已关闭"),
    "coming": ("opens in {time}", "{time}后开始"),
    "configuration": ("change of the configuration", "配置变更"),
    "could_review": ("one of {people} reviews it", "由 {people} 之一补审"),
    "counts_not": ("does not count: {why}", "无效：{why}"),
    "debt": ("owes its review", "待补审"),
    "debt_late": ("review overdue since {time}", "补审已逾期 {time}"),
    "debt_left": ("review due in {time}", "须在 {time}内补审"),
    "elsewhere": (
        "{change} is on another branch; the two files lie in this work tree alone: bring them to that branch",
        "{change} 在另一分支上；这两个文件只在当前工作区中：请带到该分支",
    ),
    "emergency": ("emergency", "紧急"),
    "differs": (
        "cannot run now: the trusted base would run something else: {what}",
        "目前不能执行：可信基线将执行的内容不同：{what}",
    ),
    "differs_short": ("cannot run: the base differs", "不能执行：基线不同"),
    "duty": ("on duty then", "届时值班"),
    "ended": ("run ended", "执行结束"),
    "engine": ("engine of the base", "基线引擎"),
    "failed": ("failed", "失败"),
    "files": ("Files that change ({count})", "变更的文件（{count}）"),
    "files_short": ("configuration, {count} files", "配置，{count} 个文件"),
    "from": ("from", "从"),
    "has_signed": ("{person} has signed {change}", "{person} 已签署 {change}"),
    "high": ("high", "高"),
    "irreversible": ("What cannot be undone", "无法撤销的步骤"),
    "low": ("low", "低"),
    "medium": ("medium", "中"),
    "next": ("next", "下一步"),
    "deviations": ("What went otherwise than planned", "与计划不符之处"),
    "missing": ("missing", "尚缺"),
    "no_approval": ("nothing is missing", "齐备"),
    "no_base": (
        "Nothing is trusted here yet, so no signature was judged: ./inv trust.pin COMMIT",
        "此处尚无可信基线，签名未核验：./inv trust.pin COMMIT",
    ),
    "no_changes": ("There are no changes here yet: changes/ holds CHG-*/.", "还没有变更：changes/ 下存放 CHG-*/。"),
    "no_record": (
        "known from {source}, and there is no record of it here: git pull",
        "来自{source}，此处没有其记录：git pull",
    ),
    "no_service": ("none", "无"),
    "meaning": (
        "What it means, read from the very files that are signed ({old}… → {new}…)",
        "变更含义，取自签名所覆盖的文件（{old}… → {new}…）",
    ),
    "normal": ("normal", "常规"),
    "not_judged": ("{count} signed, not judged", "{count} 个签名，未核验"),
    "not_signed": ("the request's signature does not count: {why}", "申请签名无效：{why}"),
    "open": ("open for {time}", "进行中，还剩 {time}"),
    "over": ("over", "已过"),
    "plan": ("The plan", "计划"),
    "planned": ("planned", "已计划"),
    "push": (
        "git add {files} && git commit && git push; then an approver: ./inv changes.approve {change}",
        "git add {files} && git commit && git push；然后由审批人执行：./inv changes.approve {change}",
    ),
    "reason": ("reason", "原因"),
    "rejected": ("rejected", "不认可"),
    "repository": ("repository", "仓库"),
    "requested": ("requested", "已申请"),
    "requested_by": ("requested by", "申请人"),
    "result": ("Result", "结果"),
    "review_given": ("{verdict} {time}: {reason}", "{time} {verdict}：{reason}"),
    "reviewed": ("reviewed", "已补审"),
    "lost": ("lost with its machine", "随机器丢失"),
    "refused": ("refused before any effect", "执行前被拒绝"),
    "risk": ("risk", "风险"),
    "rolled_back": ("rolled back", "已回退"),
    "rule_wants": (
        "the rule {rule} wants {count}, and has {have}; could approve: {people}",
        "规则 {rule} 要求 {count} 人，已有 {have}；可审批：{people}",
    ),
    "rpo": ("RPO", "RPO"),
    "rto": ("RTO", "RTO"),
    "run": ("run", "执行"),
    "runs": ("Runs", "执行记录"),
    "running": ("running", "执行中"),
    "sealed": ("Sealed files of playbooks/", "封存的 playbooks/ 文件"),
    "services": ("Services that can be interrupted", "可能中断的服务"),
    "signed": ("plan.json, signed", "plan.json 摘要（签名对象）"),
    "standard": ("standard", "标准"),
    "state": ("State of the configuration", "配置状态"),
    "state_column": ("state", "状态"),
    "stopped": ("stopped", "已停止"),
    "succeeded": ("succeeded", "成功"),
    "tier": ("tier", "级别"),
    "to": ("to", "到"),
    "type": ("type", "类型"),
    "what": ("what", "内容"),
    "where": ("where", "环境"),
    "window": ("window", "时间窗"),
    "withdrawn": ("withdrawn", "撤回"),
}


class ChangeWords(Words):
    """The words of one language, with those of runbooks and plans for lists."""

    def __call__(self, name: str, **values: str) -> str:
        """Give a word or sentence by its name, filled in."""
        return _WORDS[name][self._index].format(**values)

    def about(self, length: timedelta) -> str:
        """Give a length of time roughly: ``3 d``, ``5 h``, ``2 min``."""
        seconds = max(0.0, length.total_seconds())
        for size, units in _UNITS:
            if seconds >= 2 * size or size == _MINUTE:
                return f"{seconds / size:.0f} {units[self._index]}"
        raise AssertionError(seconds)


_MINUTE = 60
_UNITS = ((86400, ("d", "天")), (3600, ("h", "小时")), (_MINUTE, ("min", "分钟")))
