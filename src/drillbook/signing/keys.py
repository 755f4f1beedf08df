"""The keys that people sign with: whose each is, and from when until when it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.signing.verify import check_signature
from drillbook.signing.wire import Malformed, read_public_key, read_signature
from drillbook.text import NAME, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A person's public key (``ssh-ed25519 AAAA…``). Days are in UTC; None: no such limit.

    It counts from the beginning of ``begins`` to the end of ``ends``, and not from the beginning of ``revoked`` on.
    """

    person: str
    key: str
    begins: date | None = None
    ends: date | None = None
    revoked: date | None = None

    def why_not(self, at: datetime) -> str | None:
        """Say why it does not count at a moment, or give None."""
        day = at.astimezone(UTC).date()
        if self.revoked is not None and day >= self.revoked:
            return f"was revoked on {self.revoked}"
        if self.begins is not None and day < self.begins:
            return f"counts only from {self.begins} on"
        if self.ends is not None and day > self.ends:
            return f"ended on {self.ends}"
        return None

    def allowed_signers_line(self) -> str:
        """Give its line for ``ssh-keygen -Y verify -f``; made of checked parts alone."""
        last = min((day for day in (self.revoked, self.ends and self.ends + timedelta(days=1)) if day), default=None)
        limits = [("valid-after", self.begins), ("valid-before", last)]
        options = ['namespaces="drillbook-*"', *(f'{name}="{day:%Y%m%d}Z"' for name, day in limits if day is not None)]
        return f"{self.person} {','.join(options)} {self.key}\n"


class Signers:
    """Everybody who can sign, with their keys."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        """Take the keys. Raises Refused for a key that two people have: nobody could say who signed."""
        self.keys = tuple(keys)
        self._by_key: dict[str, SigningKey] = {}
        for each in self.keys:
            first = self._by_key.setdefault(each.key, each)
            if first is not each:
                raise Refused(
                    f"one signing key stands twice, with {first.person} and with {each.person}",
                    remedy="each key belongs to one person, and stands there once",
                )

    @classmethod
    def of(cls, people: Mapping[str, Sequence[str | Mapping[str, object]]]) -> Signers:
        """Read ``signing_keys`` of people by their ids: texts, or maps of key, from, until and revoked.

        Raises Refused for what is no key, no id or no date; the CMDB's schema says it earlier, with file and line.
        """
        return cls(_read(person, each) for person, keys in people.items() for each in keys)

    def owner(self, public_key: str) -> str | None:
        """Give the id of the person whose key it is (a comment may follow it), or None."""
        found = self.find(public_key)
        return found.person if found is not None else None

    def find(self, public_key: str) -> SigningKey | None:
        """Give what is known of a key, or None."""
        try:
            return self._by_key.get(read_public_key(public_key))
        except Malformed:
            return None

    def of_person(self, person: str) -> tuple[SigningKey, ...]:
        """Give a person's keys."""
        return tuple(each for each in self.keys if each.person == person)

    def allowed_signers(self) -> str:
        """Give the file that ssh-keygen takes, a line for each key, sorted by person. Dates need OpenSSH 9.1."""
        return "".join(sorted(each.allowed_signers_line() for each in self.keys))

    def verify(self, data: bytes, signature: bytes, *, namespace: str, person: str, at: datetime) -> SigningKey:
        """Give the key with which ``person`` signed these bytes for this purpose, when it counts at ``at``.

        ``at`` is the moment that the caller goes by. A key that is stolen can sign with any date in the text, so who
        lets something happen asks for now, and for the date in the text too. Raises Refused: why.
        """
        whose = f"the signature of {visible(person, limit=64)}"
        try:
            said = read_signature(signature)
        except Malformed as error:
            raise Refused(f"{whose} {error}") from None
        if said.namespace != namespace:
            raise Refused(f"{whose} was made for {visible(said.namespace, limit=64)}, not for {namespace}")
        key = self._by_key.get(said.public_key)
        if key is None:
            raise Refused(f"{whose} was made with a key that the trusted base does not know")
        if key.person != person:
            raise Refused(f"{whose} was made with the key of {key.person}")
        if (reason := key.why_not(at)) is not None:
            raise Refused(f"{whose} was made with a key that {reason}")
        check_signature(data, signature, namespace=namespace, person=person, public_key=key.key)
        return key


def _read(person: str, entry: str | Mapping[str, object]) -> SigningKey:
    if NAME.fullmatch(person) is None:
        raise Refused(f"'{visible(person, limit=64)}' cannot be the id of a person who signs")
    fields: Mapping[str, object] = {"key": entry} if isinstance(entry, str) else entry
    text = fields.get("key")
    try:
        if not isinstance(text, str):
            raise Malformed("is no text")
        return SigningKey(person, read_public_key(text), *(_day(fields.get(name)) for name in _LIMITS))
    except ValueError as error:
        raise Refused(f"a signing key of {person} {error}", remedy="ssh-keygen -t ed25519 makes one") from None


_LIMITS = ("from", "until", "revoked")


def _day(value: object) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if not isinstance(value, str):
        raise ValueError("has a date that is none")  # noqa: TRY004 - one kind for all that is wrong with a key
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"has the date '{visible(value, limit=40)}', which is none; write 2027-06-30") from None
