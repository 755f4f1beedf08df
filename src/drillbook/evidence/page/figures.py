"""The figures of the evidence page: what was measured against what was wanted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.page.drawing import WIDTHS, against
from drillbook.evidence.page.words import RESULTS, WORDS
from drillbook.evidence.repeats import repeated_words
from drillbook.evidence.wording import count, duration, objective, same
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NONE = same("–")
NOTHING_KEPT = Text("nothing is kept for users here, so nothing can be lost", "本业务不为用户保存数据，无可丢失")


def main_run(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the run that the drill is about; None when it never began."""
    return next((run for run in record["runs"] if run["part"] == "main"), None)


def lead(record: Mapping[str, Any]) -> Text:
    """Say in two or three sentences what came of the drill."""
    measures, wanted = record["measures"], record["objectives"]
    if record["verdict"]["result"] == "invalid":
        return Text(
            "This drill did not run as described. It proves nothing and counts as no evidence.",
            "演练未按所述进行，不能证明任何结论，不计为证据。",
        )
    parts: list[Text] = []
    main, outage = main_run(record), measures["outage"]
    if wanted["expected_refusal"] is not None:
        code = wanted["expected_refusal"]
        if main is not None and main["exit_code"] == code:
            parts.append(Text("The runbook had to refuse, and it refused.", "手册应当拒绝执行，实际已拒绝。"))
        else:
            parts.append(Text("The runbook had to refuse, and did not.", "手册应当拒绝执行，实际没有拒绝。"))
    elif measures["rto_actual"] is not None:
        away, limit = duration(measures["rto_actual"]), objective(wanted["rto"])
        parts.append(
            Text(
                f"Users were without the service for {away.en}; the objective is {limit.en}.",
                f"业务中断 {away.zh}，目标为 {limit.zh}。",
            )
        )
        if (later := measures["longest_gap_afterwards"]) is not None and later["seconds"] > measures["notable"]:
            again = duration(later["seconds"])
            parts.append(
                Text(f"On the way back they were without it for {again.en} more.", f"恢复原状期间又中断 {again.zh}。")
            )
    elif outage is not None:
        away = duration(outage["seconds"])
        parts.append(Text(f"The service did not come back in {away.en}.", f"在 {away.zh}内业务没有恢复。"))
    else:
        parts.append(Text("No outage was measured.", "没有测到业务中断。"))
    parts += _lead_data(measures)
    return Text(" ".join(each.en for each in parts), "".join(each.zh for each in parts))


def _lead_data(measures: Mapping[str, Any]) -> Iterator[Text]:
    lost, one = measures["rpo_actual"], measures["at_most_one_primary"]
    if not measures["keeps"]:
        yield Text("Nothing is kept for users here, so nothing could be lost.", "本业务不为用户保存数据，无可丢失。")
    elif lost is None:
        yield Text("How much was lost is not known.", "数据丢失情况不明。")
    elif lost["writes"] == 0:
        yield Text("No acknowledged write was lost.", "已确认的写入无一丢失。")
    else:
        yield Text(f"{lost['writes']:,} acknowledged writes were lost.", f"丢失已确认的写入 {lost['writes']:,} 笔。")
    if measures["by_address"]:
        yield {
            True: Text("At no time did two hosts answer on the address.", "任何时刻都没有两台主机同时应答服务地址。"),
            False: Text("Two hosts answered on the address.", "曾有两台主机应答服务地址。"),
            None: Text("Whether a second host was on the address is not known.", "是否有第二台主机应答服务地址不明。"),
        }[one]
        return
    yield {
        True: Text("At no time did two hosts acknowledge writes.", "任何时刻都没有两台主机同时确认写入。"),
        False: Text("Two hosts acknowledged writes at the same time.", "曾有两台主机同时确认写入。"),
        None: Text("Whether there was a second primary is not known.", "是否出现过第二台主库不明。"),
    }[one]


def figures(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the large figures: the outage (or how a refusal ended), what was lost, primaries, the kind."""
    measures, wanted = record["measures"], record["objectives"]
    outage, lost, rows = measures["outage"], measures["rpo_actual"], measures["rows"]
    main, refusal = main_run(record), wanted["expected_refusal"]
    invalid = record["verdict"]["result"] == "invalid"

    def figure(name: str, value: Text, *notes: Text, good: bool | None, words: bool = False) -> dict[str, Any]:
        tone = "" if good is None or invalid else "good" if good else "bad"
        return {"label": WORDS[name], "value": value, "notes": notes, "class_": f"{tone}{' text' if words else ''}"}

    if refusal is not None:
        code = "–" if main is None else main["exit_code"]
        value = Text("not run", "未执行") if main is None else RESULTS.get(main["result"], same(main["result"]))
        yield figure(
            "ending", value,
            Text(f"exit code {code}", f"退出码 {code}"),
            Text(f"required: {refusal} (refuse, promote nothing)", f"要求：{refusal}（拒绝执行，不提升任何主机）"),
            good=main is not None and main["exit_code"] == refusal, words=True,
        )  # fmt: skip
    else:
        limit = objective(wanted["rto"])
        note = Text(f"objective (RTO): at most {limit.en}", f"目标（RTO）：不超过 {limit.zh}")
        if outage is None:
            yield figure("outage", NONE, note, good=None)
        elif outage["end"] is None:
            yield figure("outage", Text("not back", "未恢复"), note, good=False)
        else:
            yield figure("outage", duration(outage["seconds"]), note, good=outage["seconds"] <= wanted["rto"])
    limit = objective(wanted["rpo"])
    note = (
        Text(f"objective (RPO): at most {limit.en}", f"目标（RPO）：不超过 {limit.zh}")
        if wanted["rpo"]
        else Text("objective (RPO): no write lost", "目标（RPO）：一笔不丢")
    )
    if not measures["keeps"]:
        yield figure("lost", Text("nothing", "无"), NOTHING_KEPT, good=None, words=True)
    elif lost is None:
        yield figure("lost", Text("not known", "不明"), note, good=None)
    else:
        of = f"{rows['acknowledged']:,}" if rows else "–"
        over = duration(lost["seconds"])
        span = Text(f", over {over.en}", f"，跨度 {over.zh}") if lost["writes"] else same("")
        yield figure(
            "lost", same(f"{lost['writes']:,}"),
            Text(f"of {of} acknowledged{span.en}", f"共确认 {of} 笔{span.zh}"), note,
            # Writes that are lost within the objective are no failure, and nothing to be proud of.
            good=True if lost["writes"] == 0 else None if 0 < wanted["rpo"] >= lost["seconds"] else False,
        )  # fmt: skip
    one, proved = measures["at_most_one_primary"], f"{measures['violations_proved']:,}"
    if measures["by_address"]:
        yield figure("on_address", *_on_address(measures), good=one, words=True)
    else:
        yield figure("primaries", *_primaries(one, proved), good=one, words=True)
    yield figure("kind", Text(**record["fidelity"]["kind"]["label"]), WORDS["nist"], good=None, words=True)


def _primaries(one: bool | None, proved: str) -> tuple[Text, Text]:
    said = {
        True: (Text("one at most", "最多一台"),
               Text("watched by writes straight to both hosts", "由直连两台主机的写入全程监测")),
        False: (Text("two", "两台"), Text(f"{proved} writes prove it", f"有 {proved} 笔写入为证")),
        None: (Text("not known", "不明"), Text("samples are missing", "样本不全")),
    }  # fmt: skip
    return said[one]


def _on_address(measures: Mapping[str, Any]) -> tuple[Text, Text]:
    if measures["at_most_one_primary"] is None:
        return Text("not known", "不明"), Text("samples are missing", "样本不全")
    if not measures["at_most_one_primary"]:
        proved = f"{measures['violations_proved'] + measures['overlaps_proved']:,}"
        return Text("two", "两台"), Text(f"{proved} answers prove it", f"有 {proved} 次应答为证")
    number = f"{sum(measures['answers'].values()):,}"
    return (
        Text("one at most", "最多一台"),
        Text(
            f"{number} answers on the network, none of a second host",
            f"网络上 {number} 次应答，无第二台主机",
        ),
    )


def compared(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the drawing of the outage against its objective; None when there is nothing to compare."""
    measures, wanted = record["measures"], record["objectives"]
    if wanted["expected_refusal"] is not None or measures["outage"] is None or wanted["rto"] <= 0:
        return None
    if record["verdict"]["result"] == "invalid":
        return None
    outage = measures["outage"]
    return {
        name: against(outage["seconds"], wanted["rto"], open_=outage["end"] is None, width=width)
        for name, width in WIDTHS.items()
    }


def loss(record: Mapping[str, Any]) -> Iterator[Text]:
    """Say what was lost, in sentences."""
    lost, rows = record["measures"]["rpo_actual"], record["measures"]["rows"]
    if not record["measures"]["keeps"]:
        yield Text(f"{NOTHING_KEPT.en[:1].upper()}{NOTHING_KEPT.en[1:]}.", f"{NOTHING_KEPT.zh}。")
        return
    if lost is None:
        yield Text(
            "The rows could not be compared with the acknowledgements, so nobody knows.",
            "数据行与确认记录无法比对，丢失情况不明。",
        )
        return
    if lost["writes"] == 0:
        yield Text(
            f"Nothing. Every one of the {rows['acknowledged']:,} writes that were acknowledged to any client is there."
            if rows
            else "Nothing.",
            f"没有丢失：向各客户端确认过的 {rows['acknowledged']:,} 笔写入全部在库。" if rows else "没有丢失。",
        )
    else:
        over = duration(lost["seconds"])
        number = count(lost["writes"], "acknowledged write is", "acknowledged writes are", "笔已确认的写入")
        yield Text(f"{number.en} gone, over {over.en}.", f"丢失 {number.zh}，时间跨度 {over.zh}。")
    if rows and rows["unknown_survived"]:
        number = count(rows["unknown_survived"], "write is", "writes are", "笔写入")
        yield Text(
            f"{number.en} there although the answer never came, which is allowed.",
            f"另有 {number.zh}未收到应答但已在库，属正常情况。",
        )
    if (repeated := repeated_words(record["measures"])) is not None:
        yield repeated


def lost_by(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give how much of each writer was lost."""
    lost = record["measures"]["rpo_actual"]
    routes = {each["writer"]: (each["from"], each["to"]) for each in record["samples"]}
    return [
        {
            "writer": writer,
            "count": f"{number:,}",
            "about": Text("{} to {}".format(*routes[writer]), "{} 至 {}".format(*routes[writer]))
            if writer in routes
            else same(""),
        }
        for writer, number in (lost["by_writer"].items() if lost else ())
    ]


def measures(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the table of all that was measured."""
    measures, wanted = record["measures"], record["objectives"]
    lost, later = measures["rpo_actual"], measures["longest_gap_afterwards"]

    def row(name: Text, limit: Text, got: float | None) -> dict[str, Any]:
        return {"name": name, "wanted": limit, "got": NONE if got is None else duration(got)}

    refusal = wanted["expected_refusal"] is not None
    limit = NONE if refusal else objective(wanted["rto"])
    yield row(WORDS["outage"], limit, measures["rto_actual"])
    yield row(Text("… from the fault to the trigger", "…从故障到触发"), NONE, measures["detection"])
    yield row(Text("… from the trigger until users are served", "…从触发到业务恢复"), NONE, measures["execution"])
    yield row(
        Text("… from the first journal record until users are served", "…从首条日志记录到业务恢复"), NONE,
        measures["first_record_to_first_write"],
    )  # fmt: skip
    times, together = measures["interruptions"], duration(measures["interrupted"])
    notable = f"{measures['notable']:.3g}"
    yield {
        "name": Text(f"Interruptions over {notable} s, until the recovery", f"恢复前超过 {notable} 秒的中断"),
        "wanted": NONE,
        "got": Text(f"{times}, {together.en} together", f"{times} 次，共 {together.zh}")
        if times
        else same("0"),
    }  # fmt: skip
    over = duration(lost["seconds"]) if lost else NONE
    yield {
        "name": WORDS["lost"],
        "wanted": objective(wanted["rpo"]),
        "got": Text("nothing kept", "不存数据")
        if not measures["keeps"]
        else Text("not known", "不明")
        if lost is None
        else Text(f"{lost['writes']:,}, over {over.en}", f"{lost['writes']:,} 笔，跨度 {over.zh}")
        if lost["writes"]
        else same("0"),
    }
    yield row(
        Text("Longest outage on the way back", "恢复原状期间的最长中断"), limit,
        None if later is None else later["seconds"],
    )  # fmt: skip


def resolution(record: Mapping[str, Any]) -> Iterator[Text]:
    """Say how fine the measurement was."""
    base = record["measures"]["baseline"]
    if base["gap"]["count"]:
        usual, most, gap = (
            duration(each) for each in (base["latency"]["p50"], base["latency"]["p99"], base["gap"]["max"])
        )
        yield Text(
            f"Before anything was wrong, users were answered within {usual.en} (median; 99 %: {most.en}), and the "
            f"longest time between two answers was {gap.en}: nothing shorter than that can be seen.",
            f"故障前应答时间中位数为 {usual.zh}（99%：{most.zh}），相邻应答最长间隔 {gap.zh}：更短的中断无法测出。",
        )
