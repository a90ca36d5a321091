#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Whose memory does knumad move, where to, and how much of it does not want to move?
#
#	who-moved.sh [SECONDS]
# shellcheck source-path=SCRIPTDIR source=trace.sh
. "${0%/*}/trace.sh"
seconds_of "$@"

trace knumad_migrate | digest -v page_kb="$page_kb" "$event"'
v["pages"] {
	key = v["pid"] " " v["target"]
	comm(v["pid"])
	tried[key] += v["pages"]
	moved[key] += v["moved"]
}
END {
	printf "%7s %-15s %7s %9s %9s\n", "PID", "COMMAND", "TO NODE", "MOVED MB", "FAILED MB"
	while (1) {
		most = ""
		for (key in tried)
			if (most == "" || moved[key] > moved[most])
				most = key
		if (most == "")
			break
		split(most, part, " ")
		printf "%7d %-15s %7d %9.1f %9.1f\n", part[1], names[part[1]], part[2],
			moved[most] * page_kb / 1024, (tried[most] - moved[most]) * page_kb / 1024
		delete tried[most]
	}
}'
