"""For the rules over snapshots: changes of the sample that they must find, and near ones that they must not."""

from __future__ import annotations

from tests.cmdb_cases.case import Case, Changes

_SPARE = "protections/web-spare"
SNAPSHOT = f"{_SPARE}/snapshot"
_PATHS = f"{SNAPSHOT}/paths"
GIVEN = {
    "host": "db-2",
    "repository": "/srv/snapshots/web-spare",
    "account": "snapshots",
    "paths": ["/etc/nginx", "/srv/www"],
    "every": "6 h",
    "max_age": "12 h",
    "keep": 14,
    "password_on": ["db-2", "db-1"],
    "password_file": "/etc/drillbook/secrets/web-spare",
    "password_kept": {"en": "Safe", "zh": "保险柜"},
}
_SECOND = {
    "title": {"en": "Second", "zh": "第二"},
    "kind": "cold_standby",
    "service": "web",
    "members": {"primary": "web-1", "spare": "spare-1"},
    "interval": "24 h",
}
_COPY = {**_SECOND, "kind": "backup", "members": {"primary": "web-1"}, "snapshot": GIVEN}
_IN_SECOND = {**GIVEN, "repository": "/srv/snapshots/web-spare/second"}


def _case(rule: str, bad: Changes, line: str, says: str, good: Changes | None = None) -> Case:
    """Give a case over a sample whose spare has snapshots."""
    given: Changes = {SNAPSHOT: GIVEN}
    return Case(rule, given | bad, line, says, given | good if good is not None else {})


def _path(path: str, says: str, good: str) -> Case:
    return _case("snapshot-paths", {f"{_PATHS}/1": path}, path, says, {f"{_PATHS}/1": good})


SNAPSHOTS = (
    Case(
        "snapshot-needed",
        {f"{_SPARE}/service_address": {"production": "198.18.0.102"}},
        "web-spare:",
        "its spare takes over an address",
        {f"{_SPARE}/service_address": {"production": "198.18.0.102"}, SNAPSHOT: GIVEN},
    ),
    Case("snapshot-needed", {"protections/a-copy": _COPY}, "snapshot:", "it belongs to cold_standby"),
    _case("reference", {f"{SNAPSHOT}/host": "db-2x"}, "db-2x", "is not in config_items; did you mean 'db-2'"),
    _case("reference", {f"{SNAPSHOT}/password_on/1": "db-1x"}, "db-1x", "is not in config_items; did you mean 'db-1'"),
    _case("snapshot-host", {f"{SNAPSHOT}/host": "spare-1"}, "host: spare-1", "a member of the protection"),
    _case(
        "snapshot-host",
        {"config_items/web-1/rack": "a1", f"{SNAPSHOT}/host": "db-1", f"{SNAPSHOT}/password_on": ["db-2", "ups-1"]},
        "host: db-1",
        "in the rack of the primary 'web-1'",
        {f"{SNAPSHOT}/host": "db-1"},
    ),
    _case("snapshot-host", {f"{SNAPSHOT}/host": "ups-1"}, "host: ups-1", "has no address in 'production'"),
    _case("reference", {f"{_SPARE}/settings": {"witness": "db-1x"}}, "db-1x", "is not in config_items"),
    _case("witness", {f"{_SPARE}/settings": {"witness": 7}}, "witness: 7", "is not one id"),
    _case("witness", {f"{_SPARE}/settings": {"witness": ["db-1", "db-2"]}}, "witness:", "is not one id"),
    _case(
        "witness",
        {f"{_SPARE}/settings": {"witness": "spare-1"}},
        "witness: spare-1",
        "a member of the protection",
        {f"{_SPARE}/settings": {"witness": "db-2"}},
    ),
    _case(
        "witness",
        {
            f"{_SPARE}/settings": {"witness": "db-1"},
            "config_items/web-1/rack": "a1",
            f"{SNAPSHOT}/password_on": ["db-2", "ups-1"],
        },
        "witness: db-1",
        "in the rack of the primary 'web-1'",
        {f"{_SPARE}/settings": {"witness": "db-1"}},
    ),
    _case(
        "snapshot-repository",
        {"protections/second-spare": {**_SECOND, "snapshot": _IN_SECOND}},
        "repository: /srv/snapshots/web-spare/second",
        "protections.web-spare has '/srv/snapshots/web-spare' on the same host",
        {"protections/second-spare": {**_SECOND, "snapshot": {**GIVEN, "repository": "/srv/snapshots/web-spare-2"}}},
    ),
    _path("/srv", "a whole folder of the system", "/srv/www"),
    _path("/run/www", "makes anew at each start", "/running/www"),
    _path("/etc/drillbook", "each host's own", "/etc/drillbook/roles/web.conf"),
    _path("/var/lib/drillbook/snapshots", "each host's own", "/var/lib/drillbook-web"),
    _path("/etc/nginx/conf.d", "which lies in '/etc/nginx'", "/etc/nginx-conf.d"),
    _case(
        "snapshot-paths",
        {f"{SNAPSHOT}/password_file": "/srv/www/password"},
        "- /srv/www",
        "holds the password of the repository itself",
        {f"{SNAPSHOT}/password_file": "/srv/www.password"},
    ),
    _case("snapshot-age", {f"{SNAPSHOT}/every": "13 h"}, "every: 13 h", "too old before the next is due"),
    _case(
        "snapshot-age",
        {f"{_SPARE}/interval": "11 h"},
        "max_age: 12 h",
        "the protection's interval 11 h",
        {f"{_SPARE}/interval": "12 h"},
    ),
    _case(
        "snapshot-age",
        {"services/web/rpo": "6 h", "protections/second-spare": {**_SECOND, "interval": "6 h"}},
        "max_age: 12 h",
        "services.web may lose 6 h",
    ),
    _case("snapshot-password", {f"{SNAPSHOT}/password_on/1": "spare-1"}, "spare-1", "a member of the protection"),
    _case(
        "snapshot-password",
        {"config_items/web-1/rack": "a1"},
        "- db-1",
        "in the rack of the primary 'web-1'",
        {"config_items/db-1/rack": "a2", "config_items/web-1/rack": "a1"},
    ),
)
