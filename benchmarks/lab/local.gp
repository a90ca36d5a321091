# SPDX-License-Identifier: GPL-2.0
# Local share over time.  $data: a block per series, lines of seconds and percent.

set title heading
set bmargin at screen 92.0/height
set xlabel "guest time (s)"
set ylabel "accesses to memory of the same node (%)"
set xrange [0:*]
set yrange [0:105]
set ytics 0,20,100
plot for [i=1:N] $data index (i-1) using 1:2 with linespoints lc rgb shade[kind[i]] \
	lw thick[kind[i]] dt dashes[kind[i]] pt marker[kind[i]] ps 0.9 pi gap+i title name[i]
