# SPDX-License-Identifier: GPL-2.0
# Local share of all workloads.  $data: a block per series, lines of workload number, median,
# worst and best percent; series of kind 4 (hard-bound) become lines across their groups.

set title heading
set ylabel "accesses to memory of the same node (%)"
set xrange [0.5:|groups|+0.5]
set yrange [0:105]
set ytics 0,20,100
set xtics ()
set lmargin 9
set bmargin at screen 105.0/height
set for [i=1:|groups|] xtics add (groups[i] i)
w = 0.84 / bars
set boxwidth w
x(i, n) = n + (i - (bars+1)/2.0) * w
plot for [i=1:bars] $data index (i-1) using (x(i, $1)):2 with boxes \
	fs pattern hatch[kind[i]] border lc rgb "black" lc rgb shade[kind[i]] title name[i], \
	for [i=1:bars] $data index (i-1) using (x(i, $1)):3:(0):($4 > $3 ? $4 - $3 : NaN) \
	with vectors heads size 5/width*|groups|,90 lc rgb "white" lw 4 notitle, \
	for [i=1:bars] $data index (i-1) using (x(i, $1)):3:(0):($4 > $3 ? $4 - $3 : NaN) \
	with vectors heads size 5/width*|groups|,90 lc rgb "black" lw 1.5 notitle, \
	for [i=bars+1:N] $data index (i-1) using ($1 - 0.47):2:(0.94):(0) \
	with vectors nohead lc rgb "black" lw 3 dt 3 title "hard-bound"
