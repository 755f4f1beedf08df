"""For every rule over the graph: changes of the sample that it must find, and near ones that it must not."""

from __future__ import annotations

from tests.cmdb_policy_cases import POLICY_CASES
from tests.cmdb_sample import Data, drop, put, sample
from tests.cmdb_snapshot_cases import SNAPSHOT_CASES
from tests.rule_case import DROP, Case, Changes


def changed(changes: Changes) -> Data:
    """Give the sample with changes made in their order."""
    data = sample()
    for path, value in changes.items():
        place = tuple(int(part) if part.isdigit() else part for part in path.split("/"))
        if value is DROP:
            drop(data, place)
        else:
            put(data, place, value)
    return data


SOME_TEXT = {"en": "Some", "zh": "某"}
SOME_ITEM = {"class": "host", "title": SOME_TEXT, "site": "hq", "owner": "ann"}
BORROWING_TWICE = {"title": SOME_TEXT, "kind": "rehearsal", "addresses_of": "rehearsal"}
SOME_SERVICE = {"title": SOME_TEXT, "tier": 2, "rto": "1 h", "rpo": "1 h", "provided_by": [], "owner": "ann"}

# place, what stands there, the section that is meant, what is near
_ACCEPTED = "policies/accepted-single-failures/accepted/one-ups"
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

CASES = (
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
    Case("environment", {"environments/lab/image": DROP}, "lab:", "has no 'image'"),
    Case("environment", {"environments/lab/provision": DROP}, "lab:", "has no 'provision'"),
    Case(
        "environment", {"environments/production/provision": "x.yml"}, "provision: x.yml", "no meaning for production"
    ),
    Case(
        "environment", {"environments/rehearsal/network": "lab-net"}, "network: lab-net", "stands beside addresses_of"
    ),
    Case(
        "environment",
        {"environments/rehearsal/addresses_of": DROP},
        "rehearsal:",
        "neither network nor addresses_of",
        {"environments/rehearsal/addresses_of": DROP, "environments/rehearsal/network": "lab-net"},
    ),
    Case(
        "environment",
        {
            "environments/second": BORROWING_TWICE,
            "policies/approvals/rules/runs/environments": ["rehearsal", "production", "second"],
        },
        "addresses_of: rehearsal",
        "itself uses addresses of another",
    ),
    Case(
        "lab-host",
        {"config_items/db-1/addresses/lab": DROP, "protections/core-pair/service_address/lab": DROP},
        "in_lab",
        "without an address in the lab",
    ),
    Case("lab-host", {"config_items/db-1/power/lab": DROP}, "db-1:", "no power control there; add power.lab"),
    Case("lab-host", {"config_items/db-1/power/lab/kind": "none"}, "db-1:", "no power control there"),
    Case(
        "lab-host",
        {"config_items/web-1/addresses/lab": "10.213.0.21"},
        "lab: 10.213.0.21",
        "not marked for the lab",
        {
            "config_items/web-1/addresses/lab": "10.213.0.21",
            "config_items/web-1/in_lab": True,
            "config_items/web-1/power": {"lab": {"kind": "lab"}},
        },
    ),
    Case(
        "lab-host",
        {"config_items/web-1/power": {"production": {"kind": "lab"}}},
        "kind: lab",
        "only hosts marked in_lab",
    ),
    Case(
        "lab-host",
        {
            "config_items/ups-1/in_lab": True,
            "config_items/ups-1/addresses": {"lab": "10.213.0.50"},
            "config_items/ups-1/power": {"lab": {"kind": "lab"}},
        },
        "in_lab: true",
        "is true for a ups; the lab makes hosts only",
        {"config_items/ups-1/in_lab": False},
    ),
    Case(
        "address",
        {"config_items/web-1/addresses/production": "198.18.0.300"},
        "198.18.0.300",
        "is no address",
        {"config_items/web-1/addresses/production": "198.18.0.30"},
    ),
    Case("address", {"config_items/web-1/addresses/production": "198.18.0.021"}, "198.18.0.021", "is no address"),
    Case("address", {"networks/management-net/subnet": "198.18.1.7/24"}, "198.18.1.7/24", "is no subnet"),
    Case(
        "address",
        {"networks/prod-net/gateway": "198.18.9.1"},
        "gateway: 198.18.9.1",
        "no address of '198.18.0.0/24'",
        {"networks/prod-net/gateway": "198.18.0.254"},
    ),
    Case("address", {"policies/production-addresses/only_in/1": "2001:db8::/200"}, "2001:db8::/200", "is no subnet"),
    Case(
        "address-twice",
        {"config_items/web-1/addresses/production": "198.18.0.11"},
        "198.18.0.11",
        "which config_items.db-1 has already",
    ),
    Case(
        "address-twice",
        {"config_items/web-1/addresses/production": "198.18.0.1"},
        "198.18.0.1",
        "the gateway of networks.prod-net",
        {"config_items/web-1/addresses/production": "198.18.0.2"},
    ),
    Case(
        "address-twice",
        {
            "config_items/web-1/power": {
                "production": {
                    "kind": "redfish",
                    "url": "https://198.18.1.11",
                    "system": "/redfish/v1/Systems/1",
                    "user": "u",
                    "secret_file": "s",
                }
            }
        },
        "url: https://198.18.1.11",
        "which config_items.db-1 has already",
        {
            "config_items/web-1/power": {
                "production": {
                    "kind": "redfish",
                    "url": "https://198.18.1.11",
                    "system": "/redfish/v1/Systems/2",
                    "user": "u",
                    "secret_file": "s",
                }
            }
        },
    ),
    Case(
        "service-address",
        {"protections/core-pair/service_address/production": "198.18.0.21"},
        "198.18.0.21",
        "config_items.web-1 has too",
    ),
    Case(
        "service-address",
        {"protections/core-pair/service_address/lab": "10.213.0.11"},
        "lab: 10.213.0.11",
        "must be no host's own",
    ),
    Case(
        "address-network",
        {"config_items/web-1/addresses/production": "198.19.0.21"},
        "198.19.0.21",
        "must lie in 198.18.0.0/24 or 198.18.1.0/24",
        {"config_items/web-1/addresses/production": "198.18.1.21"},
    ),
    Case(
        "address-network",
        {"config_items/web-1/addresses/production": "198.18.0.255"},
        "198.18.0.255",
        "first or last address of 198.18.0.0/24",
        {"config_items/web-1/addresses/production": "198.18.0.254"},
    ),
    Case(
        "address-network",
        {"config_items/web-1/addresses/rehearsal": "10.213.0.77"},
        "rehearsal: 10.213.0.77",
        "uses the addresses of 'lab'",
    ),
    Case(
        "production-address",
        {
            "networks/prod-net": {"subnet": "192.0.2.0/24"},
            "config_items/web-1/addresses/production": "192.0.2.21",
            "config_items/db-1/addresses/production": "198.18.1.1",
            "config_items/db-2/addresses/production": "198.18.1.2",
            "protections/core-pair/service_address/production": "198.18.1.3",
            "config_items/spare-1/addresses": DROP,
        },
        "192.0.2.21",
        "only in 198.18.0.0/15, 2001:db8::/32",
        {
            "networks/prod-net": {"subnet": "2001:db8:1::/64"},
            "config_items/web-1/addresses/production": "2001:db8:1::21",
            "config_items/db-1/addresses/production": "198.18.1.1",
            "config_items/db-2/addresses/production": "198.18.1.2",
            "protections/core-pair/service_address/production": "198.18.1.3",
            "config_items/spare-1/addresses": DROP,
        },
    ),
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
    Case(
        "template",
        {"config_items/db-1/title/en": "a {{ lookup('env', 'HOME') }}"},
        "lookup",
        "holds '{{'",
        {"config_items/db-1/title/en": "a { { b } }"},
    ),
    Case(
        "template",
        {"protections/core-pair/settings/note": "{% if x %}"},
        "{% if",
        "holds '{%'",
        {"protections/core-pair/settings/note": "{protection} %}"},
    ),
    Case(
        "template", {"services/core/hours": "5x8 {# not #}"}, "5x8", "holds '{#'", {"services/core/hours": "5x8 # }}"}
    ),
    Case(
        "dash",
        {"protections/core-pair/settings/note": "--force"},
        "--force",
        "begins with a dash",
        {"protections/core-pair/settings/note": "no--force"},
    ),
    Case(
        "date",
        {"config_items/db-1/warranty/until": "2027-02-30"},
        "2027-02-30",
        "the calendar has not",
        {"config_items/db-1/warranty/until": "2028-02-29"},
    ),
    Case("date", {"media/tape-1/written": "2026-13-01"}, "2026-13-01", "the calendar has not"),
    Case("date", {"vendors/cedar/contracts/servers/until": "2026-00-01"}, "2026-00-01", "the calendar has not"),
    Case(
        "date",
        {"policies/freeze-periods/periods/year-end/until": "2026-12-23"},
        "2026-12-23",
        "before the period begins",
        {"policies/freeze-periods/periods/year-end/until": "2026-12-24"},
    ),
    Case("date", {"policies/freeze-periods/periods/year-end/from": "2026-12-32"}, "2026-12-32", "the calendar has not"),
    Case("date", {f"{_ACCEPTED}/until": "2027-06-31"}, "2027-06-31", "the calendar has not"),
    Case(
        "accepted",
        {f"{_ACCEPTED}/failures": DROP, f"{_ACCEPTED}/services": DROP, f"{_ACCEPTED}/tiers": DROP},
        "one-ups:",
        "which would be everything",
        {f"{_ACCEPTED}/failures": DROP, f"{_ACCEPTED}/services": DROP},
    ),
    Case(
        "accepted",
        {f"{_ACCEPTED}/failures/0": "core"},
        "core",
        "which is no item, rack (as room/rack), room or site",
        {f"{_ACCEPTED}/failures/0": "room-a"},
    ),
    Case("accepted", {f"{_ACCEPTED}/failures/1": "room-a/b1"}, "room-a/b1", "which is no item, rack"),
    Case(
        "serial",
        {"config_items/db-2/serial": "C-1"},
        "serial: C-1",
        "config_items.db-1 of the same brand",
        {"config_items/db-2/serial": "C-1", "config_items/db-2/brand": "Oak"},
    ),
    Case(
        "serial",
        {"media/tape-2": {"barcode": "EXA001L8", "format": "LTO-8", "site": "hq"}},
        "barcode: EXA001L8",
        "media.tape-1 has too",
        {"media/tape-2": {"barcode": "EXA002L8", "format": "LTO-8", "site": "hq"}},
    ),
    Case(
        "group",
        {"services/a-b": SOME_SERVICE, "services/a.b": SOME_SERVICE},
        "a.b:",
        "would be one group of the inventory, service_a_b",
        {"services/a-b": SOME_SERVICE, "services/ab": SOME_SERVICE},
    ),
    Case(
        "drill-interval",
        {"policies/drill-intervals/by_service/core": "23 h", "policies/drill-intervals/lead": "1 h"},
        "core: 23 h",
        "write at least 1 d",
        {"policies/drill-intervals/by_service/core": "1 d", "policies/drill-intervals/lead": "1 h"},
    ),
    Case(
        "drill-interval",
        {"policies/drill-intervals/lead": "14 d"},
        "lead: 14 d",
        "would always be due",
        {"policies/drill-intervals/lead": "13 d"},
    ),
    Case("group", {"config_items/web-1/functions": ["all"]}, "- all", "name the function otherwise"),
    Case("group", {"config_items/web-1/functions": ["site_hq"]}, "- site_hq", "name the function otherwise"),
    Case(
        "group",
        {"config_items/web-1/functions": ["second"], "config_items/second": SOME_ITEM},
        "- second",
        "the id of an item",
        {"config_items/web-1/functions": ["second"], "config_items/third": SOME_ITEM},
    ),
    *SNAPSHOT_CASES,
    *POLICY_CASES,
)
