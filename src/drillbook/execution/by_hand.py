"""What two people state of a host that power control could not be proved to have switched off. In break-glass alone.

Their word stands in place of what power control says, and of nothing else: a witness must look, and see silence,
before they are asked and after it; and against power control that says ``on`` nobody's word counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json
from drillbook.clock import timestamp
from drillbook.errors import DrillbookError, FencingNotProved, Refused
from drillbook.execution.fence import look
from drillbook.hosts.power import PowerState
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.clock import Clock
    from drillbook.hosts.connection import Hosts
    from drillbook.hosts.power import PowerDriver
    from drillbook.journal.record import Record
    from drillbook.plan.model import FenceRun, Target
    from drillbook.signing.sign import Signer

NAMESPACE = "drillbook-fence"
LABEL = "fenced by hand, not proved"


@dataclass(frozen=True, slots=True)
class FencedByHand:
    """That ``item`` was switched off by hand, say two people with keys on record. Raises Refused when it is one."""

    item: str
    executor: Signer
    second: Signer

    def __post_init__(self) -> None:
        """Two different people, with two different keys."""
        if self.executor.person == self.second.person or self.executor.public_key == self.second.public_key:
            raise Refused(
                f"{self.executor.person} cannot be their own second person: what two people saw counts",
                remedy="--witness FILE with the key of another person of the trusted base",
            )

    @property
    def statement(self) -> str:
        """What each of them states, in words."""
        return f"{self.item} is switched off; I saw it"

    @property
    def words(self) -> str:
        """The same as one line for whoever reads of it."""
        return f"“{self.statement}”, say {self.executor.person} and {self.second.person}: {LABEL}"

    def signed(self, facts: Mapping[str, str]) -> list[dict[str, str]]:
        """Give what each of them signed: the statement's text, canonical JSON, and the signature.

        ``facts`` are what it is about: run, change, repository, step, address, time. Raises MissingPrerequisite.
        """
        found = []
        for signer in (self.executor, self.second):
            value = {**facts, "format": 1, "what": "fenced by hand", "person": signer.person, "says": self.statement}
            raw = canonical_json(value) + b"\n"
            signature = signer.sign(raw, namespace=NAMESPACE).decode()
            found.append({"person": signer.person, "text": raw.decode(), "signature": signature})
        return found


def stand_in(
    by_hand: FencedByHand,
    action: FenceRun,
    why: FencingNotProved,
    *,
    target: Target,
    driver: PowerDriver,
    hosts: Hosts,
    clock: Clock,
    facts: Mapping[str, str],
) -> dict[str, Any]:
    """Give what stands in place of a proof, as a JSON value for the journal. ``why`` says why there is none.

    Raises FencingNotProved when power control says that the host is on, a witness gets an answer from it, or none
    could look; and when one of the two cannot sign.
    """
    if by_hand.item != action.item:
        raise why
    _require_silent(action, why, target=target, driver=driver, hosts=hosts)
    try:
        said = by_hand.signed({**facts, "item": action.item, "address": target.address, "time": timestamp(clock.now())})
    except DrillbookError as error:
        raise FencingNotProved(f"{action.item}: {why.message}; {error.message}", remedy=error.remedy) from None
    power, seen = _require_silent(action, why, target=target, driver=driver, hosts=hosts)
    return {
        "by_hand": said,
        "label": LABEL,
        "not_proved": why.message,
        "power": power,
        "witnesses": seen,
        "ports": list(action.ports),
    }


def _require_silent(
    action: FenceRun, why: FencingNotProved, *, target: Target, driver: PowerDriver, hosts: Hosts
) -> tuple[str, dict[str, list[int] | None]]:
    try:
        power = str(driver.state())
    except DrillbookError as error:
        power = f"no answer: {error.message}"
    if power == PowerState.ON:
        raise FencingNotProved(
            f"power control says that {action.item} is on, and nobody's word stands against that ({why.message})",
            remedy=why.remedy,
        )
    seen = look(action, target, hosts)
    for item, ports in seen.items():
        if ports:
            raise FencingNotProved(
                f"{action.item} is not off: {item} still gets an answer from it on port {', '.join(map(str, ports))}, "
                f"and nobody's word stands against that ({why.message})",
                remedy=why.remedy,
            )
    if all(ports is None for ports in seen.values()):
        raise FencingNotProved(
            f"no witness could look whether {action.item} is silent ({', '.join(action.witnesses)}), and what two "
            f"people say stands in place of power control alone ({why.message})",
            remedy=why.remedy,
        )
    return power, seen


def by_hand_line(record: Record) -> str | None:
    """Say what people stated, when a record is of a fence that was taken as done by hand; None: it is not."""
    said = (record.data.get("evidence") or {}).get("by_hand") if record.kind == "step.ended" else None
    if not said:
        return None
    people = " and ".join(visible(str(each["person"]), limit=64) for each in said)
    return f"{LABEL}: it is switched off, say {people}; {visible(str(record.data['evidence']['not_proved']))}"
