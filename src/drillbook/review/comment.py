"""A review as the comment of a pull request: Markdown, the verdict first, short enough to be taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.review.authority_parts import changes_part, powers_part
from drillbook.review.markup import Md, code, fill
from drillbook.review.model import Verdict
from drillbook.review.parts import (
    Part,
    alone_part,
    cmdb_part,
    drills_part,
    findings_part,
    forbidden_part,
    inventories_part,
    others_part,
    present,
    procedures_part,
    services_part,
)
from drillbook.review.telling import ids
from drillbook.review.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drillbook.review.model import Review

MARK = "<!-- drillbook review -->"
"""The first line, by which the pipelines find their comment again."""
LIMIT = 65_000
"""Bytes; GitHub takes 65,536 characters."""
_RESERVE = 600  # bytes for what is said about what was left out

_ALERTS = {
    Verdict.INVALID: "CAUTION",
    Verdict.FORBIDDEN: "CAUTION",
    Verdict.LOOK: "WARNING",
    Verdict.PLAIN: "NOTE",
}


def comment(review: Review, language: str = "en", *, limit: int = LIMIT) -> str:
    """Give the comment.

    Args:
        review: the review.
        language: ``en`` or ``zh``.
        limit: bytes that it may have; what does not fit is left out, and said to be.

    Raises:
        UsageError: another language.
    """
    words = Words(language)
    head = _head(review, words)
    parts = present(
        (
            forbidden_part(review, words),
            powers_part(review, words),
            findings_part(review, words),
            changes_part(review, words),
            cmdb_part(review, words),
            services_part(review, words),
            alone_part(review, words),
            drills_part(review, words),
            procedures_part(review, words),
            inventories_part(review, words),
            others_part(review, words),
        )
    )
    if not parts:
        parts = [Part("", Md(words("nothing")))]
    return _fitted(head, parts, review, words, limit)


def meaning(review: Review, language: str = "en") -> str:
    """Give, as Markdown, only what the governed files of the two sides say: no verdict, no approvals, no evidence.

    Raises UsageError for another language.
    """
    words = Words(language)
    makers = (
        forbidden_part, powers_part, findings_part, cmdb_part, services_part, alone_part, procedures_part,
        inventories_part, others_part,
    )  # fmt: skip
    parts = present(make(review, words) for make in makers)
    return _joined("", parts or [Part("", Md(words("nothing")))]).lstrip("\n")


def _head(review: Review, words: Words) -> str:
    what = review.range
    verdict = words(review.verdict)
    if "{}" in verdict:
        verdict = verdict.format(words("v_by").join(_reasons(review, words)))
    lines = [f"> [!{_ALERTS[review.verdict]}]", f"> **{verdict}**"]
    compared = fill(words("compared"), head=_named(what.head_name, what.head), base=_base(review, words))
    lines += ["", compared]
    if what.moved_on:
        lines.append(fill(words("moved"), n=what.moved_on, old=what.old[:10], head=what.head[:10]))
    if what.both:
        lines.append(fill(words("moved_both"), files=ids(what.both, words, most=8)))
    if not review.pinned:
        lines.append(words("not_pinned"))
    return "\n".join([MARK, *lines])


def _base(review: Review, words: Words) -> Md:
    what = review.range
    if what.base_name:
        return _named(what.base_name, what.base)
    return Md(words("trusted") + words("brackets").format(code(what.base[:10])))


def _named(name: str, commit: str) -> Md:
    short = commit[:10]
    return code(short) if name in (commit, short) else Md(f"{code(name)} ({code(short)})")


def _reasons(review: Review, words: Words) -> Iterator[str]:
    """Give what an approver must know, the worst first."""
    if not review.valid:
        yield words.counted("v_findings", len(review.new) + len(review.kept))
    for rule in dict.fromkeys(each.rule for each in review.forbidden):
        yield words(f"f_{rule}")
    if review.powers:
        yield words("v_powers")
    if review.weaker:
        yield words.counted("v_weaker", review.weaker)
    if review.valid and review.new:
        yield words.counted("v_new", len(review.new))
    if review.unaccepted:
        yield words.counted("v_alone", review.unaccepted)
    if review.stale:
        yield words.counted("v_stale", len(review.stale))
    wanting = sum(not each.ready for each in review.proposals.each)
    if wanting:
        yield words.counted("v_wanting", wanting)
    if review.proposals.uncovered:
        yield words("v_uncovered")
    if review.range.both:
        yield words("v_both")


def _fitted(head: str, parts: Sequence[Part], review: Review, words: Words, limit: int) -> str:
    """Put the parts together: folds are left out first, from the last part on, then whole parts."""
    kept = list(parts)
    left_out: list[str] = []
    while _size(head, kept) > limit - (_RESERVE if left_out else 0):
        place = next((at for at in reversed(range(len(kept))) if kept[at].folds), None)
        if place is not None:
            folds = kept[place].folds[:-1]
            kept[place] = replace(kept[place], folds=folds)
            left_out.append(kept[place].title)
        elif len(kept) > 1:
            left_out.append(kept.pop().title)
        else:
            body = kept[0].body.encode()[: limit // 2].decode("utf-8", "ignore").rpartition("\n")[0]
            kept = [Part(kept[0].title, Md(body))]
            left_out.append(kept[0].title)
            break
    text = _joined(head, kept)
    if left_out:
        command = f"`./inv changes.review --base {review.range.base[:10]} --head {review.range.head[:10]} --json`"
        what = ", ".join(dict.fromkeys(left_out))
        text += "\n" + words("cut").format(most=f"{limit:,}", what=what, command=command) + "\n"
    return text


def _joined(head: str, parts: Sequence[Part]) -> str:
    blocks = [head]
    for part in parts:
        title = f"#### {part.title}\n\n" if part.title else ""
        blocks.append("\n\n".join([f"{title}{part.body}", *part.folds]))
    return "\n\n".join(blocks) + "\n"


def _size(head: str, parts: Sequence[Part]) -> int:
    return len(_joined(head, parts).encode())
