# SPDX-License-Identifier: GPL-2.0
# What all pictures share.  report.py sets format, width, height, N, and per series its
# name[] and kind[]: 1 balancing off, 2 mainline, 3 knumad, 4 hard-bound.
#
# Each kind has a colour of its own darkness, a dash type, a marker and a fill pattern.

reset
if (format eq "png") {
	set terminal pngcairo noenhanced size width,height font "DejaVu Sans,10" background "white"
} else {
	set terminal svg noenhanced size width,height font "DejaVu Sans,12" background "white"
}

array shade[4] = ["#a0a0a0", "#c05a00", "#0b3c6f", "#000000"]
array hatch[4] = [3, 5, 3, 2]
array marker[4] = [6, 8, 5, 1]
array thick[4] = [2, 2, 3, 2]
array dashes[4] = [1, 2, 1, 3]

set border 3
set tics nomirror out
set grid y lc rgb "#d8d8d8" lt 1 lw 1
set dashtype 2 (10,4)
set dashtype 3 (2,4)
# The legend is below everything else: leave it 25 pixels.
set key at screen 0.5,15.0/height center center horizontal samplen 3 width 2
