"""For the rules over authority: changes of the sample that they must find, and near ones that they must not."""

from __future__ import annotations

import base64

from tests.cmdb_cases.case import DROP, Case
from tests.cmdb_sample import KEY, OTHER_KEY

_RULES = "policies/approvals/rules"
_RUNS = f"{_RULES}/runs"
_FILES = f"{_RULES}/files"
_CORE = f"{_RULES}/core-runs"
_PATHS = f"{_RULES}/authority/paths"
_KEYS = "people/ann/signing_keys"
_DATED = f"{_KEYS}/1"
_CURVE = "ecdsa-sha2-nistp256"
_MORE = {"people/dan/roles": ["operate", "approve"]}
_SELF = {f"{_RUNS}/requested_by": ["approve"], f"{_RUNS}/run_by": ["approve"], **_MORE}


def _key(*fields: bytes, told: str) -> str:
    """Give a public key of these fields, called ``told``."""
    blob = b"".join(len(each).to_bytes(4, "big") + each for each in fields)
    return f"{told} {base64.b64encode(blob).decode()}"


def _broken(key: str, line: str, says: str) -> Case:
    return Case("signing-key", {f"{_KEYS}/0": key}, line, says)


AUTHORITY = (
    Case(
        "approvals",
        {f"{_RUNS}/environments": ["production"]},
        "rules:",
        "none for normal runs in environments.rehearsal",
        {f"{_RUNS}/environments": ["production"], f"{_CORE}/tiers": DROP, f"{_CORE}/classes": DROP},
    ),
    Case("approvals", {f"{_FILES}/types": ["standard"]}, "rules:", "none for changes of the configuration"),
    Case("approvals", {_FILES: DROP}, "rules:", "without tiers, classes and paths"),
    Case(
        "approval-rule",
        {f"{_RUNS}/environments": ["rehearsal", "production", "lab"]},
        "lab",
        "where nothing needs an approval",
    ),
    Case(
        "approval-rule",
        {f"{_RUNS}/approved_by": DROP},
        "runs:",
        "asks for 1 approvals and names no role",
        {f"{_RUNS}/approved_by": DROP, f"{_RUNS}/approvals": 0},
    ),
    Case("approval-rule", {f"{_RUNS}/approvals": 0}, "approved_by:", "no meaning with approvals: 0"),
    Case("approval-rule", {f"{_RUNS}/run_by": DROP}, "runs:", "does not say who runs"),
    Case("approval-rule", {f"{_FILES}/run_by": ["operate"]}, "run_by:", "which nobody runs"),
    Case("approval-rule", {f"{_CORE}/paths": ["cmdb.d/"]}, "paths:", "which changes no file"),
    Case(
        "approval-rule",
        {f"{_FILES}/environments": ["production"], f"{_CORE}/subjects": DROP, f"{_CORE}/tiers": DROP}
        | {f"{_CORE}/classes": DROP},
        "environments:",
        "which has no environment",
    ),
    Case(
        "approval-rule",
        {f"{_CORE}/subjects": DROP, f"{_CORE}/paths": ["cmdb.d/"], f"{_CORE}/environments": ["production"]},
        "paths:",
        "never hold together",
        {f"{_CORE}/subjects": DROP, f"{_CORE}/paths": ["cmdb.d/"]},
    ),
    Case(
        "approval-rule",
        {f"{_RUNS}/approvals": 2},
        "runs:",
        "asks for 2 approvals, and beside who requests and runs, only 1",
        {f"{_RUNS}/approvals": 2, **_MORE},
    ),
    Case(
        "approval-rule",
        {f"{_RUNS}/requested_by": ["approve"]},
        "runs:",
        "only 0 of those who may approve",
        {f"{_RUNS}/requested_by": ["approve"], **_MORE},
    ),
    Case("approval-rule", {**_SELF, f"{_RUNS}/approvals": 2}, "runs:", "only 1 of those who may approve", _SELF),
    Case("approval-rule", {f"{_RUNS}/requested_by": ["audit"]}, "runs:", "nobody has a role that may request (audit)"),
    Case("approval-rule", {f"{_RUNS}/run_by": ["audit"]}, "runs:", "nobody has a role that may run (audit)"),
    *(
        Case("approval-path", {f"{_PATHS}/2": place}, place, "no place inside the repository")
        for place in ("../other/", "src/../../x", "src//x", "./src", "src/..")
    ),
    Case(
        "authority-place",
        {_PATHS: ["cmdb.yaml", "playbooks/", "runbooks/"]},
        "ann:",
        "rules.authority.paths does not name; add 'cmdb.d/rest.yaml'",
        {_PATHS: ["cmdb.yaml", "cmdb.d/", "playbooks/", "runbooks/"]},
    ),
    Case(
        "standard-place",
        {_PATHS: ["cmdb.yaml", "cmdb.d/", "playbooks/"]},
        "paths:",
        "this policy and not 'runbooks/'",
        {_PATHS: ["cmdb.yaml", "cmdb.d/", "playbooks/", "runbooks/"]},
    ),
    Case(
        "emergencies",
        {"policies/emergencies/run_by": ["audit"]},
        "run_by:",
        "roles that nobody has",
    ),
    Case(
        "emergencies",
        {"policies/emergencies/run_by": ["manage"]},
        "approved_by:",
        "another person must settle the debt",
        {"policies/emergencies/run_by": ["manage"], **_MORE},
    ),
    _broken(_key(b"ssh-rsa", b"x" * 32, told="ssh-ed25519"), "ssh-ed25519", "of another type than 'ssh-ed25519'"),
    _broken(_key(b"ssh-ed25519", b"x" * 31, told="ssh-ed25519"), "ssh-ed25519", "wrong length"),
    _broken(_key(b"ssh-ed25519", b"x" * 32, b"", told="ssh-ed25519"), "ssh-ed25519", "too much or too little"),
    _broken(_key(b"ssh-ed25519", b"x" * 32, told="ssh-ed25519")[:-8], "ssh-ed25519", "its end is missing"),
    _broken("ssh-ed25519 AAAAC", "ssh-ed25519 AAAAC", "is not base64"),
    _broken(_key(_CURVE.encode(), b"nistp256", b"x" * 65, told=_CURVE)[:-2] + "h=", _CURVE, "as ssh-keygen writes it"),
    _broken(_key(_CURVE.encode(), b"nistp384", b"x" * 65, told=_CURVE), _CURVE, "of another curve"),
    _broken(_key(b"ssh-rsa", b"\x01\x00\x01", b"\x7f" + b"x" * 127, told="ssh-rsa"), "ssh-rsa", "fewer than 2048 bits"),
    Case("signing-key", {f"{_DATED}/key": KEY}, "key:", "stands there already"),
    Case(
        "signing-key",
        {"people/dan/signing_keys": [OTHER_KEY]},
        "- ssh-ed25519",
        "a key of people.ann too",
        {"people/dan/signing_keys": [_key(b"ssh-ed25519", b"x" * 32, told="ssh-ed25519")]},
    ),
    Case(
        "signing-key",
        {f"{_DATED}/until": "2025-12-31"},
        "until:",
        "is 2025-12-31, before the key begins on 2026-01-01",
        {f"{_DATED}/until": "2026-01-01"},
    ),
    Case("date", {f"{_DATED}/revoked": "2026-11-31"}, "revoked:", "the calendar has not"),
    Case(
        "date",
        {"policies/pre-approved/changes/monthly/until": "2026-06-30"},
        "until:",
        "before it is approved",
        {"policies/pre-approved/changes/monthly/until": "2026-07-01"},
    ),
)
