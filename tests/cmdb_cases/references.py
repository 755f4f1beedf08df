"""For the rules over what names what: changes of the sample that they must find, and near ones that they must not."""

from __future__ import annotations

from tests.cmdb_cases.case import DROP, SOME_TEXT, Case

# place, what stands there, the section that is meant, what is near
_DANGLING = (
    ("networks/prod-net/site", "hqx", "sites", "hq"),
    ("environments/lab/network", "lab-netx", "networks", "lab-net"),
    ("environments/production/other_networks/0", "management-netx", "networks", "management-net"),
    ("config_items/tapes-1/site", "hqx", "sites", "hq"),
    ("config_items/db-1/owner", "annx", "people", "ann"),
    ("config_items/db-1/vendor", "cedarx", "vendors", "cedar"),
    ("config_items/db-1/depends_on/0", "ups-1x", "config_items or services", "ups-1"),
    ("services/web/depends_on/0", "corex", "services", "core"),
    ("services/core/owner", "annx", "people", "ann"),
    ("services/core/notify/1", "danx", "people", "dan"),
    ("services/core/vendor", "cedarx", "vendors", "cedar"),
    ("protections/core-tape/members/library", "tapes-1x", "config_items", "tapes-1"),
    ("protections/core-tape/media/0", "tape-1x", "media", "tape-1"),
    ("media/tape-1/site", "hqx", "sites", "hq"),
    ("policies/approvals/rules/runs/environments/1", "productionx", "environments", "production"),
    ("policies/pre-approved/changes/monthly/environment", "rehearsalx", "environments", "rehearsal"),
    ("media/tape-1/library", "tapes-1x", "config_items", "tapes-1"),
    ("people/vic/vendor", "cedarx", "vendors", "cedar"),
    ("vendors/cedar/contacts/0", "vicx", "people", "vic"),
    ("policies/freeze-periods/periods/year-end/on_duty/0", "danx", "people", "dan"),
    ("policies/freeze-periods/periods/year-end/environments/0", "productionx", "environments", "production"),
    ("policies/accepted-single-failures/accepted/one-ups/by", "annx", "people", "ann"),
    ("policies/accepted-single-failures/accepted/one-ups/services/0", "corex", "services", "core"),
)

REFERENCES = (
    *(
        Case("reference", {place: value}, value, f"is not in {section}; did you mean '{near}'")
        for place, value, section, near in _DANGLING
    ),
    Case(
        "reference",
        {"config_items/web-1/host_keys": {"labx": ["ssh-rsa AAAA"]}},
        "labx",
        "did you mean 'lab'",
        {"config_items/web-1/host_keys": {"lab": ["ssh-rsa AAAA"]}},
    ),
    Case(
        "reference",
        {"config_items/web-1/power": {"labx": {"kind": "none"}}},
        "labx",
        "did you mean 'lab'",
        {"config_items/web-1/power": {"lab": {"kind": "none"}}},
    ),
    Case(
        "reference",
        {"policies/drill-intervals/by_service/corex": "7 d"},
        "corex",
        "is not in services; did you mean 'core'",
    ),
    Case(
        "reference", {"config_items/db-1/owner": "hq"}, "owner: hq", "'hq', which stands in sites; name an id of people"
    ),
    Case("room", {"sites/hq/rooms/db-1": {"title": SOME_TEXT}}, "db-1:", "has the id of config_items.db-1"),
    Case(
        "room",
        {"sites/branch": {"title": SOME_TEXT, "kind": "branch", "rooms": {"room-b": {"title": SOME_TEXT}}}},
        "room-b:",
        "has the id of a room of sites.hq",
        {"sites/branch": {"title": SOME_TEXT, "kind": "branch", "rooms": {"room-c": {"title": SOME_TEXT}}}},
    ),
    Case(
        "place",
        {"config_items/db-1/room": "room-c"},
        "room: room-c",
        "did you mean",
        {"config_items/db-1/room": "room-a"},
    ),
    Case(
        "place", {"config_items/db-1/rack": "b1"}, "rack: b1", "room 'room-a' has not", {"config_items/db-1/rack": "a2"}
    ),
    Case(
        "place",
        {"config_items/db-1/contract": "none"},
        "contract: none",
        "vendors.cedar has not",
        {"config_items/db-1/contract": DROP},
    ),
    Case(
        "place",
        {"services/core/contract": "none"},
        "contract: none",
        "vendors.cedar has not",
        {"services/core/contract": DROP},
    ),
    Case("cycle", {"services/core/depends_on": ["core"]}, "- core", "core → core"),
    Case(
        "cycle",
        {"config_items/ups-1/depends_on": ["core"]},
        "- core",
        "closes a cycle",
        {"config_items/tapes-1/depends_on": ["core"]},
    ),
    Case(
        "cycle",
        {"config_items/db-1/depends_on": ["db-1"]},
        "- db-1",
        "db-1 → db-1",
        {"config_items/db-1/depends_on": ["tapes-1"]},
    ),
    Case("person", {"people/ann/contact": DROP}, "ann:", "has no contact", {"people/dan/line": DROP}),
    Case("person", {"people/dan/roles": []}, "dan:", "has no roles", {"people/sue/roles": []}),
)
