"""The parts of a comment about authority: what changes who may approve, and the changes that wait for approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.change.records.render import change_page
from drillbook.review.markup import Md, bullets, code, fence, fill, folded, joined
from drillbook.review.parts import Part, listed
from drillbook.review.telling import ids, value
from drillbook.runbook.page import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drillbook.change.records.difference import Line
    from drillbook.change.trust.authority import Missing
    from drillbook.review.guarded import Power
    from drillbook.review.model import Review
    from drillbook.review.proposals import Proposal
    from drillbook.review.words import Words

_PLAN_LINES = 150
_DIFFERENCES = 20


def powers_part(review: Review, words: Words) -> Part | None:
    """Set out what changes who may approve."""
    lines = [line for each in review.powers for line in _power(each, words)]
    return Part(words("s_powers"), listed(lines, words)) if lines else None


def _power(power: Power, words: Words) -> Iterator[Md]:
    who = power.about[0]
    match power.kind:
        case "roles":
            if power.new:
                yield fill(words("p_gain"), who=who, roles=ids(power.new, words))
            if power.old:
                yield fill(words("p_lose"), who=who, roles=ids(power.old, words))
        case "key":
            told = [f"+ {code(each)}" for each in power.new] + [f"− {code(each)}" for each in power.old]
            yield fill(words("p_key"), who=who, what=Md(", ".join(told)))
        case "person" if power.old is None:
            yield fill(words("p_person_new"), who=who, what=value(power.new, words))
        case "person" if power.new is None:
            yield fill(words("p_person_gone"), who=who, what=value(power.old, words))
        case "person":
            yield fill(words("p_person_renamed"), old=power.old, new=power.new)
        case "policy" | "environment" | "lab" | "tier":
            what = joined(map(code, power.about), " ")
            yield fill(words(f"p_{power.kind}"), what=what, old=value(power.old, words), new=value(power.new, words))
        case _:
            yield fill(words(f"p_{power.kind}"), what=ids(power.about, words, most=8))


def changes_part(review: Review, words: Words) -> Part | None:
    """Say of each change what it is, who approved it, what is missing, and whether its plan holds."""
    found = review.proposals
    blocks = [_proposal(each, words) for each in found.each[:_DIFFERENCES]]
    if len(found.each) > _DIFFERENCES:
        blocks.append(Md(words.counted("and_more", len(found.each) - _DIFFERENCES)))
    if found.uncovered:
        wanted = bullets([_missing(each, words) for each in found.missing])
        blocks.append(Md(f"**{words.counted('c_uncovered', found.uncovered)}**\n{wanted}".strip()))
    folds = tuple(fold for each in found.each[:_DIFFERENCES] for fold in _folds(each, words))
    return Part(words("s_changes"), joined(blocks, "\n\n"), folds) if blocks else None


def _proposal(proposal: Proposal, words: Words) -> Md:
    record = proposal.record
    if record is None:
        lines = [code(str(each), limit=400) for each in proposal.findings] or [code(proposal.refusal, limit=400)]
        return Md(f"{code(proposal.id)}{words('colon')}**{words('c_broken')}**\n{listed(lines, words)}")
    request = record.request
    subject = request.subject
    what = (
        fill(words("c_runbook"), runbook=subject.runbook, environment=subject.environment)
        if subject.kind == "runbook"
        else Md(words("c_configuration"))
    )
    head = fill(
        words("c_head"), id=request.change, type=Md(words(f"c_{request.type}")), risk=Md(words(f"c_{request.risk}")),
        what=what, who=request.requested_by, reason=code(request.reason, limit=300),
    )  # fmt: skip
    lines = list(_standing(proposal, words))
    return Md(f"{head}\n{listed(lines, words)}" if lines else head)


def _standing(proposal: Proposal, words: Words) -> Iterator[Md]:
    record = proposal.record
    assert record is not None
    if proposal.closed:
        assert record.result is not None
        yield fill(words("c_closed"), result=record.result.result)
        return
    if proposal.refusal:
        yield Md(f"**{words('c_refused')}**{words('colon')}{code(proposal.refusal, limit=400)}")
    if record.bound is None:
        yield Md(f"**{words('c_unplanned')}**")
    if proposal.by:
        yield fill(words("c_by"), who=ids(proposal.by, words))
    for person, why in proposal.refused.items():
        yield fill(words("c_not_counted"), who=person, why=code(why, limit=300))
    for each in proposal.missing:
        yield _missing(each, words)
    if not proposal.missing and not proposal.refusal and record.bound is not None:
        yield Md(words("c_enough"))
    if proposal.trouble:
        yield Md(f"**{words('c_trouble')}**{words('colon')}{code(proposal.trouble, limit=400)}")
    if proposal.drift:
        yield Md(f"**{words('c_drift')}**{words('colon')}{_differences(proposal.drift, words)}")
    if proposal.forged:
        yield Md(f"**{words('c_forged')}**")
    if proposal.replanned:
        yield Md(f"{words('c_replanned')}{words('colon')}{_differences(proposal.replanned, words)}")
    if record.request.window is not None:
        window = record.request.window
        yield fill(
            words("c_window"), begins=Md(f"{window.begins:%Y-%m-%d %H:%M}"), ends=Md(f"{window.ends:%Y-%m-%d %H:%M}")
        )
    if proposal.freeze is not None:
        freeze = proposal.freeze
        yield fill(words("c_freeze"), id=freeze.id, until=Md(freeze.last.isoformat()))
    if proposal.duty:
        yield fill(words("c_duty"), who=ids(proposal.duty, words, most=8))


def _missing(missing: Missing, words: Words) -> Md:
    rule = missing.rule
    told = fill(
        words("c_missing"), rule=rule.name, wanted=missing.wanted, have=len(missing.have),
        roles=ids(sorted(rule.approved_by), words), could=ids(missing.who_could, words, most=5),
    )  # fmt: skip
    return Md(f"**{told}**") if not missing.who_could else told


def _differences(lines: Sequence[Line], words: Words) -> Md:
    told = [f"{code(each.where)} {code(each.approved)} → {code(each.would_run)}" for each in lines[:_DIFFERENCES]]
    if len(lines) > _DIFFERENCES:
        told.append(words.counted("and_more", len(lines) - _DIFFERENCES))
    if len(told) <= 2:  # noqa: PLR2004 - as many are still read in a line
        return Md("; ".join(told))
    return Md(f"<details><summary>{words('which')}</summary>{'<br>'.join(told)}</details>")


def _folds(proposal: Proposal, words: Words) -> Iterator[Md]:
    record = proposal.record
    if record is None or record.bound is None:
        return
    page: Any = as_text(change_page(record.request, record.bound, words.language)).split("\n")
    summary = fill(words("c_plan"), id=record.id, digest=record.bound.digest)
    yield folded(summary, fence(page, "text", most=_PLAN_LINES, left_out=words("lines_more")))
