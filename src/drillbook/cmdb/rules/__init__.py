"""The rules over the whole graph, each with its id and a line of documentation.

``RULES`` are checked by ``drillbook.cmdb.load`` in this order. ``FILE_RULES`` document the ids of
findings about files and their shape, which are made where files are read.
"""

from __future__ import annotations

from drillbook.cmdb.rules import (
    accepted,
    addresses,
    authority,
    drills,
    environments,
    protection,
    references,
    signing,
    snapshots,
    values,
)
from drillbook.cmdb.rules.base import Draft, Problem, Rule

RULES: tuple[Rule, ...] = (
    Rule("reference", "every id that an entry names stands in the section that is meant", references.dangling),
    Rule("room", "a room has an id that no other room and no entry has", references.rooms),
    Rule("place", "a site has the room, a room the rack, a vendor the contract", references.places),
    Rule("cycle", "nothing depends on itself, through services and items", references.cycles),
    Rule("person", "people whom others name have a contact and a role", references.reachable_people),
    Rule("approvals", "policy has a rule for every kind of normal change", authority.approvals),
    Rule("approval-rule", "a rule of approvals can hold, and people can satisfy it", authority.approval_rules),
    Rule("approval-path", "a place of a rule lies inside the repository", authority.approval_paths),
    Rule("authority-place", "what gives authority stands in protected files", authority.authority_places),
    Rule("standard-place", "what is pre-approved is protected like the policy that says so", authority.standard_places),
    Rule("emergencies", "someone can run in an emergency, and another settle it", authority.emergencies),
    Rule("signing-key", "a signing key is what it says, and has one owner", signing.keys),
    Rule("environment", "an environment has what its kind needs, and nothing else", environments.environments),
    Rule("lab-host", "a host of the lab has an address and power control there", environments.lab_hosts),
    Rule("address", "addresses, subnets and gateways are valid", addresses.valid),
    Rule("address-twice", "no two things have one address in an environment", addresses.unique),
    Rule("service-address", "a service address is no host's own", addresses.service_apart),
    Rule("address-network", "an address lies in a network of its environment", addresses.in_network),
    Rule(
        "production-address",
        "production has only the addresses that policy allows",
        addresses.production_range,
    ),
    Rule("members", "a protection has the members and fields of its kind", protection.members),
    Rule("member-address", "members have an address where their service has one", protection.member_addresses),
    Rule("same-rack", "a standby is not in its primary's rack", protection.apart),
    Rule("tier-one", "a service of tier 1 has a protection", protection.tier_one),
    Rule("limits", "policy says what each kind of protection can keep", protection.limits_written),
    Rule("rto-kept", "what protects a service can keep its RTO", protection.rto_kept),
    Rule("rpo-kept", "what protects a service can keep its RPO", protection.rpo_kept),
    Rule("rto-needed", "a service promises no less than what it depends on", protection.rto_of_dependencies),
    Rule("spare", "a spare is idle and covers at most what policy allows", protection.spares),
    Rule("snapshot-needed", "a cold spare that takes over an address has snapshots to do it from", snapshots.needed),
    Rule("snapshot-host", "snapshots are neither on a member nor in the primary's rack", snapshots.hosts),
    Rule("witness", "who says which host holds a role is not lost with that host", snapshots.witnesses),
    Rule("snapshot-repository", "no two protections share a repository", snapshots.repositories),
    Rule("snapshot-paths", "a role's paths are apart, and nobody else's", snapshots.paths),
    Rule("snapshot-age", "snapshots are as fresh as the protection and the RPO say", snapshots.ages),
    Rule("snapshot-password", "the repository's password outlives the primary", snapshots.passwords),
    Rule("accepted", "an accepted single failure says of what, and names things that exist", accepted.decisions),
    Rule("drill-interval", "drills have intervals that can be kept", drills.intervals),
    Rule("template", "no text could be taken for an Ansible template", values.templates),
    Rule("dash", "no setting could be taken for an option", values.dashes),
    Rule("date", "dates exist, and periods end after they begin", values.dates),
    Rule("serial", "serial numbers and barcodes are unique", values.serials),
    Rule("group", "names stay apart as groups of the inventory", values.groups),
)

FILE_RULES: tuple[tuple[str, str], ...] = (
    ("file", "a file of the CMDB can be read"),
    ("file-size", "a file is not larger than 16 MiB"),
    ("encoding", "a file is UTF-8"),
    ("nesting", "values are nested at most 40 deep"),
    ("yaml-syntax", "a file is YAML"),
    ("yaml-top", "a file holds a mapping"),
    ("yaml-document", "a file holds one document"),
    ("yaml-key", "a key is one plain name"),
    ("yaml-tag", "no tags (!!python and every other)"),
    ("yaml-alias", "no anchors and aliases"),
    ("yaml-merge", "no merge keys"),
    ("duplicate-key", "no key stands twice"),
    ("include", "included files exist, inside the repository, each once"),
    ("top-file", "organisation and include stand in cmdb.yaml alone"),
    ("id-twice", "an id is unique over all sections and files"),
    ("forbidden-character", "no control, bidirectional or line-breaking characters"),
    ("schema-unknown-key", "keys are those of the schema"),
    ("schema-missing", "what the schema requires is there"),
    ("schema-type", "a value has the type of the schema"),
    ("schema-value", "a value has the form of the schema"),
    ("schema-name", "an id has the form of the schema"),
    ("schema-size", "texts and lists are neither too short nor too long"),
    ("schema-range", "numbers lie in their range"),
    ("schema-twice", "a list holds nothing twice"),
    ("schema", "everything else that the schema refuses"),
    ("inventory-stale", "a committed inventory is what the CMDB gives"),
    ("provision", "the playbook that an environment names exists"),
    ("protected-path", "a place that a rule of approvals names exists"),
    ("pre-approved", "the runbook of a pre-approved change exists"),
)

__all__ = ["FILE_RULES", "RULES", "Draft", "Problem", "Rule"]
