#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Which processes get, change or lose their home? And which threads, of processes that span nodes?
#
#	home-changes.sh [SECONDS]
# shellcheck source-path=SCRIPTDIR source=trace.sh
. "${0%/*}/trace.sh"
seconds_of "$@"

trace knumad_home knumad_thread | digest "$event"'
function node(nid) { return nid < 0 ? "none" : "node " nid }
"to" in v {
	id = "pid" in v ? v["pid"] : v["tid"]
	printf "%s s  %-7s %7d %-15s %s -> %s  %s\n", stamp(), "pid" in v ? "process" : "thread", id,
		comm(id), node(v["from"]), node(v["to"]), v["verdict"]
	fflush()
}'
