#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What does it cost to look at all processes, and how often is that done?
#
#	pass-cost.sh [SECONDS]
# shellcheck source-path=SCRIPTDIR source=trace.sh
. "${0%/*}/trace.sh"
seconds_of "$@"

trace knumad_pass | digest "$event"'
BEGIN { began = uptime() }
"cpu_ns" in v {
	ms = v["cpu_ns"] / 1e6
	passes++
	sum += ms
	pages += v["pages_scanned"]
	if (ms > most)
		most = ms
	if (v["watched"] > watched)
		watched = v["watched"]
}
END {
	seconds = uptime() - began
	printf "passes                  %d in %.0f s\n", passes, seconds
	printf "processes watched       %d at most\n", watched
	printf "pages looked at         %d\n", pages
	printf "CPU time of a pass      %.2f ms, at most %.2f ms\n", passes ? sum / passes : 0, most
	printf "CPU time altogether     %.1f ms, %.2f %% of a CPU\n", sum, seconds ? sum / seconds / 10 : 0
}'
