"""Whose approval counts: really signed, and refused for every other reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.canonical import digest_bytes
from drillbook.change.records.model import ChangeRecord, moment
from drillbook.change.records.record import record_from_files
from drillbook.change.records.strict import encoded
from drillbook.change.trust.approval import valid_approvals, verify_request, verify_result
from drillbook.errors import Refused
from drillbook.signing.keys import Signers
from drillbook.signing.sign import Signer
from tests.change_values import CHANGE, REPOSITORY, approval, bound, request, result
from tests.repo_values import new_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.change.trust.base import Base

NOW = moment("2026-11-23T20:30:00Z")
NAMES = ("ann", "ben", "cid", "dan", "eve")
Data = dict[str, Any]


class _Keys:
    """Keys of people, and a base that knows them."""

    def __init__(self, folder: Path) -> None:
        self.keys = {name: new_key(folder, name) for name in (*NAMES, "ben-2")}

    def sign(self, who: str, data: bytes, namespace: str) -> bytes:
        return Signer(who, self.keys[who].public, self.keys[who].file).sign(data, namespace=namespace)

    def base(self, **more: list[Any]) -> Any:
        people = {name: [self.keys[name].public] for name in NAMES if name != "eve"}
        return _Base(REPOSITORY, Signers.of({**people, **more}))


class _Base:
    """The part of a base that signatures need."""

    def __init__(self, repository: str, signers: Signers) -> None:
        self.repository = repository
        self.signers = signers


@pytest.fixture
def keys(tmp_path: Path) -> _Keys:
    return _Keys(tmp_path)


def record(
    keys: _Keys,
    *,
    approvals: Mapping[str, Data] | None = None,
    by: Mapping[str, str] | None = None,
    namespace: str = "drillbook-approval",
    asked: Data | None = None,
    signed: bytes | None = None,
) -> ChangeRecord:
    """Give a change that ann asked for. ``by``: whose key signs in another's name; ``signed``: other bytes."""
    asked = asked or request()
    planned = bound(request=digest_bytes(encoded(asked)))
    files = {
        "request.json": encoded(asked),
        "request.sig": keys.sign("ann", encoded(asked), "drillbook-request"),
        "plan.json": encoded(planned),
    }
    for person, value in ({"ben": approval("ben", of=planned)} if approvals is None else approvals).items():
        data = encoded(value)
        files[f"approvals/{person}.json"] = data
        files[f"approvals/{person}.sig"] = keys.sign((by or {}).get(person, person), signed or data, namespace)
    return record_from_files(files, folder=Path(CHANGE))


def test_an_approval_that_is_signed_counts(keys: _Keys) -> None:
    found = valid_approvals(record(keys), keys.base(), at=NOW)
    assert list(found.by) == ["ben"]
    assert found.refused == {}


def why(keys: _Keys, of: ChangeRecord, *, base: Base | None = None, at: datetime = NOW, person: str = "ben") -> str:
    found = valid_approvals(of, base or keys.base(), at=at)
    assert person not in found.by
    return found.refused[person]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"digest": "sha256:" + "0" * 64}, "for another plan"),
        ({"environment": "production"}, "for another environment (production)"),
        ({"environment": ""}, "for another environment (none)"),
        ({"expires": "2026-11-23T20:30:00Z"}, "it expired at 2026-11-23T20:30:00Z"),
        ({"approved_at": "2026-11-23T21:00:00Z"}, "later than now: a clock is wrong"),
        ({"approved_at": "2026-11-20T21:00:00Z"}, "before the change was asked for"),
    ],
)
def test_an_approval_of_something_else_does_not_count(keys: _Keys, fields: Data, said: str) -> None:
    assert said in why(keys, record(keys, approvals={"ben": approval("ben", **fields)}))


def test_the_requesters_own_approval_does_not_count(keys: _Keys) -> None:
    of = record(keys, approvals={"ann": approval("ann")})
    assert "who asks for a change does not approve it" in why(keys, of, person="ann")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"namespace": "drillbook-request"}, "made for drillbook-request, not for drillbook-approval"),
        ({"by": {"ben": "cid"}}, "made with the key of cid"),
        ({"by": {"ben": "eve"}}, "a key that the trusted base does not know"),
        ({"signed": b"other bytes"}, "does not fit these bytes"),
    ],
)
def test_a_wrong_signature_does_not_count(keys: _Keys, how: Any, said: str) -> None:
    assert said in why(keys, record(keys, **how))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"revoked": "2026-11-01"}, "was revoked on 2026-11-01"),
        # Revoked after it was signed: a stolen key can sign with any date.
        ({"revoked": "2026-11-23"}, "was revoked on 2026-11-23"),
        ({"until": "2026-11-21"}, "ended on 2026-11-21"),
        # A key that was enrolled later signs nothing in the past.
        ({"from": "2026-11-23"}, "counts only from 2026-11-23 on"),
    ],
)
def test_a_key_must_count_when_it_signs_and_now(keys: _Keys, limits: Data, said: str) -> None:
    base = keys.base(ben=[{"key": keys.keys["ben"].public, **limits}])
    assert said in why(keys, record(keys), base=base)


def test_one_key_counts_once(keys: _Keys) -> None:
    """The same person cannot sign under two names, with one key or with two."""
    of = record(keys, approvals={"ben": approval("ben"), "cid": approval("cid")}, by={"cid": "ben"})
    found = valid_approvals(of, keys.base(), at=NOW)
    assert list(found.by) == ["ben"]
    assert "made with the key of ben" in found.refused["cid"]
    both = keys.base(ben=[keys.keys["ben"].public, keys.keys["ben-2"].public])
    of = record(keys, approvals={"ben": approval("ben"), "cid": approval("cid")}, by={"cid": "ben-2"})
    assert list(valid_approvals(of, both, at=NOW).by) == ["ben"]


def test_an_approval_of_another_repository_does_not_count(keys: _Keys) -> None:
    """Files of two repositories in one change are refused at reading; a whole one is refused here."""
    base = keys.base()
    base.repository = "f" * 40
    with pytest.raises(Refused, match="requested in another repository"):
        valid_approvals(record(keys), base, at=NOW)


def test_reviews_and_approvals_are_not_taken_for_each_other(keys: _Keys) -> None:
    review = approval("ben", what="review", verdict="accepted", reason="It had to be")
    of = record(keys, approvals={"ben": review, "cid": approval("cid")})
    assert list(valid_approvals(of, keys.base(), at=NOW).by) == ["cid"]
    assert list(valid_approvals(of, keys.base(), at=NOW, what="review").by) == ["ben"]


def test_a_request_that_another_signed_is_refused(keys: _Keys) -> None:
    of = record(keys)
    forged = replace(of, request_sig=keys.sign("cid", of.request.raw, "drillbook-request"))
    with pytest.raises(Refused, match="made with the key of cid"):
        verify_request(forged, keys.base())
    with pytest.raises(Refused, match="made with the key of cid"):
        valid_approvals(forged, keys.base(), at=NOW)


def test_a_requesters_key_that_is_revoked_by_now_is_refused_before_a_run(keys: _Keys) -> None:
    base = keys.base(ann=[{"key": keys.keys["ann"].public, "revoked": "2026-11-23"}])
    of = record(keys)
    assert verify_request(of, base).person == "ann"
    with pytest.raises(Refused, match="revoked"):
        verify_request(of, base, at=NOW)


def test_a_result_is_signed_by_who_closed_it(keys: _Keys) -> None:
    data = encoded(result())
    files = {
        "request.json": encoded(request()),
        "request.sig": keys.sign("ann", encoded(request()), "drillbook-request"),
        "plan.json": encoded(bound()),
        "result.json": data,
        "result.sig": keys.sign("ann", data, "drillbook-result"),
    }
    assert verify_result(record_from_files(files, folder=Path(CHANGE)), keys.base()).person == "ann"
    files["result.sig"] = keys.sign("ben", data, "drillbook-result")
    with pytest.raises(Refused, match="key of ben"):
        verify_result(record_from_files(files, folder=Path(CHANGE)), keys.base())
    with pytest.raises(Refused, match="is not closed"):
        verify_result(record(keys), keys.base())


def test_just_before_it_expires_it_counts(keys: _Keys) -> None:
    of = record(keys, approvals={"ben": approval("ben", expires="2026-11-23T20:30:00Z")})
    assert list(valid_approvals(of, keys.base(), at=NOW - timedelta(seconds=1)).by) == ["ben"]
