# SPDX-License-Identifier: GPL-2.0
# How long threads were inside NUMA work.  $data: a block per series, lines of
# floor(log2(ns)) and count; $edges: log2(ns) and its label.

set title heading
set bmargin at screen 92.0/height
set xlabel "time of a stretch inside NUMA work: each group counts those between the two marks"
set ylabel "stretches (count)"
set logscale y
set format y "%.0s%c"
set xrange [first:last]
set yrange [0.5:*]
w = 0.84 / N
set boxwidth w
set xtics ()
set for [i=1:|edges|] xtics add (edges[i] first + i - 1)
plot for [i=1:N] $data index (i-1) using ($1 + 0.5 + (i - (N+1)/2.0) * w):2 with boxes \
	fs pattern hatch[kind[i]] border lc rgb "black" lc rgb shade[kind[i]] title name[i]
