# SPDX-License-Identifier: GPL-2.0
# What knumad costs as a machine grows.  For each of five panels: $dataI, a block of sizes and
# instructions per line; titleI, axisI, linesI, namesI[]; growth.py sets format, too.

width = 1000
height = 640
load 'style.gp'
array mark[4] = [6, 8, 4, 7]
set logscale xy
set format y "10^{%T}"
set ylabel "instructions"
unset key
set key inside right bottom vertical Left reverse samplen 4 width 0
set offsets graph 0.05, graph 0.05, 0, 0
set multiplot layout 2,3
set termoption enhanced
do for [i=1:5] {
	eval sprintf("set title title%d; set xlabel axis%d; n = lines%d", i, i, i)
	eval sprintf("plot for [j=1:n] $data%d index (j-1) using 1:2 with linespoints lw 2 dt j pt mark[j] lc rgb shade[n > 1 ? j : 3] title names%d[j]", i, i)
}
unset multiplot
