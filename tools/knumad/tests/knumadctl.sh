#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests of knumadctl on a machine with knumad, reported as TAP. They want to be root on a
# machine with two nodes that nobody else uses: the guest of this repository.
#
# Needs knumadctl, its scripts beside this directory; in it pty, crowd, first-steps.sh and the
# admin guide; perf, misplaced, and a user called nobody. Whatever is not there fails the tests that need it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
chmod 777 "$tmp"
cd "$tmp" || exit 1
sysfs=/sys/kernel/mm/knumad
number=0
failed=0
workers=

# shellcheck disable=SC2317 # called by trap
cleanup() {
	end_workers
	echo never >"$sysfs/enabled"
	rmdir /sys/fs/cgroup/knumadctl-test 2>/dev/null
	cd /
	rm -rf "$tmp"
}
trap cleanup EXIT

result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		failed=1
		sed 's/^/# /' said
		echo "not ok $number - $2"
	fi
}

# Run a command, what it prints goes to the file "said"; it must end with status $1
run() {
	wanted=$1
	shift
	"$@" >said 2>&1
	status=$?
	[ $status -eq "$wanted" ] && return
	echo "exit status $status, not $wanted: $*" >>said
	return 1
}

# The same as user nobody
run_as_nobody() {
	wanted=$1
	shift
	run "$wanted" su nobody -s /bin/sh -c "$*"
}

# Does the file "said" have all of these?
said() {
	for text; do
		grep -qF -e "$text" said && continue
		echo "lacks: $text" >>said
		return 1
	done
}

# Wait until a command succeeds, for a minute at most
await() {
	left=300
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}

has_process_file() {
	[ -e /proc/self/knumad ]
}

is_watched() {
	knumadctl status 2>&1 | grep "^ *$1 " | grep -qv ' unwatched$'
}

# Not watched, and all of its memory on node 0
# shellcheck disable=SC2317 # called by await
is_listed() {
	run 0 knumadctl status && grep -q "^ *$1 misplaced  *- 00* .* unwatched\$" said
}

# While it still begins, a misplaced process is at home on node 0
# shellcheck disable=SC2317 # called by await
is_gathered() {
	knumadctl status 2>&1 | grep -q "^ *$1 misplaced  *1 1* .* home\$"
}

# Does the explanation of a process, line breaks aside, have this?
# shellcheck disable=SC2317 # called by await
explained() {
	knumadctl explain "$1" >said 2>&1 && tr '\n' ' ' <said | grep -qF -e "$2"
}

# Two threads whose memory of 64 MB is on node 0, and who may run on node 1 only: $worker
start_misplaced() {
	"$@" misplaced 0 1 64 &
	worker=$!
	workers="$workers $worker"
}

end_workers() {
	for pid in $workers; do
		kill "$pid" && wait "$pid"
	done 2>/dev/null
	workers=
}

echo 'TAP version 13'
echo never >$sysfs/enabled

# Every command says so if there is no knumad. With another directory in its place there is none.
no_knumad() {
	for command in status on off 'run --in true' 'set 1 in' 'explain 1' top 'top -b' record metrics \
			apply; do
		# shellcheck disable=SC2086 # words
		run 4 unshare -m sh -c 'mount -t tmpfs none /sys/kernel/mm && exec knumadctl "$@"' \
			sh $command && said 'no knumad in this kernel' 'CONFIG_KNUMAD=y' || return 1
	done
}
no_knumad
result $? 'no knumad in this kernel'

run 4 unshare -m sh -c 'mount -t tmpfs none /sys/kernel/mm && mount -t tmpfs none /proc &&
			exec knumadctl status' && said 'mount -t proc none /proc'
result $? 'no procfs, either'

run 0 knumadctl status && said 'knumad is never' "'knumadctl on'" 'NODE' 'No process is watched'
result $? 'status: off'

run 0 knumadctl on && run 0 knumadctl status && said 'knumad is always' &&
	run 0 knumadctl on opt-in && run 0 knumadctl status && said 'knumad is opt-in' &&
	run 0 knumadctl off && run 0 knumadctl status && said 'knumad is never'
result $? 'on, on opt-in, off'

run_as_nobody 3 knumadctl on && said "may not write $sysfs/enabled" 'sudo' &&
	run_as_nobody 3 knumadctl off && grep -qF '[never]' $sysfs/enabled
result $? 'on and off: not for users'

run_as_nobody 0 knumadctl status && said 'knumad is never' 'NODE'
result $? 'status: for users, too'

run 7 knumadctl run --in -- sh -c 'exit 7' && run 0 knumadctl run --out true &&
	run 127 knumadctl run --in -- /no/such/command && said '/no/such/command' &&
	run 126 knumadctl run --in -- /etc && said 'cannot run /etc'
result $? 'run: the exit status of the command'

# Only who is in is watched
knumadctl on opt-in
start_misplaced
outsider=$worker
start_misplaced knumadctl run --in --
await is_watched "$worker" && ! is_watched "$outsider"
result $? 'run --in: watched while knumad is opt-in'

await is_listed "$outsider" && said 'Not watched' && run 0 knumadctl status --json &&
	said '"misplaced": [{"pid": '"$outsider, "
result $? 'status: who is misplaced, and not watched'

run 0 knumadctl explain "$outsider" && said 'knumad is opt-in' 'MB of anonymous memory' 'node 0'
result $? 'explain: not in'

if has_process_file; then
	run 0 knumadctl set "$outsider" in && await is_watched "$outsider"
	result $? 'set in: watched'
	run 0 knumadctl set "$outsider" out && await explained "$outsider" 'or who started it, said so'
	result $? 'set out: left alone'
	run 0 knumadctl set "$outsider" default && await explained "$outsider" "'knumadctl set $outsider in'"
	result $? 'set default: as before'
	run_as_nobody 3 knumadctl set "$outsider" in && said 'not yours' &&
		run_as_nobody 3 knumadctl explain "$outsider" && said 'not yours' 'sudo'
	result $? 'set, explain: not for other users'
	# shellcheck disable=SC2016 # expanded there
	run_as_nobody 0 'sleep 60 & knumadctl set $! in && knumadctl explain $!; s=$?; kill $!; exit $s' &&
		said 'too small' 'the process itself is in'
	result $? 'set, explain: for the owner'
	run 5 knumadctl set 2 in && said 'kernel thread'
	result $? 'set: not a kernel thread'
else
	run 4 knumadctl set "$outsider" in && said 'knumadctl run --in|--out'
	result $? 'set: a kernel without /proc/PID/knumad'
	run_as_nobody 3 knumadctl explain "$outsider" && said 'debugfs is for root only'
	result $? 'explain: a kernel without /proc/PID/knumad'
fi

run 5 knumadctl set 4000000 in && said 'no process 4000000' &&
	run 5 knumadctl explain 4000000 && said 'no process 4000000' 'ps -e' &&
	run 5 knumadctl record -p 4000000 && said 'no process 4000000'
result $? 'no such process'

run 5 knumadctl explain 2 && said 'thread of the kernel'
result $? 'explain: a thread of the kernel'

end_workers
knumadctl on
start_misplaced
await is_gathered "$worker" && run 0 knumadctl status && said "$worker misplaced" '111111111111'
result $? 'status: a process that has been gathered'

run 0 knumadctl explain "$worker" && said "Process $worker (misplaced): home" 'node 1' 'moved' &&
	run 0 knumadctl explain --json "$worker" && said "\"pid\": $worker" '"verdict": "home"'
result $? 'explain'

# One service is excluded, by its group
group=/sys/fs/cgroup/knumadctl-test
gathered=$worker
start_misplaced
excluded=$worker
worker=$gathered
echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir $group &&
	echo never >$group/memory.knumad && echo "$excluded" >$group/cgroup.procs &&
	await explained "$excluded" 'of it, or of one above, says never' &&
	explained "$excluded" 'its control groups say never' && ! is_gathered "$excluded"
result $? 'explain: its group says never'
echo default >$group/memory.knumad && await is_gathered "$excluded"
result $? 'a group that no longer says never'
kill "$excluded"
wait "$excluded" 2>/dev/null
rmdir $group

run 0 knumadctl status --json && said '"enabled": "always"' "\"pid\": $worker" '"home": 1' '"nodes": ['
result $? 'status --json'

run 0 knumadctl top -b -n 2 -d 0.5 -p "$worker" -t && said "$worker misplaced" 'on node 1, CPU' 'MB/s'
result $? 'top -b'

run 1 knumadctl top </dev/null && said 'not a terminal' 'top -b'
result $? 'top: not a terminal'

run 0 knumadctl metrics --processes && said 'knumad_enabled{mode="always"} 1' \
	'knumad_pages_migrated_total' "knumad_process_resident_bytes{pid=\"$worker\""
result $? 'metrics'

run 0 knumadctl metrics -o metrics.prom && grep -q '^knumad_pages_scanned_total [1-9]' metrics.prom &&
	[ "$(stat -c %a metrics.prom)" = 644 ] && [ "$(echo metrics.prom*)" = metrics.prom ] &&
	run 1 knumadctl metrics -o /no/such/directory/metrics.prom && said 'cannot write'
result $? 'metrics -o'

# The whole of top, on a terminal
run 0 env TERM=xterm "$here/pty" knumadctl top -d 0.5 <<-SCRIPT
	expect USES NODE%:
	expect $worker misplaced
	expect MB/s
	send h
	expect this help
	send x
	gone this help
	send t
	expect on node 1, CPU
	send n
	expect q quit
	resize 5 20
	expect The terminal is too
	resize 24 80
	expect VERDICT
	send q
	exits 0
	restored
SCRIPT
result $? 'top on a terminal'

run 0 env TERM=linux "$here/pty" knumadctl top <<-SCRIPT
	expect $worker misplaced
	signal 15
	exits 143
	restored
SCRIPT
result $? 'top restores the terminal when it is killed'

run 0 env TERM=vt100 "$here/pty" -r 11 knumadctl top <<-SCRIPT
	expect has 80 columns and 11 rows
	exits 1
SCRIPT
result $? 'top: the terminal is too small'

chmod 711 "$here"
run_as_nobody 0 "printf '%s\n' 'expect NODE' 'send q' 'exits 0' restored |
		 TERM=xterm '$here/pty' knumadctl top"
result $? 'top: for users, too'

run 0 knumadctl record -i 0.2 -n 5 -o watched.rec && said '5 samples' &&
	run 0 knumadctl report watched.rec &&
	said "process $worker (misplaced)" 'local share' 'verdict'
result $? 'record what is watched, and report'

run 0 knumadctl record -i 0.2 -n 3 -o one.rec -p "$worker" && run 0 knumadctl report --json one.rec &&
	said "\"pid\": $worker" '"samples": 3'
result $? 'record one process'

run_as_nobody 3 knumadctl record -n 1 -o no.rec -p "$worker" && said 'not yours' 'sudo'
result $? 'record: not for other users'

run 1 knumadctl report --svg pictures one.rec && said 'gnuplot is not installed' 'gnuplot-nox'
result $? 'report --svg without gnuplot'

end_workers
knumadctl off
run 0 sh "$here/first-steps.sh" "$here/knumad.rst"
result $? 'first steps: as in the admin guide'
knumadctl off

run 1 knumadctl record -n 1 -o no.rec && said 'knumad is off' '-p PID'
result $? 'record: nothing is watched'

# Before and after, as the man page has it: in the end all is on node 1, in the beginning nothing
knumadctl record -i 0.2 -o effect.rec -- misplaced 0 1 64 >said 2>&1 &
recorder=$!
await grep -qs '^p .* off ' effect.rec && knumadctl on &&
	await grep -qs '^p .* home 1 .* 0,[0-9]* [0-9,]*$' effect.rec
seen=$?
kill $recorder
wait $recorder
[ $seen -eq 0 ] && run 0 knumadctl report effect.rec &&
	said 'was never at the beginning and always at the end' 'off |' 'home |'
result $? 'record a command: the effect of switching on'

run 3 knumadctl record -o status.rec -- sh -c 'exit 3' &&
	run 127 knumadctl record -o status.rec -- /no/command
result $? 'record: the exit status of the command'

run_as_nobody 0 "knumadctl record -i 0.2 -n 3 -o user.rec -- misplaced 0 1 16" &&
	run 0 knumadctl report user.rec && said 'misplaced'
result $? 'record: for users, of their own'

# Settings
before=$(cat $sysfs/cpu_percent)
cat >good.conf <<-'CONF'
	cpu_percent = 20
	scan_interval_ms = 90000
	scan_max_interval_ms = 90000
	enabled = opt-in
CONF
cat >back.conf <<-CONF
	scan_max_interval_ms = 60000
	scan_interval_ms = 1000
	enabled = never
	cpu_percent = $before
CONF
printf 'cpu_percent = 30\n\nspeed = 9\n' >bad.conf
run 0 knumadctl apply good.conf && said "cpu_percent = 20 (was $before)" &&
	[ "$(cat $sysfs/cpu_percent $sysfs/scan_interval_ms)" = "20
90000" ] && grep -qF '[opt-in]' $sysfs/enabled && run 0 knumadctl status && said 'cpu_percent = 20'
result $? 'apply'

run 1 knumadctl apply bad.conf && said 'line 3' "'speed'" 'Nothing was changed' &&
	[ "$(cat $sysfs/cpu_percent)" = 20 ]
result $? 'apply: a wrong line'

run_as_nobody 3 knumadctl apply back.conf && said 'sudo' && run_as_nobody 0 knumadctl apply -n back.conf &&
	[ "$(cat $sysfs/cpu_percent)" = 20 ]
result $? 'apply: not for users'

run 0 knumadctl apply back.conf && [ "$(cat $sysfs/cpu_percent)" = "$before" ] &&
	[ "$(cat $sysfs/scan_interval_ms)" = 1000 ] && grep -qF '[never]' $sysfs/enabled
result $? 'apply: back, in the order that is possible'

run 1 knumadctl apply /no/such.conf && said 'cannot read /no/such.conf'
result $? 'apply: no such file'

# debugfs is not mounted
start_misplaced
knumadctl on
await is_gathered "$worker"
umount /sys/kernel/debug
run 0 knumadctl status && if has_process_file; then
	said "$worker misplaced"
else
	said 'mount -t debugfs none /sys/kernel/debug' && run 3 knumadctl explain "$worker" &&
		said 'mount -t debugfs none /sys/kernel/debug'
fi
result $? 'without debugfs'
mount -t debugfs none /sys/kernel/debug
end_workers

# Thousands of processes: what there is to do grows as their number, not as its square.
few=500
many=$((4 * few))

# Does knumad watch so many processes?
# shellcheck disable=SC2317 # called by await
watches() {
	[ "$(sed -n 's/^mms_watched //p' /sys/kernel/debug/knumad/stats)" -ge "$1" ]
}

# Lines "CALLS MICROSECONDS KB COMMAND" with so many processes
costs() {
	"$here/crowd" "$1" 1300 >said &
	workers=$!
	await grep -q ready said && await watches "$1" || return
	for command in status 'status --json' metrics 'metrics --processes' 'top -b -n 1' \
			'top -b -n 2 -d 0.1'; do
		# shellcheck disable=SC2086 # words
		echo "$("$here/crowd" cost knumadctl $command) $command" || return
	done
	end_workers
}

old_mb=$(cat $sysfs/min_resident_mb)
old_ms=$(cat $sysfs/min_cpu_ms)
echo 1 >$sysfs/min_resident_mb
echo 0 >$sysfs/min_cpu_ms
knumadctl on
costs $few >costs.few && costs $many >costs.many && awk -v few=$few -v many=$many '
NR == FNR { calls[FNR] = $1; us[FNR] = $2; kb[FNR] = $3; next }
{
	printf "# %d and %d processes: calls %d, %d; ms %.1f, %.1f; kB %d, %d:", few, many,
	       calls[FNR], $1, us[FNR] / 1000, $2 / 1000, kb[FNR], $3
	for (i = 4; i <= NF; i++)
		printf " %s", $i
	print ""
	# Four times as many. Times only inform: they are those of an emulated machine that
	# may stand still now and then; the unit tests see to them
	if ($1 < 3 * calls[FNR] || $1 > 4.1 * calls[FNR] || $3 > 4.1 * kb[FNR])
		bad = 1
}
END { exit bad || FNR != 6 }' costs.few costs.many >said
linear=$?
grep '^#' said
(exit $linear)
result $? 'thousands of processes: linear'
knumadctl off
echo "$old_mb" >$sysfs/min_resident_mb
echo "$old_ms" >$sysfs/min_cpu_ms

# The scripts, all of them while knumad brings threads to their memory, and then memory to its
# threads. What they tell when it is over, and Ctrl-C is typed, are the kernel's own figures.
scripts='who-moved why-not pass-cost thread-moves home-changes'

counters() {
	cat /sys/kernel/debug/knumad/stats
	sed -n 's/^knumad_/vm_/p' /proc/vmstat
}

# How much has a counter grown meanwhile?
grown() {
	awk -v name="$1" '$1 == name { n = $2 - n } END { print n + 0 }' before after
}

# shellcheck disable=SC2317 # called by await
all_trace() {
	[ "$(cat /sys/kernel/tracing/instances/knumad-*/events/knumad/enable 2>/dev/null |
	     grep -c '[1X]')" -eq 5 ]
}

# shellcheck disable=SC2317 # called by await
has_begun() {
	[ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ]
}

# One thread to another node than this one; then they may run everywhere again
put_away() {
	case $1 in
	0) cpus=c ;;
	1) cpus=3 ;;
	*) return ;;
	esac
	taskset -p $cpus "$worker" && for thread in /proc/"$worker"/task/*; do
		taskset -p "${all_cpus##* }" "${thread##*/}" || return
	done
} >said 2>&1

# The scheduler may be first to bring them together: part them until knumad has been
# shellcheck disable=SC2317 # called by await
threads_moved() {
	put_away "$(sed -n 's/^home //p' "/proc/$worker/knumad")"
	counters >after
	[ $(($(grown tasks_moved) + $(grown tasks_swapped))) -gt 0 ]
}

# On a terminal, where Ctrl-C is typed as soon as there is a file "end"
# shellcheck disable=SC2016 # expanded there
trace_until_end() {
	{
		until [ -e end ]; do
			sleep 0.2
		done
		printf 'send \003\nexits 0\n'
	} | TERM=xterm "$here/pty" sh -c 'exec "$0" 600 >"$1" 2>&1' "$here/../$1.sh" "$1.out" \
		>"$1.pty"
}

tracers=
for script in $scripts; do
	trace_until_end "$script" &
	tracers="$tracers $!"
done
start_misplaced
all_cpus=$(taskset -p $$)
# Its memory is on node 0, and one of its threads is now; the other one is still on node 1
await all_trace && await has_begun "$worker" && put_away 1
counters >before
knumadctl on
await threads_moved
happened=$?
echo "threads moved: exit status $happened" >summary
end_workers
start_misplaced
await is_gathered "$worker" || happened=1
echo "and gathered: $happened" >>summary
knumadctl off
counters >after
touch end
for tracer in $tracers; do
	wait "$tracer" || happened=1
done
echo "and all ended: $happened, pages $(grown pages_migrated), homes $(grown homes_set)" >>summary
tail -n 3 ./*.pty ./*.out >>summary
mv summary said
[ $happened -eq 0 ] && [ "$(grown pages_migrated)" -gt 0 ] && [ "$(grown homes_set)" -gt 0 ] &&
	! grep -q 'not counted' ./*.out
result $? 'scripts: Ctrl-C ends them when something has happened'

# So many lines like that?
lines() {
	[ "$(grep -c -e "$2" "$script.out")" -eq "$1" ] && return
	echo "not $1 lines with: $2" >>said
	return 1
}

# Rounded to 0.1 MB, line by line
moved_as_counted() {
	awk -v pages="$(grown pages_migrated)" -v kb=$(($(getconf PAGESIZE 2>/dev/null || echo 4096) / 1024)) \
		-v failed="$(grown migrate_failed)" '
	NR > 1 { mb += $(NF - 1); rest += $NF }
	END { off = mb - pages * kb / 1024; most = 0.05 * NR
	      exit off > most || off < -most || (!failed && rest) }' "$script.out" &&
		[ "$(grown pages_migrated)" -eq "$(grown vm_pages_migrated)" ]
}

# A line for each new verdict on a process, then those on pages with their number
verdicts_as_counted() {
	pages=
	# shellcheck disable=SC2013 # words
	for verdict in $(sed -n 's/^verdict_\([a-z_]*\) .*/\1/p' after); do
		if [ "$verdict" = shared ]; then
			pages=1
		fi
		count=$(grown "verdict_$verdict")
		if [ -z "$pages" ]; then
			lines "$count" " -> $verdict\$" || return
		else
			lines $((count > 0)) "^ *$count times $verdict\$" || return
		fi
	done
}

figure() {
	sed -n "s/^$1  *\([0-9.]*\).*/\1/p" "$script.out"
}

for script in $scripts; do
	cp "$script.out" said
	case $script in
	who-moved) grep -q "^ *$worker misplaced  *1  *[1-9]" said && moved_as_counted ;;
	why-not) grep -q " $worker misplaced .* -> home\$" said && verdicts_as_counted ;;
	pass-cost)
		[ "$(figure passes)" -eq "$(grown passes)" ] && [ "$(figure 'processes watched')" -ge 1 ] &&
			[ "$(figure 'pages looked at')" -eq "$(grown pages_scanned)" ]
		;;
	thread-moves)
		lines "$(grown tasks_moved)" ' CPU .* -> .*  moved$' &&
			lines "$(grown tasks_swapped)" ' CPU .* -> .*  exchanged with [0-9]*$' &&
			! grep -v ' CPU .* -> ' said
		;;
	home-changes)
		grep -q " $worker misplaced .* -> node 1 " said &&
			lines "$(grown homes_set)" ' process .* -> node ' &&
			lines "$(grown homes_cleared)" ' process .* -> none ' &&
			lines "$(grown thread_homes_set)" ' thread '
		;;
	esac
	result $? "script $script.sh: as counted"
done
end_workers
[ -z "$(ls /sys/kernel/tracing/instances)" ]
result $? 'scripts leave nothing behind'

run_as_nobody 3 "$here/../who-moved.sh" && said 'Be root' && run 2 "$here/../who-moved.sh" x && said 'usage:'
result $? 'scripts: who may, and how'

echo "1..$number"
exit $failed
