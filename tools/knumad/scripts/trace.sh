# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# For the other scripts here: trace events of knumad, by a shell, awk and tracefs alone.

tracing=/sys/kernel/tracing
[ -d $tracing/events ] || tracing=/sys/kernel/debug/tracing

# shellcheck disable=SC2034 # used by the scripts
page_kb=$(($(getconf PAGESIZE 2>/dev/null || echo 4096) / 1024))

# Before the rest of an awk program: v["name"] is the value of name=value in an event, stamp()
# its time in seconds, comm(pid) the name of a process or thread, uptime() the time now.
# shellcheck disable=SC2034,SC2016
event='
function stamp() { match($0, / [0-9]+\.[0-9]+: /); return substr($0, RSTART + 1, RLENGTH - 3) }
function comm(pid, file, line) {
	if (pid in names)
		return names[pid]
	file = "/proc/" pid "/comm"
	if ((getline line <file) <= 0)
		line = "(ended)"
	close(file)
	# Who chose it may mean harm to the terminal
	gsub(/[^ -~]/, "?", line)
	return names[pid] = line
}
function uptime(line) {
	getline line <"/proc/uptime"
	close("/proc/uptime")
	return line + 0
}
/^CPU:[0-9]+ \[LOST / { lost = 1 }
{ split("", v); for (i = 1; i <= NF; i++) if (split($i, pair, "=") == 2) v[pair[1]] = pair[2] }
END {
	if (lost)
		print "Events came too fast, and some are not counted here." | "cat >&2"
}
'

# Check what is needed and the number of seconds, the only argument of all scripts.
seconds_of() {
	case ${1-10} in
	'' | *[!0-9]*)
		echo "usage: ${0##*/} [SECONDS]" >&2
		exit 2
		;;
	esac
	if [ ! -w $tracing/instances ]; then
		echo "${0##*/}: cannot trace. Be root; mount -t tracefs none /sys/kernel/tracing" >&2
		exit 3
	fi
	if [ ! -d $tracing/events/knumad ]; then
		echo "${0##*/}: no knumad in this kernel." >&2
		exit 4
	fi
	seconds=${1-10}
	# Ctrl-C ends tracing, and not what is done with the events then
	trap : INT
}

# Print these events for so many seconds, from a buffer of our own: others may trace, too.
trace() {
	trap : HUP INT TERM
	instance=$tracing/instances/knumad-$$
	mkdir "$instance" || exit 1
	# In the background, so that Ctrl-C does not end it
	cat "$instance/trace_pipe" &
	reader=$!
	trap 'kill -s PIPE $reader; wait $reader; rmdir "$instance"' EXIT
	for name; do
		echo 1 >"$instance/events/knumad/$name/enable" || exit 1
	done
	sleep "$seconds" &
	wait $! || kill -s PIPE $!
	echo 0 >"$instance/events/enable"
	# A shell tells of all signals that end a command, but of this one
	kill -s PIPE $reader
	wait $reader
	# What it has not read yet
	cat "$instance/trace"
	trap 'rmdir "$instance"' EXIT
}

# Make something of the events, by awk.
digest() {
	trap '' INT
	LC_ALL=C awk "$@"
}
