#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests of knumadctl that need no kernel with knumad, reported as TAP.
#
# Usage: tests/check.sh DIRECTORY, where knumadctl, unit and pty were built
set -u
# gnuplot, man and bash may be missing: those tests are skipped then
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d)
export TMPDIR="$tmp"		# also for programs that are killed
trap 'rm -rf "$tmp"' EXIT
number=0
failed=0

# An answer to the command before: did it do what is expected?
report() {
	status=$?
	number=$((number + 1))
	if [ $status -eq 0 ]; then
		echo "ok $number - $1"
	else
		failed=1
		sed 's/^/# /' "$tmp/said"
		echo "not ok $number - $1"
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# A script for pty
on_terminal() {
	TERM=$1 "$build/pty" "$build/unit" top >"$tmp/said" 2>&1
}

echo 'TAP version 13'

"$build/unit" >"$tmp/unit"
unit_status=$?
grep -v -e '^TAP version' -e '^1\.\.' "$tmp/unit"
number=$(grep -c -E '^(not )?ok ' "$tmp/unit")
grep -q '^not ok' "$tmp/unit" && failed=1
echo "exit status $unit_status" >"$tmp/said"
[ $unit_status -eq 0 ] && grep -qx "1\.\.$number" "$tmp/unit"
report 'unit tests run to their end'

for term in xterm vt100 linux; do
	on_terminal $term <tests/top.pty
	report "top on a terminal: $term"
done

for signal in 1 2 3 15; do
	printf '%s\n' 'expect knumad always' "signal $signal" "exits $((128 + signal))" restored |
		on_terminal xterm
	report "top restores the terminal after signal $signal"
done

"$build/pty" -c 59 "$build/unit" top >"$tmp/said" 2>&1 <<-'SCRIPT'
	expect the terminal has 59 columns and 24 rows
	exits 1
	restored
SCRIPT
report 'top refuses a terminal that is too small'

"$build/pty" -r 12 -c 60 "$build/unit" top >"$tmp/said" 2>&1 <<-'SCRIPT'
	expect VERDICT
	expect 77 post gre
	expect q quit
	send q
	exits 0
SCRIPT
report 'top is content with the smallest one'

on_terminal no-such-terminal <<-'SCRIPT'
	expect the terminal type 'no-such-terminal' is not known
	exits 1
	restored
SCRIPT
report 'top names a terminal type that is not known'

"$build/knumadctl" report --json tests/example.rec >"$tmp/said" 2>&1 &&
	grep -q '"pid": 74, "comm": "process 0"' "$tmp/said"
report 'report --json of a recording'

"$build/knumadctl" report -p 74 tests/example.rec >"$tmp/said" 2>&1 &&
	grep -q '== process 74 (process 0)' "$tmp/said" && ! grep -q '== process 75' "$tmp/said"
report 'report of one process of a recording'

"$build/knumadctl" report -p 4711 tests/example.rec >"$tmp/said" 2>&1
[ $? -eq 5 ] && grep -q 'has no process 4711' "$tmp/said"
report 'report of a process that is not in the recording'

(PATH=$tmp && "$build/knumadctl" report --svg "$tmp/none" tests/example.rec) >"$tmp/said" 2>&1
[ $? -eq 1 ] && grep -q 'gnuplot is not installed' "$tmp/said" && grep -q 'gnuplot-nox' "$tmp/said"
report 'report --svg without gnuplot'

if has gnuplot; then
	"$build/knumadctl" report --png "$tmp/png" tests/example.rec >"$tmp/said" 2>&1 &&
		(for picture in overview process-74 process-75; do
			head -c 4 "$tmp/png/$picture.png" | grep -q PNG || exit 1
		done)
	report 'report --png'
	"$build/knumadctl" report -p 75 --svg "$tmp/svg" tests/example.rec >"$tmp/said" 2>&1 &&
		grep -q '</svg>' "$tmp/svg/overview.svg" &&
		grep -q 'process 75' "$tmp/svg/process-75.svg" && [ ! -e "$tmp/svg/process-74.svg" ]
	report 'report --svg of one process'
else
	skip 'report --png' 'no gnuplot'
	skip 'report --svg of one process' 'no gnuplot'
fi

make -s install OUTPUT="$build" DESTDIR="$tmp/root" PREFIX=/usr >"$tmp/said" 2>&1 &&
	[ -x "$tmp/root/usr/bin/knumadctl" ] &&
	[ -e "$tmp/root/usr/share/man/man8/knumadctl.8" ] &&
	[ -e "$tmp/root/usr/share/bash-completion/completions/knumadctl" ] &&
	[ -x "$tmp/root/usr/share/knumadctl/why-not.sh" ] &&
	grep -qx 'ExecStart=/usr/bin/knumadctl apply' "$tmp/root/lib/systemd/system/knumad.service" &&
	echo '# mine' >"$tmp/root/etc/knumad.conf" &&
	make -s install OUTPUT="$build" DESTDIR="$tmp/root" PREFIX=/usr >"$tmp/said" 2>&1 &&
	grep -qx '# mine' "$tmp/root/etc/knumad.conf"
report 'install, and again: the settings stay'

if has man; then
	LC_ALL=C.UTF-8 man --warnings -l knumadctl.8 2>"$tmp/said" >/dev/null && [ ! -s "$tmp/said" ]
	report 'man page: no warnings'
else
	skip 'man page: no warnings' 'no man'
fi

# Every option that a command knows is in the man page, and completed
status=0
: >"$tmp/said"
for command in $("$build/knumadctl" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
	for option in $("$build/knumadctl" "$command" --help | grep -o -e '--[a-z-]*' | sort -u); do
		[ "$option" != -- ] || continue
		sed 's/\\-/-/g; s/\\f.//g' knumadctl.8 | grep -q -e "$option" ||
			{ echo "man: $command $option" >>"$tmp/said"; status=1; }
		grep -q -e "$option" knumadctl.bash ||
			{ echo "completion: $command $option" >>"$tmp/said"; status=1; }
	done
done
(exit $status)
report 'man page and completion know all options'

if has bash; then
	bash tests/completion.bash >"$tmp/said" 2>&1
	report 'bash completion'
else
	skip 'bash completion' 'no bash'
fi

echo "1..$number"
exit $failed
