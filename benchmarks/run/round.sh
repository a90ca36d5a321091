#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# One round, in the guest. Prints what sampler prints.
#
# Usage: round.sh off|mainline|knumad PERF_SECONDS THP_SECONDS MB
set -u

round=$1 perf_seconds=$2 thp_seconds=$3 mb=$4
switch=/sys/kernel/mm/knumad/enabled

# Mainline's switch and knumad's.
balancing() {
	echo "$1" >/proc/sys/kernel/numa_balancing || exit 1
	if [ -e $switch ]; then
		echo "$2" >$switch || exit 1
	elif [ "$2" != never ]; then
		echo "this kernel has no $switch" >&2
		exit 1
	fi
}

# Run the program $3... for $2 seconds as phase $1.
phase() {
	name=$1 seconds=$2
	shift 2
	# shellcheck disable=SC2086
	sampler $scatter "$round" "$name" "$seconds" "$@" 2>"/tmp/$name.log" ||
		sed "s/^/$name: /" "/tmp/$name.log"
}

balancing 0 never
case $round in
off) ;;
mainline) balancing 1 never ;;
knumad) balancing 0 always ;;
esac

# Two processes of two threads each; all of their memory, in 4 KiB pages, is
# first touched on node 0, and one thread of each starts on each node. Every
# thread sweeps all of its process's memory.
scatter='-s 2x2'
phase perf "$perf_seconds" \
	perf bench numa mem -p 2 -t 2 -P "$mb" -0 -z -Z -q -l 1000000 -s 1000

# A process in huge pages on node 1 that was sent to the CPUs of node 0.
scatter=
phase thp "$thp_seconds" misplaced 1 0 "$mb"

balancing 0 never
