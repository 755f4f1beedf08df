"""For the rules over environments, the lab's hosts and addresses: what they must find, and what they must not."""

from __future__ import annotations

from tests.cmdb_cases.case import DROP, SOME_TEXT, Case

_BORROWING_TWICE = {"title": SOME_TEXT, "kind": "rehearsal", "addresses_of": "rehearsal"}

HOSTS = (
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
            "environments/second": _BORROWING_TWICE,
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
)
