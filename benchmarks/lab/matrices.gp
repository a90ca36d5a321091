# SPDX-License-Identifier: GPL-2.0
# Heat maps: which node accesses the memory of which.  $data: a block per series for before,
# then one per series for after, lines of memory node, CPU node and percent; -1: not known.

set palette defined (0 "#ffffff", 1 "#0b3c6f")
set cbrange [0:most]
unset colorbox
unset key
unset grid
set border 15
set xrange [-0.5:nodes-0.5]
set yrange [nodes-0.5:-0.5]
set xtics 1 scale 0
set ytics 1 scale 0
set multiplot layout 2,N title heading \
	margins left/width,1-right/width,bottom/height,1-top/height spacing gap/width,gap/height
do for [row=0:1] {
	do for [i=1:N] {
		set title (row == 0 ? name[i] : "") offset 0,-0.5
		set xlabel (row == 1 ? "node of the memory" : "") offset 0,0.3
		set ylabel (i == 1 ? when[row+1]."\nnode of the CPU" : "") offset 0.5,0
		plot $data index (row*N+i-1) using 1:2:($3 < 0 ? 0 : $3) with image pixels, \
			"" index (row*N+i-1) \
			using 1:2:($3 < 0 ? "-" : $3 < 0.05 ? "0" : sprintf("%.1f %%", $3)) \
			:($3 > most*0.6 ? 0xffffff : 0) \
			with labels tc rgb variable font ",".letters
	}
}
unset multiplot
