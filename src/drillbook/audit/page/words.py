"""The words of the log of changes and of the CMDB's history, in English and Chinese."""

from __future__ import annotations

from drillbook.runbook.model import Text

KINDS = {
    "added": Text("added", "新增"),
    "removed": Text("removed", "删除"),
    "changed": Text("changed", "修改"),
    "moved": Text("moved", "移动"),
    "renamed": Text("renamed", "更名"),
    "came": Text("came in: its file was included", "纳入：所在文件被引入"),
    "gone": Text("went out: its file is no longer included", "移出：所在文件不再引入"),
}

HISTORY = {
    "title": Text("History of a configuration entry", "配置项变更历史"),
    "section": Text("section", "类别"),
    "ids": Text("ids it had, newest first", "曾用标识（新在前）"),
    "count": Text("changes", "变更次数"),
    "head": Text("read up to commit", "读取至提交"),
    "who": Text("who", "人员"),
    "why": Text("why", "原因"),
    "approved_by": Text("approved by", "批准人"),
    "change": Text("change", "变更单"),
    "commit": Text("commit", "提交"),
    "field": Text("field", "字段"),
    "old": Text("before", "原值"),
    "new": Text("after", "新值"),
    "not_approved": Text("not by an approved change", "未经批准的变更"),
    "author": Text(
        "the commit's author, as the commit says; a commit's author and time are what its maker typed",
        "提交作者（以提交自述为准；作者与时间由提交者自行填写）",
    ),
    "none": Text("none", "无"),
    "unproved": Text("cannot be verified", "无法验证"),
    "refused": Text("does not count", "不予计入"),
    "candidates": Text(
        "it may be one of these under another id, which cannot be told apart", "可能由下列之一更名而来，无法区分"
    ),
    "across": Text(
        "versions before this commit could not be read; what differs may have been changed in any of them",
        "此提交之前的版本无法读取，差异可能产生于其中任一版本",
    ),
    "unread": Text("Versions that could not be read", "无法读取的版本"),
    "shallow": Text(
        "This clone is shallow: older history is cut off. git fetch --unshallow brings it.",
        "此克隆为浅克隆，较早的历史缺失。可执行 git fetch --unshallow 补全。",
    ),
    "uncommitted": Text(
        "Files with changes that are not committed, which are not shown here", "含未提交修改的文件（此处不显示）"
    ),
    "gone_now": Text("It is not in the CMDB any more.", "该项已不在 CMDB 中。"),
    "no_base": Text("Approvals could not be verified", "无法验证批准签名"),
}

LOG = {
    "title": Text("Log of changes", "变更日志"),
    "lead": Text(
        "Who did what, when, why, approved by whom, on which item; and what proves it.",
        "何人、何时、为何、经谁批准、对何配置项做了什么，以及各自的证据。",
    ),
    "asked": Text("Asked for", "查询条件"),
    "all": Text("everything", "全部"),
    "until": Text("As of", "截至"),
    "count": Text("Changes and runs", "变更与执行"),
    "emergencies": Text("Emergencies", "紧急变更"),
    "owed": Text("Reviews owed", "待补评审"),
    "wrong": Text("With something wrong", "存在问题"),
    "index": Text("Overview, newest first", "总览（新在前）"),
    "each": Text("Each one", "逐条记录"),
    "time": Text("time", "时间"),
    "change": Text("change", "变更单"),
    "type": Text("type", "类型"),
    "what": Text("what", "内容"),
    "where": Text("where", "环境"),
    "who": Text("executed by", "执行人"),
    "result": Text("result", "结果"),
    "items": Text("items", "配置项"),
    "services": Text("services", "服务"),
    "requested_by": Text("requested by", "申请人"),
    "approved_by": Text("approved by", "批准人"),
    "author": Text("author", "作者"),
    "reviewed_by": Text("review", "评审"),
    "reason": Text("reason", "原因"),
    "duration": Text("duration", "用时"),
    "run": Text("run", "执行编号"),
    "head": Text("journal's head", "日志末尾摘要"),
    "none": Text("nobody", "无人"),
    "lab": Text("not needed in the lab", "实验环境无需批准"),
    "preapproved": Text("nobody; a standard change is approved beforehand, by policy", "无；标准变更由策略预先批准"),
    "later": Text("nobody beforehand; it is reviewed afterwards", "事前无；事后评审"),
    "not_counting": Text("a signature that does not count", "不计入的签名"),
    "unreadable": Text("What could not be read, and is in nothing above", "无法读取、未列入上文的内容"),
    "routine": Text("Standard runs in the lab, counted", "实验环境标准执行（汇总）"),
    "routine_how": Text("./inv changes.log --all tells them one by one.", "./inv changes.log --all 可逐条列出。"),
    "number": Text("number", "次数"),
    "first": Text("first", "最早"),
    "last": Text("last", "最近"),
    "break_glass": Text("Break-glass by person and month", "紧急变更次数（按人、按月）"),
    "person": Text("person", "人员"),
    "month": Text("month (UTC)", "月份（UTC）"),
    "too_often": Text("as often as policy allows, or more: it is becoming routine", "达到或超过策略上限：正在变成常态"),
    "nothing": Text("Nothing of the kind is on record here.", "此处没有此类记录。"),
    "sources": Text("What this rests on", "依据"),
    "limits": Text(
        "A run that was kept out of this machine, of the git remote and of its hosts' journals leaves no trace here. "
        "What times say is what the machines' clocks said. See docs/audit.md.",
        "若某次执行未在本机、远程仓库及主机日志中留下记录，此处无从得知。时间以各机器时钟为准。详见 docs/audit.md。",
    ),
}

TYPES = {
    "standard": Text("standard", "标准"),
    "normal": Text("normal", "常规"),
    "emergency": Text("EMERGENCY", "紧急"),
    "unapproved": Text("not approved", "未经批准"),
    "unknown": Text("not known", "不详"),
}

RESULTS = {
    "": Text("not run", "未执行"),
    "succeeded": Text("succeeded", "成功"),
    "failed": Text("failed", "失败"),
    "rolled_back": Text("rolled back", "已回退"),
    "rolled-back": Text("rolled back", "已回退"),
    "abandoned": Text("abandoned", "已放弃"),
    "withdrawn": Text("withdrawn", "已撤回"),
    "refused": Text("refused: the hosts were not as planned", "拒绝：主机状态与计划不符"),
    "lost": Text("given up without its journal", "日志缺失，已放弃"),
    "not ended": Text("not ended", "未结束"),
    "unknown": Text("not known", "不详"),
    "merged": Text("merged", "已合并"),
    "committed": Text("committed", "已提交"),
}

REVIEWS = {
    "owed": Text("review owed", "待评审"),
    "overdue": Text("review OVERDUE", "评审逾期"),
    "accepted": Text("reviewed: accepted", "已评审：认可"),
    "rejected": Text("reviewed: rejected", "已评审：不认可"),
}
