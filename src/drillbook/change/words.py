"""The fixed words about changes, in English and Chinese."""

from __future__ import annotations

from drillbook.runbook.words import LANGUAGES, Words

__all__ = ["LANGUAGES", "ChangeWords"]

_WORDS = {
    "A": ("added", "新增"),
    "D": ("deleted", "删除"),
    "M": ("changed", "修改"),
    "abandoned": ("abandoned", "放弃"),
    "any_time": ("at any time that policy allows", "策略允许的任何时间"),
    "approvals": ("approvals", "审批"),
    "approved": ("approved", "已批准"),
    "broken": ("broken", "损坏"),
    "by_at": ("{person}, {time}", "{person}，{time}"),
    "change": ("change", "变更"),
    "closed": ("closed", "已关闭"),
    "coming": ("opens in {time}", "{time}后开始"),
    "configuration": ("change of the configuration", "配置变更"),
    "debt": ("owes its review", "待补审"),
    "debt_late": ("review overdue since {time}", "补审已逾期 {time}"),
    "debt_left": ("review due in {time}", "须在 {time}内补审"),
    "emergency": ("emergency", "紧急"),
    "ended": ("run ended", "执行结束"),
    "engine": ("engine of the base", "基线引擎"),
    "failed": ("failed", "失败"),
    "files": ("Files that change ({count})", "变更的文件（{count}）"),
    "from": ("from", "从"),
    "high": ("high", "高"),
    "irreversible": ("What cannot be undone", "无法撤销的步骤"),
    "low": ("low", "低"),
    "medium": ("medium", "中"),
    "next": ("next: {command}", "下一步：{command}"),
    "no_changes": ("There are no changes here yet: changes/ holds CHG-*/.", "还没有变更：changes/ 下存放 CHG-*/。"),
    "no_service": ("none", "无"),
    "normal": ("normal", "常规"),
    "open": ("open for {time}", "进行中，还剩 {time}"),
    "over": ("over", "已过"),
    "plan": ("The plan", "计划"),
    "planned": ("planned", "已计划"),
    "reason": ("reason", "原因"),
    "rejected": ("rejected", "不认可"),
    "accepted": ("accepted", "认可"),
    "repository": ("repository", "仓库"),
    "requested": ("requested", "已申请"),
    "requested_by": ("requested by", "申请人"),
    "reviewed": ("reviewed", "已补审"),
    "risk": ("risk", "风险"),
    "rolled-back": ("rolled back", "已回退"),
    "rpo": ("RPO", "RPO"),
    "rto": ("RTO", "RTO"),
    "run": ("run", "执行"),
    "running": ("running", "执行中"),
    "sealed": ("Sealed files of playbooks/", "封存的 playbooks/ 文件"),
    "services": ("Services that can be interrupted", "可能中断的服务"),
    "signed": ("what is signed (plan.json)", "签名内容（plan.json）"),
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
    """The words of one language, with those of runbooks and plans for durations and lists."""

    def __call__(self, name: str, **values: str) -> str:
        """Give a word or sentence by its name, filled in."""
        return _WORDS[name][self._index].format(**values)
