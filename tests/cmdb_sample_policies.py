"""The policies of the small CMDB: every kind once, and every field of each."""

from __future__ import annotations

from typing import Any

from tests.runbook_estate import text

POLICIES: dict[str, Any] = {
    "outage-budget": {
        "title": text("Outage"),
        "yearly": "72 h",
        "answer_within": "1 h",
        "on_site_within": "2 h",
    },
    "drill-intervals": {
        "title": text("Drills"),
        "by_tier": {"1": "31 d", "2": "92 d", "3": "183 d"},
        "by_service": {"core": "14 d"},
        "lead": "3 d",
    },
    "approvals": {
        "title": text("Approvals"),
        "rules": {
            "runs": {
                "title": text("Runs"),
                "subjects": ["runbook"],
                "environments": ["rehearsal", "production"],
                "types": ["normal"],
                "approvals": 1,
                "requested_by": ["operate"],
                "approved_by": ["approve"],
                "run_by": ["operate"],
                "valid_for": "14 d",
            },
            "core-runs": {
                "subjects": ["runbook"],
                "tiers": [1],
                "classes": ["host"],
                "approvals": 1,
                "requested_by": ["operate"],
                "approved_by": ["manage"],
                "run_by": ["operate"],
                "valid_for": "7 d",
            },
            "files": {
                "subjects": ["configuration"],
                "approvals": 1,
                "requested_by": ["operate"],
                "approved_by": ["approve"],
                "valid_for": "14 d",
            },
            "authority": {
                "subjects": ["configuration"],
                "paths": ["cmdb.yaml", "cmdb.d/rest.yaml", ".github/", "CODEOWNERS", "runbooks/", "playbooks/"],
                "approvals": 1,
                "requested_by": ["operate"],
                "approved_by": ["manage"],
                "valid_for": "7 d",
            },
        },
    },
    "pre-approved": {
        "title": text("Standard changes"),
        "changes": {
            "monthly": {
                "title": text("Monthly switchover"),
                "runbook": "RB-SWITCH",
                "environment": "rehearsal",
                "parameters": {"pair": "core-pair", "number": 1},
                "from": "2026-07-01",
                "until": "2027-06-30",
                "run_by": ["operate"],
            }
        },
    },
    "emergencies": {
        "title": text("Emergencies"),
        "at_most": 3,
        "within": "30 d",
        "review_within": "3 d",
        "run_by": ["operate"],
        "approved_by": ["approve"],
        "settled": ["CHG-2026-0007"],
    },
    "freeze-periods": {
        "title": text("Freezes"),
        "periods": {
            "year-end": {
                "title": text("Year end"),
                "from": "2026-12-24",
                "until": "2027-01-05",
                "environments": ["production"],
                "on_duty": ["dan"],
            }
        },
    },
    "protection-limits": {
        "title": text("Limits"),
        "shortest_rto": {"hot_standby": "30 s", "cold_standby": "30 min", "backup": "4 h"},
        "asynchronous_rpo": "1 min",
        "spare_covers": 3,
    },
    "accepted-single-failures": {
        "title": text("Accepted"),
        "accepted": {
            "one-ups": {
                "title": text("A second one is ordered"),
                "by": "ann",
                "until": "2027-06-30",
                "failures": ["ups-1", "room-a/a1", "hq"],
                "services": ["core"],
                "tiers": [1],
                "reasons": ["nothing", "lost"],
            }
        },
    },
    "production-addresses": {"title": text("Ranges"), "only_in": ["198.18.0.0/15", "2001:db8::/32"]},
}
