"""For the rules over single values, serials, groups and intervals: what they must find, and what they must not."""

from __future__ import annotations

from tests.cmdb_cases.case import DROP, SOME_ITEM, SOME_SERVICE, Case

_ACCEPTED = "policies/accepted-single-failures/accepted/one-ups"

VALUES = (
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
)
