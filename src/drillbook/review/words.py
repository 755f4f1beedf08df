"""The fixed words of a review, in English and Chinese; every word stands in both."""

from __future__ import annotations

from drillbook.cmdb.words import CLASSES, FIELDS, SECTIONS
from drillbook.errors import UsageError

LANGUAGES = ("en", "zh")

_WORDS: dict[str, tuple[str, str]] = {
    # the head of the comment
    "invalid": ("Cannot be merged: {}.", "不能合并：{}。"),
    "forbidden": ("Must not be merged: {}.", "禁止合并：{}。"),
    "look": ("Look before you approve: {}.", "批准前请注意：{}。"),
    "plain": ("Nothing here promises less, and nothing is missing.", "没有降低任何承诺，也不缺任何手续。"),
    "compared": (
        "{head} against {base}. Read as data by the engine of the base; nothing of it was run.",
        "对比 {head} 与 {base}。由基线版本的程序作为数据读取，未执行其中任何内容。",
    ),
    "trusted": ("the trusted base", "可信基线"),
    "moved": (
        "The base has moved on by {n} since; shown is what {old} → {head} brings.",
        "此后基线又前进了 {n} 次提交；以下为 {old} → {head} 带来的变化。",
    ),
    "moved_both": (
        "On both sides changed: {files}. What they give together was not looked at: merge the base into it first.",
        "双方都改动了：{files}。合并后的结果未经检查：请先把基线合并进来。",
    ),
    "not_pinned": (
        "No trusted base is pinned here; who may approve was read from the base given.",
        "本机没有固定的可信基线；审批权限取自所给的基线。",
    ),
    "nothing": ("Nothing changed that this review looks at.", "没有本评审所关注的变化。"),
    # parts of the verdict
    "v_by": ("; ", "；"),
    "colon": (": ", "："),
    "comma": (", ", "、"),
    "semicolon": ("; ", "；"),
    "brackets": (" ({})", "（{}）"),
    "directly": ("directly", "直接"),
    "v_findings": ("1 thing is wrong in its files|{n} things are wrong in its files", "文件中有 {n} 处错误"),
    "v_new": ("1 new conflict|{n} new conflicts", "{n} 处新冲突"),
    "v_alone": (
        (
            "after 1 more single failure a service has no way back in time|"
            "after {n} more single failures a service has no way back in time"
        ),
        "新增 {n} 处无法按时恢复的单点故障",
    ),
    "v_powers": ("it changes who may approve", "改变了审批权限"),
    "v_weaker": ("1 promise gets weaker|{n} promises get weaker", "{n} 项承诺减弱"),
    "v_stale": ("1 drill proves nothing any more|{n} drills prove nothing any more", "{n} 个演练的证据失效"),
    "v_both": ("the base has moved on in the same files", "基线在同一文件中又有改动"),
    "v_wanting": ("1 change is not ready|{n} changes are not ready", "{n} 个变更手续不全"),
    "v_uncovered": ("no change covers the new configuration", "没有变更单覆盖新的配置"),
    "f_add-only": ("a record is altered", "改动了既有记录"),
    "f_link": ("a link leads outside", "链接指向仓库之外"),
    "f_submodule": ("a submodule", "含子模块"),
    "f_hidden": ("hidden characters", "含隐藏字符"),
    "f_name": ("a hidden character in a file's name", "文件名含隐藏字符"),
    "f_stale": ("a generated file is stale", "生成的文件已过时"),
    "f_unreadable": ("it cannot be read safely", "无法安全读取"),
    # sections
    "s_forbidden": ("What no approval makes right", "任何审批都不能放行的内容"),
    "s_powers": ("This changes who may approve", "审批权限的变化"),
    "s_findings": ("What is wrong in the files", "文件中的错误"),
    "s_conflicts": ("Conflicts", "冲突"),
    "s_changes": ("Changes to be approved", "待审批的变更"),
    "s_cmdb": ("What changes in the CMDB", "配置库的变化"),
    "s_services": ("Services that stand on it", "受影响的服务"),
    "s_alone": ("Single failures with no way back in time", "无法按时恢复的单点故障"),
    "s_drills": ("Drills", "演练"),
    "s_procedures": ("Runbooks and playbooks", "手册与剧本"),
    "s_inventories": ("Hosts that Ansible sees", "Ansible 主机清单"),
    "s_others": ("Not looked into", "未检查"),
    # single failures
    "alone": (
        "{failure} fails: {service} has no way back within its RTO ({why})",
        "{failure} 失效：{service} 无法在 RTO 内恢复（{why}）",
    ),
    "not_alone": ("{failure} fails: {service} has a way back now", "{failure} 失效：{service} 现已可恢复"),
    "alone_accepted": ("; accepted: {id}", "；已接受：{id}"),
    "alone_nothing": ("nothing brings it back", "无恢复手段"),
    "alone_lost": ("what would bring it back is lost too", "恢复手段同时失效"),
    "alone_contested": ("its spare goes to another", "备机被优先者占用"),
    "alone_slow": ("what brings it back takes longer", "恢复超时"),
    # forbidden
    "add-only": (
        "{path} is {how}: records are only ever added",
        "{path} 被{how}：记录只能新增",
    ),
    "link": (
        "{path} is a link to {what}, which is not in the repository's files",
        "{path} 是指向 {what} 的链接，不在仓库文件之内",
    ),
    "submodule": ("{path} is a submodule: nobody can read here what it holds", "{path} 是子模块：这里无法读到其内容"),
    "hidden": (
        "{path}, line {line}: {what} hides or reorders text; write it as an escape",
        "{path} 第 {line} 行：{what} 会隐藏或颠倒文字；请改用转义写法",
    ),
    "name": ("{path}: its name holds {what}, which hides what it is", "{path}：文件名含 {what}，会掩盖真实名称"),
    "stale": ("{path} {what}", "{path}：{what}"),
    "unreadable": ("{what}. Nothing else was read.", "{what}。其余内容均未读取。"),
    "status_M": ("changed", "修改"),
    "status_D": ("deleted", "删除"),
    "status_T": ("turned into something else", "改为其他类型"),
    "status_A": ("added", "新增"),
    "status_R": ("renamed", "改名"),
    # powers
    "p_gain": ("{who} gains {roles}", "{who} 获得 {roles}"),
    "p_lose": ("{who} loses {roles}", "{who} 失去 {roles}"),
    "p_key": ("signing keys of {who}: {what}", "{who} 的签名密钥：{what}"),
    "p_person_new": ("{who} is new, with {what}", "新增人员 {who}，具有 {what}"),
    "p_person_gone": ("{who} is removed, who had {what}", "移除人员 {who}，原有 {what}"),
    "p_person_renamed": ("{old} is called {new} now: approvals are by name", "{old} 改名为 {new}：审批按名字计"),
    "p_policy": ("policy {what}: {old} → {new}", "规定 {what}：{old} → {new}"),
    "p_environment": ("environment {what}: {old} → {new}", "环境 {what}：{old} → {new}"),
    "p_lab": (
        "{what}: {old} → {new} (which hosts belong to the lab, or who they are)",
        "{what}：{old} → {new}（主机归属或身份）",
    ),
    "p_tier": (
        "tier of {what}: {old} → {new} (which approvals it needs)",
        "{what} 的等级：{old} → {new}（决定所需审批）",
    ),
    "p_engine": ("the engine itself: {what}", "程序本身：{what}"),
    "p_launcher": ("the launcher and its tasks: {what}", "启动程序：{what}"),
    "p_lock": ("what the engine is built from: {what}", "程序的依赖：{what}"),
    "p_pipeline": ("the pipelines: {what}", "流水线：{what}"),
    "p_owners": ("who must look at which files: {what}", "文件的审阅归属：{what}"),
    "p_git": ("how git shows and stores files: {what}", "git 的显示与存储方式：{what}"),
    "p_includes": ("which files make up the CMDB: {what}", "配置库的文件组成：{what}"),
    # CMDB
    "organisation": ("organisation: {old} → {new}", "机构名称：{old} → {new}"),
    "added": ("added", "新增"),
    "removed": ("removed", "移除"),
    "renamed": ("renamed", "改名"),
    "follows": ("1 entry names it anew|{n} entries name it anew", "{n} 处引用随之更新"),
    "counted": ("{n} × {what}", "{what} {n} 项"),
    "each": ("differs from one to the next", "各项不同"),
    "which": ("which", "明细"),
    "weaker": ("weaker", "减弱"),
    "stronger": ("stronger", "增强"),
    "none": ("none", "无"),
    "order": ("another order", "顺序变化"),
    "gone_protection": ("{service} loses its protection", "{service} 失去保护"),
    "and_more": ("… and 1 more|… and {n} more", "……另有 {n} 项"),
    "lines_more": ("… {} more lines are not shown here", "……另有 {} 行未显示"),
    # services
    "t_service": ("service", "服务"),
    "t_tier": ("tier", "等级"),
    "t_through": ("through", "途径"),
    "t_wrong": ("if it goes wrong", "若出错"),
    "stops": ("stops", "中断"),
    "recovers": ("interrupted until something takes over", "中断，直至被接管"),
    "promised": ("nothing; what is promised changes", "无；仅承诺变化"),
    "exposed": ("goes on without its protection", "继续运行但失去保护"),
    "services_more": ("1 more service|{n} more services", "另有 {n} 项服务"),
    # drills
    "broken": ("{drills} cannot be planned any more{colon}{why}", "{drills} 已无法生成计划{colon}{why}"),
    "stale_drill": ("{drills} proves nothing any more{colon}{why}", "{drills} 证据失效{colon}{why}"),
    "stale_drills": ("{drills} prove nothing any more{colon}{why}", "{drills} 证据失效{colon}{why}"),
    "proved": ("{drills} changed, and was proved anew here{colon}{why}", "{drills} 有变化，本次已重新演练{colon}{why}"),
    "new": ("{drills} is new, and not proved yet", "{drills} 为新增，尚未演练"),
    "gone": ("{drills} is removed", "{drills} 被移除"),
    "never": ("changed, and never proved anyway{colon}{drills}", "有变化，但从未演练{colon}{drills}"),
    "last": (" ({when}, {result})", "（{when}，{result}）"),
    "r_drill": ("its own file", "演练定义"),
    "r_runbook": ("runbooks {what}", "手册 {what}"),
    "r_sealed": ("playbooks/, which is sealed as one", "playbooks/（整体封存）"),
    "r_cmdb": ("in the CMDB {what}", "配置项 {what}"),
    "r_plan": ("the plan {what}", "计划 {what}"),
    "met": ("met", "达标"),
    "missed": ("missed", "未达标"),
    "rerun": ("After merging: {}", "合并后执行：{}"),
    # procedures
    "called_by": ("called by {}", "被 {} 调用"),
    "called_by_none": ("no runbook calls it", "没有手册调用"),
    "not_text": ("no text, or too large to show", "非文本或过大，未显示"),
    # inventories
    "in_environment": ("{environment}: {what}", "{environment}：{what}"),
    "hosts_added": ("1 host added|{n} hosts added", "新增 {n} 台"),
    "hosts_removed": ("1 host removed|{n} hosts removed", "移除 {n} 台"),
    "hosts_changed": ("1 host changed|{n} hosts changed", "变更 {n} 台"),
    # findings
    "kept": ("Wrong in the base too", "基线中已有"),
    "mended": ("Mended", "已消除"),
    # changes
    "c_head": (
        "**{id}** {type}, risk {risk}: {what}, requested by {who}: {reason}",
        "**{id}** {type}，风险{risk}：{what}，申请人 {who}：{reason}",
    ),
    "c_runbook": ("{runbook} in {environment}", "在 {environment} 执行 {runbook}"),
    "c_configuration": ("a change of the configuration", "配置变更"),
    "c_standard": ("standard", "标准变更"),
    "c_normal": ("normal", "常规变更"),
    "c_emergency": ("emergency", "紧急变更"),
    "c_low": ("low", "低"),
    "c_medium": ("medium", "中"),
    "c_high": ("high", "高"),
    "c_broken": ("its files are wrong", "文件有误"),
    "c_refused": ("nobody can approve it", "无法审批"),
    "c_unplanned": ("not planned yet (`./inv changes.plan`)", "尚未生成计划（`./inv changes.plan`）"),
    "c_by": ("approved by {who}", "已批准：{who}"),
    "c_not_counted": ("the approval by {who} does not count: {why}", "{who} 的审批无效：{why}"),
    "c_missing": (
        "the rule {rule} wants {wanted} by {roles} and has {have}; could approve: {could}",
        "规则 {rule} 需要 {roles} 审批 {wanted} 个，已有 {have} 个；可审批人：{could}",
    ),
    "c_enough": ("every rule is satisfied", "已满足全部规则"),
    "c_closed": ("closed: {result}", "已关闭：{result}"),
    "c_trouble": ("no plan can be made from this head", "无法由此版本生成计划"),
    "c_drift": ("plan.json is not what this head gives", "plan.json 与此版本生成的计划不符"),
    "c_forged": (
        "plan.md is not what plan.json says: do not read it; the plan is below",
        "plan.md 与 plan.json 不符：请勿阅读，计划见下",
    ),
    "c_replanned": ("planned anew; against the plan in the base", "计划已更新；与基线中的计划相比"),
    "c_window": ("window {begins} to {ends} UTC", "窗口 {begins} 至 {ends}（UTC）"),
    "c_freeze": ("**inside the freeze {id}, until {until}**", "**处于冻结期 {id}，至 {until}**"),
    "c_duty": ("on duty then: {who}", "届时值守：{who}"),
    "c_plan": ("The plan of {id}, {digest}", "{id} 的计划，{digest}"),
    "c_uncovered": (
        (
            "1 governed file changes, and no change here covers it (`./inv changes.new --configuration`)|{n} governed "
            "files change, and no change here covers them (`./inv changes.new --configuration`)"
        ),
        "{n} 个受管文件有变化，但没有配置变更单覆盖（`./inv changes.new --configuration`）",
    ),
    # others
    "files": ("1 file|{n} files", "{n} 个文件"),
    "cut": (
        "**Cut here**: a comment holds {most} characters. Left out: {what}. The whole: {command}",
        "**此处截断**：评论最多 {most} 个字符。省略：{what}。完整内容：{command}",
    ),
}


class Words:
    """The words in one language."""

    def __init__(self, language: str) -> None:
        """Take ``en`` or ``zh``. Raises UsageError for another one."""
        if language not in LANGUAGES:
            raise UsageError(
                f"there is no language '{language[:20]}' here", remedy=f"--lang is one of {', '.join(LANGUAGES)}"
            )
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str) -> str:
        """Give a word or template."""
        return _WORDS[key][self._place]

    def counted(self, key: str, count: int) -> str:
        """Give a word for a count: the first form is for one, the second for more."""
        forms = _WORDS[key][self._place].split("|")
        return (forms[0] if count == 1 else forms[-1]).format(n=count)

    def section(self, name: str, *, many: bool = False) -> str:
        """Give a section's entries as a noun, or as the section's heading."""
        one, more, zh = SECTIONS[name]
        return zh if self._place else more if many else one

    def field(self, name: str) -> str | None:
        """Give the word for a field of the schema; None for another key, such as an id."""
        found = FIELDS.get(name)
        return found[self._place] if found is not None else None

    def what(self, name: str) -> str | None:
        """Give the word for a class of items or a kind of protections; None for another."""
        found = CLASSES.get(name)
        return found[self._place] if found is not None else None
