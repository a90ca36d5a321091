#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does what the admin guide has in its section "First steps" still happen?
#
# Usage: first-steps.sh FILE
#
# Runs the commands of that section of FILE, lines that begin with a # in literal blocks, one
# after the other in one shell, and compares what they print with what follows there. Other
# numbers will do, but for those of nodes, and for bars: twelve digits that say where memory is.
# What takes time is waited for: a command that changes nothing is run again and again.
set -u
tmp=$(mktemp -d)
# Nobody else ends what was started, if something is amiss; it would keep its CPUs busy
trap 'jobs -p >"$tmp/jobs"; xargs -r kill <"$tmp/jobs" 2>/dev/null; rm -rf "$tmp"' EXIT

# "command N" and "output N" of the Nth command
awk -v dir="$tmp" '
$0 == "First steps" { inside = 1 }
inside && /^===/ && before != "First steps" { exit }
/^[^ ]/ { file = "" }
{ before = $0 }
inside && /^      # / {
	nr++
	file = dir "/output." nr
	printf "" >file
	print substr($0, 9) >(dir "/command." nr)
	next
}
inside && file != "" { print substr($0, 7) >file }
END { print nr + 0 >(dir "/number") }' "$1"

number=$(cat "$tmp/number")
if [ "$number" -eq 0 ]; then
	echo "no commands in $1"
	exit 1
fi

# One word per line, since where lines are broken depends on numbers
words() {
	awk '{
		for (i = 1; i <= NF; i++) {
			word = plain = $i
			gsub(/^[(]|[.,;:()]+$/, "", plain)
			if (plain ~ /^[0-9][0-9.]*$/ && last !~ /^nodes?$/ && length(plain) < 12)
				gsub(/[0-9]+([.][0-9]+)?/, "N", word)
			last = $i
			print word
		}
	}' "$1"
}

changes_nothing() {
	case $1 in
	'knumadctl status'* | 'knumadctl explain'* | cat* | grep*) return 0 ;;
	esac
	return 1
}

nr=0
while [ $nr -lt "$number" ]; do
	nr=$((nr + 1))
	command=$(cat "$tmp/command.$nr")
	words "$tmp/output.$nr" >"$tmp/wanted"
	left=300
	while :; do
		# In this shell: what it sets is there for the next one
		eval "$command" >"$tmp/said" 2>&1
		words "$tmp/said" >"$tmp/found"
		cmp -s "$tmp/wanted" "$tmp/found" && break
		left=$((left - 1))
		if [ $left -eq 0 ] || ! changes_nothing "$command"; then
			echo "# $command"
			echo "prints:"
			cat "$tmp/said"
			echo "and should print something like:"
			cat "$tmp/output.$nr"
			exit 1
		fi
		sleep 0.2
	done
done
echo "$number commands"
