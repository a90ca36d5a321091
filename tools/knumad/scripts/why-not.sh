#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Why do processes, and single pages of them, stay where they are? Verdicts on processes as
# they change, then the reasons for which memory was not moved meanwhile.
#
#	why-not.sh [SECONDS]
# shellcheck source-path=SCRIPTDIR source=trace.sh
. "${0%/*}/trace.sh"
seconds_of "$@"
stats=/sys/kernel/debug/knumad/stats

before=$(cat $stats 2>/dev/null)
trace knumad_verdict | digest "$event"'
v["to"] {
	printf "%s s  %7d %-15s %s -> %s\n", stamp(), v["pid"], comm(v["pid"]), v["from"], v["to"]
	fflush()
}'
if [ -z "$before" ]; then
	echo "${0##*/}: no reasons for single pages: mount -t debugfs none /sys/kernel/debug" >&2
	exit 3
fi

# Before "shared", verdicts are those on processes
{ echo "$before"; cat $stats; } | awk '
$1 == "verdict_shared" { pages = 1 }
$1 !~ /^verdict_/ { pages = 0 }
pages && $1 in count { if ($2 > count[$1]) printf "%9d times %s\n", $2 - count[$1], substr($1, 9) }
pages { count[$1] = $2 }'
