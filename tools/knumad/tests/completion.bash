# SPDX-License-Identifier: GPL-2.0
# Does bash complete what it should? Says what it does not.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source-path=SCRIPTDIR source=../knumadctl.bash
. ./knumadctl.bash
status=0

# The words of a command line, the last one unfinished, then - what it may become
completes() {
	local line=() found

	while [ "$1" != = ]; do
		line+=("$1")
		shift
	done
	shift
	COMP_WORDS=("${line[@]}")
	COMP_CWORD=$((${#line[@]} - 1))
	_knumadctl
	found=" ${COMPREPLY[*]} "
	for word; do
		[[ $found == *" $word "* ]] && continue
		echo "${line[*]}: $word is not among:$found"
		status=1
	done
	[ $# -gt 0 ] || [ "$found" = '  ' ] || { echo "${line[*]}: finds$found"; status=1; }
}

completes knumadctl '' = status on off run set explain top record report metrics apply
completes knumadctl re = record report
completes knumadctl on '' = always opt-in
completes knumadctl on o = opt-in
completes knumadctl off '' =
completes knumadctl run --i = --in
completes knumadctl set '' = $$
completes knumadctl set 1 '' = in out default
completes knumadctl explain '' = $$
completes knumadctl top --d = --delay
completes knumadctl top -d '' =
completes knumadctl top -o '' = P M L F V N
completes knumadctl top -b -p '' = $$
completes knumadctl record -p '' = $$
completes knumadctl report -p 5 knumadctl.b = knumadctl.bash
completes knumadctl report --svg t = tests
completes knumadctl run --in -- ls = ls
exit $status
