"""The lab: real hosts on one machine, made from the CMDB, to drill on."""
