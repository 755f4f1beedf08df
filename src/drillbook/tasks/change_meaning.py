"""What a change of the configuration means, for whoever signs it: in words, made from the files that are signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.change.records.words import ChangeWords
from drillbook.clock import SystemClock
from drillbook.console.markdown_view import show_markdown
from drillbook.console.output import console
from drillbook.errors import Refused
from drillbook.repo.tree import tree_digest
from drillbook.review.authority import Authority
from drillbook.review.comment import meaning
from drillbook.review.compose import make_review
from drillbook.review.range import Range
from drillbook.zone import local_zone

if TYPE_CHECKING:
    from drillbook.change.records.model import Move
    from drillbook.tasks.change_wiring import Here


def show_meaning(move: Move, at: Here, head: str, *, language: str) -> None:
    """Print what the move from the base to the commit ``head`` brings.

    What is signed are digests; whoever signs them shall not have to believe that they are of the files they looked at.
    So both sides are read from the commits whose governed files have the very digests that are signed; what lies beside
    them (records of drills, changes) is not told of. Raises Refused when the commits have other files.
    """
    base = at.base.commit
    if (tree_digest(at.repo, base), tree_digest(at.repo, head)) != (move.old, move.new):
        raise Refused(
            f"the commits {base[:12]} and {head[:12]} do not have the files that would be signed; nothing was signed",
            remedy="look at the commit that was planned: --head COMMIT",
        )
    # From the base itself, and not from where the two branched off: so it is what is signed.
    what = Range(base=base, head=head, old=base, base_name="", head_name=head, moved_on=0, both=())
    authority = Authority(at.base, pinned=True, valid=True, at=SystemClock().now(), zone=local_zone())
    text = meaning(make_review(at.repo, what, authority), language)
    words = ChangeWords(language)
    console.print(words("meaning", old=move.old[:19], new=move.new[:19]), style="bold")
    console.print()
    if console.is_terminal:
        show_markdown(text, console)
    else:
        console.write(text)
    console.print()
