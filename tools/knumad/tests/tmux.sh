#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# knumadctl top in tmux, of 80 columns and 24 lines, reported as TAP.
#
# Usage: tests/tmux.sh COMMAND [ARGUMENT...]
#
# The command, of plain words, is a shell of root on a machine of two nodes that has knumad,
# knumadctl and misplaced: scripts/guest.py --shell. It is to end by "poweroff".
set -u
tmp=$(mktemp -d)
trap 'mux kill-server 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0
failed=0

mux() {
	LC_ALL=C.UTF-8 tmux -f "$tmp/conf" -S "$tmp/socket" "$@"
}

# What is on the screen; a line that was wrapped is one line here
screen() {
	mux capture-pane -p -J | sed 's/ *$//'
}

row() {
	screen | sed -n "$1p"
}

report() {
	status=$?
	number=$((number + 1))
	if [ $status -eq 0 ]; then
		echo "ok $number - $1"
	else
		failed=1
		screen | sed 's/^/# |/'
		echo "not ok $number - $1"
	fi
}

# Wait until a command succeeds, for three minutes at most: it may have to boot a machine
await() {
	left=900
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}

sees() {
	screen | grep -q -e "$1"
}

# shellcheck disable=SC2317 # called by await
sees_no() {
	screen >"$tmp/now" && ! grep -q -e "$1" "$tmp/now"
}

# shellcheck disable=SC2317 # called by await
row_is() {
	row "$1" | grep -qx -e "$2"
}

# shellcheck disable=SC2317 # called by await
is_over() {
	! mux has-session 2>/dev/null
}

keys() {
	mux send-keys -l "$1"
}

enter() {
	keys "$1" && mux send-keys Enter
}

echo 'TAP version 13'
if ! command -v tmux >/dev/null; then
	echo 'not ok 1 - tmux is not installed: apt-get install tmux'
	echo '1..1'
	exit 1
fi
echo 'set -g status off' >"$tmp/conf"
mux new-session -d -x 80 -y 24 "$*"

# While it touches its memory, it runs where that is: this may be seen as its home.
await sees '#$' && enter 'misplaced 0 1 64 &' && enter 'misplaced 1 0 32 &' &&
	enter 'knumadctl on; clear; echo "as it was" before' && await row_is 1 'as it was before' &&
	enter 'knumadctl top -d 0.5' && await sees ' misplaced  *1 .* 64M .* home$' &&
	await sees ' misplaced  *0 .* 32M .* home$'
report 'top starts, and sees what it should see'

number_of='[0-9][0-9.]*'
await row_is 1 "knumad always, pack; 2 watched, 2 at home; local $number_of %; $number_of MB/s, $number_of faults/s"
report 'the title'

row_is 2 'NODE CPUS  CPU%  FREE MB TOTAL MB LOCAL%  USES NODE%:     0     1' &&
	row_is 3 "   0    2 *$number_of *$number_of *$number_of *$number_of *$number_of *$number_of" &&
	row_is 4 "   1    2 *$number_of *$number_of *$number_of *$number_of *$number_of *$number_of" &&
	row_is 5 '    PID COMMAND    HOME BY NODE *MEMORY LOCAL%   MB/s  FLT/s SCAN% VERDICT' &&
	row_is 24 'q quit  h help  t threads  up/down select  P M L F V N sort'
report 'headings, nodes and keys, each on its line'

[ "$(screen | wc -l)" -eq 24 ] && ! screen | grep -q '.\{81\}'
report 'no line is wider than the screen'

keys M && await row_is 6 '.* misplaced .* 64M .*' && row_is 7 '.* misplaced .* 32M .*' &&
	keys R && await row_is 6 '.* misplaced .* 32M .*' && row_is 7 '.* misplaced .* 64M .*' &&
	keys N && await row_is 6 '.* misplaced .* 32M .*' && keys R &&
	await row_is 6 '.* misplaced .* 64M .*'
report 'sort by memory and number, and the other way round'

keys t && await row_is 8 " *[0-9]* misplaced .* on node 1, CPU [23], using $number_of % of it" &&
	row_is 7 ' *[0-9]* misplaced .* on node 1, CPU [23].*' && row_is 9 '.* misplaced .* 32M .*' &&
	keys t && await sees_no 'on node 1, CPU'
report 'threads of a process, and back'

keys h && await row_is 1 'knumadctl top: keys, and what the columns mean' && sees '^q  *quit$' &&
	keys h && await sees_no 'any key leaves it' && sees 'VERDICT$'
report 'help, and back'

keys q && await sees_no VERDICT && row_is 1 'as it was before' && row_is 2 '.*# knumadctl top -d 0.5' &&
	[ "$(mux display-message -p '#{alternate_on} #{cursor_flag}')" = '0 1' ] &&
	enter 'echo "the status" was $?' && await row_is 3 '.*# echo "the status" was \$?' &&
	await row_is 4 'the status was 0'
report 'q: the screen is as it was before, and so are cursor and keys'

enter 'poweroff' && await is_over
report 'the end'

echo "1..$number"
exit $failed
