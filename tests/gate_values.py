"""What the gate is asked in tests: people with real keys, a small trusted base, and changes that they signed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest_bytes
from drillbook.change.gate.gate import Around, LabHost
from drillbook.change.records.model import APPROVAL_NAMESPACE, REQUEST_NAMESPACE
from drillbook.change.records.record import record_from_files
from drillbook.change.records.strict import encoded
from drillbook.change.trust.base import Base
from drillbook.change.trust.pin import Place
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.signing.keys import Signers
from drillbook.signing.sign import Signer
from tests import change_values as values
from tests.repo_values import new_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.change.gate.emergency import Emergency
    from drillbook.change.records.model import ChangeRecord

Data = dict[str, Any]

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
"""In the window of ``change_values.request``."""

PEOPLE = {
    "ann": ["operate"],
    "ben": ["approve"],
    "cem": ["approve", "manage"],
    "dan": ["operate"],
    "eve": ["audit"],
    "fay": ["operate", "approve"],
}

POLICIES: Data = {
    "approvals": {
        "rules": {
            "rehearsal-runs": {
                "subjects": ["runbook"], "environments": ["rehearsal"], "types": ["normal"], "approvals": 1,
                "requested_by": ["operate", "approve"], "approved_by": ["approve"], "run_by": ["operate"],
                "valid_for": "14 d",
            },
            "tier-one": {
                "subjects": ["runbook"], "tiers": [1], "approvals": 1, "approved_by": ["manage"],
                "requested_by": ["operate"], "run_by": ["operate"], "valid_for": "7 d",
            },
            "firewalls": {
                "subjects": ["runbook"], "classes": ["firewall"], "approvals": 2, "approved_by": ["approve"],
                "run_by": ["operate"], "requested_by": ["operate"],
            },
            "files": {
                "subjects": ["configuration"], "approvals": 1, "requested_by": ["operate"], "approved_by": ["approve"],
            },
            "people": {
                "subjects": ["configuration"], "paths": ["src/", "cmdb.d/people.yaml"], "approvals": 2,
                "requested_by": ["operate"], "approved_by": ["approve"],
            },
            "firewall-files": {
                "subjects": ["configuration"], "classes": ["firewall"], "approvals": 3,
                "requested_by": ["operate"], "approved_by": ["approve"],
            },
        },
    },
    "pre-approved": {
        "changes": {
            "monthly": {
                "runbook": "RB-SWITCHOVER", "environment": "rehearsal", "parameters": {"pair": "db-pair"},
                "from": "2026-11-01", "until": "2026-11-30", "run_by": ["operate"],
            },
        },
    },
    "emergencies": {
        "at_most": 2, "within": "30 d", "review_within": "3 d", "run_by": ["operate"], "approved_by": ["approve"],
    },
    "freeze-periods": {
        "periods": {
            "year-end": {
                "title": {"en": "Year end", "zh": "年终"}, "from": "2026-12-24", "until": "2027-01-05",
                "environments": ["rehearsal"], "on_duty": ["cem"],
            },
        },
    },
}  # fmt: skip

SAMPLE: Data = {
    "environments": {
        "lab": {"kind": "lab"},
        "rehearsal": {"kind": "rehearsal", "addresses_of": "lab"},
        "production": {"kind": "production"},
    },
    "config_items": {
        "db-1": {
            "class": "host",
            "addresses": {"lab": "10.213.0.11", "production": "10.1.0.11"},
            "power": {"lab": {"kind": "lab"}},
            "host_keys": {"production": ["ssh-ed25519 AAAAproduction of db-1"]},
        },
        "db-2": {"class": "host", "addresses": {"lab": "10.213.0.12"}, "power": {"lab": {"kind": "lab"}}},
        "fw-1": {"class": "firewall", "addresses": {"production": "10.1.0.1"}},
    },
    "services": {
        "ledger": {"tier": 2, "provided_by": ["db-1", "db-2"]},
        "reports": {"tier": 3, "provided_by": [], "depends_on": ["ledger"]},
        "mail": {"tier": 1, "provided_by": ["fw-1"]},
    },
    "protections": {"db-pair": {"service": "ledger"}},
}

LAB = {"db-1": LabHost("10.213.0.11", "ssh-ed25519 AAAAlab1"), "db-2": LabHost("10.213.0.12", "ssh-ed25519 AAAAlab2")}


@cache
def signer(person: str) -> Signer:
    """Give a person's real key, made once for all tests of a process."""
    key = new_key(Path(mkdtemp(prefix="drillbook-key-")), person)
    return Signer(person, key.public, key.file)


def cmdb(*, policies: Mapping[str, Any] | None = None, **sections: Any) -> Cmdb:
    """Give the base's CMDB; sections and policies that are named replace those of the sample."""
    people = {id_: {"roles": roles, "duty": None} for id_, roles in PEOPLE.items()}
    content = {**copy.deepcopy(SAMPLE), "people": people, "policies": {**POLICIES, **(policies or {})}, **sections}
    made = []
    for name in SECTIONS:
        entries = {id_: Entry(name, id_, fields, "cmdb.yaml", 1) for id_, fields in content.get(name, {}).items()}
        made.append(Section(name, entries))
    return Cmdb("Example", *made, digest="sha256:00")


def base(*, keys: Mapping[str, Any] | None = None, **changes: Any) -> Base:
    """Give a trusted base. ``keys``: limits of people's keys, such as {"ben": {"revoked": "2026-11-01"}}."""
    limits = keys or {}
    people = {person: [{"key": signer(person).public_key, **limits.get(person, {})}] for person in PEOPLE}
    return Base(
        repository=values.REPOSITORY,
        commit="c" * 40,
        digest="sha256:" + "d" * 64,
        folder=Path("/nowhere"),
        remote="",
        committed_at=datetime(2026, 11, 1, tzinfo=UTC),
        signers=Signers.of(people),
        cmdb=cmdb(**changes),
        engine=values.ENGINE,
        ledger="",
        place=Place(Path("/nowhere/pin.json"), Path("/nowhere")),
    )


def around(
    of: Base | None = None, *, at: datetime = NOW, known: tuple[Emergency, ...] = (), lab: Mapping[str, Any] = LAB
) -> Around:
    return Around(base=of or base(), at=at, zone=UTC, known=known, lab=lab)


def record(
    *,
    request: Data | None = None,
    plan: Data | None = None,
    approvals: Mapping[str, Data] | None = None,
    signed_by: Mapping[str, str] | None = None,
    namespaces: Mapping[str, str] | None = None,
    result: Data | None = None,
) -> ChangeRecord:
    """Give a change as people signed it.

    ``approvals``: by person, fields that differ from a right approval. ``signed_by``: by person (or ``request``), whose
    key signed in their place. ``namespaces``: the purpose that they signed for in place of the right one.
    """
    asked = request or values.request()
    raw = encoded(asked)
    if plan is None:
        plan = values.bound(request=digest_bytes(raw))
    keys, purposes = signed_by or {}, namespaces or {}
    files = {
        "request.json": raw,
        "request.sig": signer(keys.get("request", asked["requested_by"])).sign(
            raw, namespace=purposes.get("request", REQUEST_NAMESPACE)
        ),
        "plan.json": encoded(plan),
    }
    for person, fields in ({"ben": {}} if approvals is None else approvals).items():
        data = encoded(values.approval(person, of=plan, **{"change": asked["change"], **fields}))
        files[f"approvals/{person}.json"] = data
        files[f"approvals/{person}.sig"] = signer(keys.get(person, person)).sign(
            data, namespace=purposes.get(person, APPROVAL_NAMESPACE)
        )
    if result is not None:
        files |= {"result.json": encoded(result), "result.sig": b"signature"}
    return record_from_files(files, folder=Path("changes") / asked["change"])
