#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A redis-server, filled with 48 Ki values of 1 KiB on the first node and then let go, and
# redis-benchmark that reads and writes them over the loopback device. Marks its begin and end.
set -e

cli() {
	redis-cli -h 127.0.0.1 "$@"
}

ifconfig lo 127.0.0.1 up
allowed=$(taskset -p $$ | sed 's/.*: //')
taskset -c "$(cat /sys/devices/system/node/node0/cpulist)" redis-server --bind 127.0.0.1 \
	--save '' --appendonly no --disable-thp no --daemonize yes
until cli ping >/dev/null 2>&1; do
	sleep 0.1
done
cli eval "local value = string.rep('x', 1024)
	for i = 0, 49151 do redis.call('set', string.format('key:%012d', i), value) end" 0
server=$(pidof redis-server)
taskset -ap "$allowed" "$server" >/dev/null

mark 1
redis-benchmark -h 127.0.0.1 -t set,get -d 1024 -r 49152 -n 70000 -P 16 -q >/tmp/redis
mark 15
tr '\r' '\n' </tmp/redis | grep 'per second'
[ "$(cli dbsize)" = 49152 ]
cli shutdown nosave
