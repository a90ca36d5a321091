# SPDX-License-Identifier: GPL-2.0
# Hinting faults and pages moved.  $data: a block per series for the faults, then one per
# series for the pages, lines of workload number and count; groups[]: the workloads.

set logscale y
set format y "%.0s%c"
set xrange [0.5:|groups|+0.5]
set yrange [0.5:most*2]
set xtics ()
w = 0.84 / N
set boxwidth w
x(i, n) = n + (i - (N+1)/2.0) * w
set multiplot layout 2,1 title heading \
	margins 85/width,1-20/width,105.0/height,1-40/height spacing 0,30/height
do for [row=0:1] {
	if (row == 1) {
		unset key
		set for [i=1:|groups|] xtics add (groups[i] i)
	} else {
		set for [i=1:|groups|] xtics add ("" i)
	}
	set ylabel what[row+1]
	# A logarithmic axis has no zero: it is written.  (gnuplot 5.4 crashes if a whole plot is NaN.)
	plot for [i=1:N] $data index (row*N+i-1) using (x(i, $1)):($2 > 0 ? $2 : 0.5) with boxes \
		fs pattern hatch[kind[i]] border lc rgb "black" lc rgb shade[kind[i]] title name[i], \
		for [i=1:N] $data index (row*N+i-1) using (x(i, $1)):(0.5):($2 > 0 ? "" : "0") \
		with labels offset 0,0.5 font ",8" notitle
}
unset multiplot
