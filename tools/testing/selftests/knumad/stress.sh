#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# stress.sh SECONDS: the tests in which processes and mappings change all the time,
# at the highest sampling rate, again and again for so long.
set -eu
cd "$(dirname "$0")"

seconds=${1:?how many seconds?}
said=$(mktemp)
trap 'rm -f "$said"' EXIT
number=0
failed=0

now()
{
	cut -d. -f1 /proc/uptime
}

again()
{
	status=0
	"$@" >"$said" 2>&1 || status=$?
	# A program that finds none of the tests it is asked for, or skips all, is content with that
	grep '^ok ' "$said" | grep -qv '# SKIP' || status=1
	number=$((number + 1))
	if [ $status -eq 0 ] || [ $status -eq 4 ]; then
		echo "ok $number $*, at $(($(now) - start)) s"
	else
		sed 's/^/# /' "$said"
		echo "not ok $number $*, at $(($(now) - start)) s"
		failed=1
	fi
}

echo "TAP version 13"
start=$(now)
while [ $(($(now) - start)) -lt "$seconds" ]; do
	again ./armed -f pest
	again ./calls
	again ./storm
	again ./switch
done
echo "1..$number"
exit $failed
