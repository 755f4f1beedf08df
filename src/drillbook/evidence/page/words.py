"""The fixed words of the evidence page, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

VERDICTS: Mapping[str, Text] = {
    "met": Text("MET", "达标"),
    "missed": Text("MISSED", "未达标"),
    "invalid": Text("INVALID", "演练无效"),
}
PARTS: Mapping[str, Text] = {
    "before": Text("Preparation", "演练准备"),
    "main": Text("The recovery", "恢复操作"),
    "afterwards": Text("The way back", "恢复原状"),
}
RESULTS: Mapping[str, Text] = {
    "succeeded": Text("succeeded", "成功"),
    "rolled_back": Text("rolled back", "已回退"),
    "abandoned": Text("given up", "已放弃"),
    "failed": Text("failed", "失败"),
    "unknown": Text("outcome unknown", "结果不明"),
    "stopped": Text("stopped", "已停止"),
    "refused": Text("refused", "已拒绝"),
    "not_fenced": Text("refused: not fenced", "已拒绝：未能隔离"),
    "partial": Text("some parts were not done", "部分未完成"),
}
STAGES: Mapping[str, Text] = {
    "done": Text("done", "完成"),
    "failed": Text("failed", "失败"),
    "unknown": Text("outcome unknown", "结果不明"),
    "acted": Text("not proved", "未证实"),
    "started": Text("not ended", "未结束"),
    "undone": Text("undone", "已撤销"),
    "pending": Text("not reached", "未执行"),
}

WORDS: Mapping[str, Text] = {
    "drill": Text("Disaster recovery drill", "灾难恢复演练"),
    "service": Text("Service", "业务"),
    "environment": Text("Environment", "环境"),
    "when": Text("When", "时间"),
    "why": Text("Why", "原因"),
    "outage": Text("Outage that users felt", "用户感受到的业务中断"),
    "ending": Text("How the run ended", "执行结果"),
    "lost": Text("Acknowledged writes lost", "丢失的已确认写入"),
    "primaries": Text("Primaries at any one time", "同一时刻的主库数"),
    "on_address": Text("Hosts on the address at any one time", "同一时刻应答服务地址的主机数"),
    "kind": Text("Kind of exercise", "演练类型"),
    "against": Text("Outage against objective (RTO)", "业务中断与目标（RTO）对比"),
    "objectives_own": Text("These objectives are the drill's own:", "目标为本演练单独设定："),
    "terms": Text(
        "RTO: how long the service may be away. RPO: how much of what users have written may be lost; "
        "0 s means not a single acknowledged write.",
        "RTO（恢复时间目标）：业务最长允许中断多久。RPO（恢复点目标）：最多允许丢失多长时间内写入的数据；"
        "0 秒表示已确认的写入一笔也不能丢。",
    ),
    "timeline": Text("The outage, and what was done", "业务中断与恢复过程"),
    "whole": Text("The whole drill", "演练全程"),
    "writes": Text("The service, as the probes saw it", "探针观测到的服务"),
    "faults": Text("Faults", "故障"),
    "recovery": Text("Steps of the recovery", "恢复步骤"),
    "objective": Text("objective", "目标"),
    "legend_ack": Text("served", "有服务"),
    "legend_gap": Text("not served", "无服务"),
    "not_back": Text("not back", "未恢复"),
    "legend_limit": Text("objective", "目标"),
    "legend_refused": Text("refused", "被拒绝"),
    "legend_unanswered": Text("not answered", "无应答"),
    "legend_fault": Text("fault", "故障"),
    "legend_step": Text("step of a run", "执行步骤"),
    "from_fault": Text("0 is the moment of the fault.", "0 为故障发生的时刻。"),
    "from_run": Text("0 is the beginning of the run.", "0 为开始执行的时刻。"),
    "no_seen": Text(
        "This record is of an older format: it holds measures, not what each probe saw.",
        "本记录为旧格式：只有测量结果，没有各探针的观测明细。",
    ),
    "not_run_chart": Text("Nothing was run, so there is nothing to draw.", "未执行任何操作，无时间线可示。"),
    "events": Text("What happened", "经过"),
    "at": Text("At", "时刻"),
    "event": Text("Event", "事件"),
    "measured": Text("What was measured", "测量结果"),
    "result": Text("measured", "实测"),
    "loss": Text("What was lost", "数据丢失情况"),
    "services": Text("Each service", "各项业务"),
    "not_brought_back": Text("What was not brought back, and why", "未恢复的业务及原因"),
    "rto": Text("Outage", "中断"),
    "loss_short": Text("Lost", "丢失"),
    "verdict": Text("Result", "结论"),
    "notes": Text("note", "注意"),
    "writer": Text("Written by", "写入方"),
    "writes_lost": Text("Writes lost", "丢失笔数"),
    "examples": Text("Examples (writer:number):", "示例（写入方:编号）："),
    "fidelity": Text("What was real, and what was not", "真实性说明"),
    "nist": Text("NIST SP 800-34 Rev. 1, section 3.5", "NIST SP 800-34 Rev. 1 第 3.5 节"),
    "real": Text("Real", "真实"),
    "stubbed": Text("Stood in for something else", "替代"),
    "skipped": Text("Left out", "未包括"),
    "participants": Text("Who took part", "参加人员"),
    "runs": Text("What was run", "执行内容"),
    "step": Text("Step", "步骤"),
    "on": Text("On", "主机"),
    "began": Text("Began", "开始"),
    "took": Text("Took", "用时"),
    "ended": Text("Result", "结果"),
    "plan": Text("The plan: every command, exactly as it was sent", "计划：逐条命令，与实际发送完全一致"),
    "no_plan": Text("The plan is cited by its digest; this record does not hold it.", "计划以摘要引用，本记录未包含。"),
    "exit_code": Text("exit code", "退出码"),
    "steady": Text("Steady state", "稳态检查"),
    "before": Text("Before", "演练前"),
    "after": Text("Afterwards", "演练后"),
    "held": Text("held", "成立"),
    "not_held": Text("did not hold", "不成立"),
    "not_checked": Text("not checked", "未检查"),
    "evidence": Text("Evidence", "证据"),
    "evidence_how": Text(
        "Every digest is SHA-256 and can be checked with sha256sum. A journal is a chain: its head stands for all of "
        "its records.",
        "所有摘要均为 SHA-256，可用 sha256sum 核对。日志为链式结构：链首摘要代表其全部记录。",
    ),
    "beside": Text(
        "record.json beside this page holds all figures, and cites this page by its digest.",
        "同目录下的 record.json 含全部数据，并以摘要引用本页。",
    ),
    "record_digest": Text("Record", "记录"),
    "drill_file": Text("Drill", "演练定义"),
    "journal": Text("Journal", "日志"),
    "journal_head": Text("Journal's head", "日志链首"),
    "plan_digest": Text("Plan", "计划"),
    "samples": Text("Samples", "样本"),
    "clock": Text("Clock", "时钟"),
    "machine": Text("Machine", "机器"),
    "time": Text("Time", "时间"),
}
