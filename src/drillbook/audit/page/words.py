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
