#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Which threads does knumad move from CPU to CPU, or exchange, and does that succeed?
#
#	thread-moves.sh [SECONDS]
# shellcheck source-path=SCRIPTDIR source=trace.sh
. "${0%/*}/trace.sh"
seconds_of "$@"

trace knumad_task_move | digest "$event"'
v["tid"] {
	what = v["swapped"] > 0 ? "exchanged with " v["swapped"] : "moved"
	# A negative number is an error of the kernel: the CPU was taken, or the thread had gone
	if (v["ret"] != 0)
		what = "not " what " (error " -v["ret"] ")"
	printf "%s s  %7d %-15s CPU %3d -> %3d  %s\n", stamp(), v["tid"], comm(v["tid"]),
		v["from_cpu"], v["to_cpu"], what
	fflush()
}'
