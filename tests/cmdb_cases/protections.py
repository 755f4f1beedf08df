"""For the rules over protections, objectives and spares: what they must find, and what they must not."""

from __future__ import annotations

from tests.cmdb_cases.case import DROP, Case

PROTECTIONS = (
    Case(
        "members",
        {"protections/core-pair/members/standby": DROP},
        "members:",
        "has no standby, which hot_standby needs",
    ),
    Case("members", {"protections/core-tape/members/standby": "db-2"}, "standby: db-2", "has no place in backup"),
    Case("members", {"protections/web-spare/members/spare": DROP}, "members:", "has no spare"),
    Case(
        "members",
        {"protections/core-pair/replication": DROP},
        "core-pair:",
        "has no 'replication'",
        {"protections/core-pair/replication": "none"},
    ),
    Case("members", {"protections/core-tape/interval": DROP}, "core-tape:", "has no 'interval'"),
    Case("members", {"protections/core-pair/media": ["tape-1"]}, "media:", "belongs to backup"),
    Case("members", {"protections/core-pair/interval": "1 h"}, "interval: 1 h", "which replicates always"),
    Case("members", {"protections/core-pair/members/standby": "db-1"}, "members:", "names one item twice"),
    Case("members", {"services/core/provided_by": ["db-1"]}, "standby: db-2", "does not provide services.core"),
    Case(
        "member-address",
        {"config_items/db-2/addresses/production": DROP},
        "production: 198.18.0.100",
        "standby 'db-2' has no address",
        {"config_items/db-2/addresses/production": DROP, "protections/core-pair/service_address/production": DROP},
    ),
    Case(
        "same-rack",
        {"config_items/db-2/room": "room-a", "config_items/db-2/rack": "a1"},
        "standby: db-2",
        "in the same rack as the primary",
        {"config_items/db-2/room": "room-a", "config_items/db-2/rack": "a2"},
    ),
    Case(
        "same-rack",
        {"config_items/db-2/room": "room-a", "config_items/db-2/rack": DROP},
        "standby: db-2",
        "cannot be told",
        {"config_items/db-2/rack": DROP},
    ),
    Case(
        "tier-one",
        {"services/web/tier": 1, "protections/web-spare": DROP},
        "tier: 1",
        "no protection names the service",
        {"services/web/tier": 1},
    ),
    Case("limits", {"policies/protection-limits": DROP}, "kind: hot_standby", "protection-limits does not exist"),
    Case(
        "rto-kept",
        {"services/core/rto": "29 s"},
        "rto: 29 s",
        "hot_standby 'core-pair', can keep 30 s",
        {"services/core/rto": "30 s"},
    ),
    Case(
        "rto-kept",
        {"services/web/rto": "29 min"},
        "rto: 29 min",
        "cold_standby 'web-spare'",
        {"services/web/rto": "0.5 h"},
    ),
    Case(
        "rpo-kept",
        {"protections/core-pair/replication": "asynchronous"},
        "rpo: 0 s",
        "'core-pair', can keep 1 min",
        {"protections/core-pair/replication": "asynchronous", "services/core/rpo": "60 s"},
    ),
    Case(
        "rpo-kept", {"services/web/rpo": "23 h"}, "rpo: 23 h", "'web-spare', can keep 24 h", {"services/web/rpo": "1 d"}
    ),
    Case("rto-needed", {"services/core/rto": "2 h"}, "- core", "with an RTO of 2 h", {"services/core/rto": "60 min"}),
    Case(
        "spare",
        {"policies/protection-limits/spare_covers": 1, "spares/office-spare/covers": ["web-1", "tapes-1"]},
        "covers:",
        "covers at most 1",
        {"policies/protection-limits/spare_covers": 2, "spares/office-spare/covers": ["web-1", "tapes-1"]},
    ),
    Case("spare", {"services/web/provided_by": ["web-1", "spare-1"]}, "item: spare-1", "a spare is idle"),
    Case(
        "spare",
        {"spares/office-spare/covers": ["tapes-1"]},
        "spare: spare-1",
        "no entry of spares says that it covers 'web-1'",
    ),
)
