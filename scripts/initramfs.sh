#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What the guest runs.
#
#   build/initramfs.cpio   busybox, numactl, numastat, perf, knumadctl, our tests and programs
#   build/extras.cpio      stress-ng, redis and their libraries; big, so only for guests that ask for it
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=$(nproc)
mkdir -p build/log
scripts/kernel.sh source
exec 9>build/.lock
flock -n 9 || { echo "== another build is running, waiting for it"; flock 9; }

# Copy program $2 into the tree $1 as $3, with the shared libraries that it needs.
install_program() {
	local tree=$1 program=$2 library
	install -D "$program" "$tree/$3"
	{ ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
		[ -e "$tree/$library" ] || install -D "$(readlink -f "$library")" "$tree/$library"
	done
}

# Is the file $1.stamp not the text $2?
is_outdated() {
	[ ! -e "$1" ] || [ "$(cat "$1.stamp" 2>/dev/null)" != "$2" ]
}

# Debian's perf drags in Python and Perl: build a small static one, of each base once.
perf=build/perf/static
without=(NO_LIBPYTHON NO_LIBPERL NO_SLANG NO_LIBELF NO_LIBDW NO_LIBUNWIND NO_LIBCRYPTO
	NO_LIBBABELTRACE NO_LIBZSTD NO_LZMA NO_LIBCAP NO_AUXTRACE NO_LIBBPF NO_JVMTI
	NO_GTK2 NO_DEMANGLE NO_JEVENTS NO_SDT NO_LIBTRACEEVENT NO_LIBPFM4 NO_BACKTRACE)
stamp="$(dpkg-query -W -f '${Version}' linux-source-6.12) ${without[*]}"
if is_outdated $perf "$stamp"; then
	echo "== building perf (about 1 minute)"
	rm -rf build/perf
	mkdir -p build/perf
	make -j "$jobs" -C build/linux/tools/perf O="$PWD/build/perf" CC='ccache gcc' LDFLAGS=-static \
		EXTRA_CFLAGS=-static WERROR=0 BUILD_BPF_SKEL=0 "${without[@]/%/=1}" \
		"$PWD/build/perf/perf" >build/log/perf.log 2>&1 ||
		{ tail -n 20 build/log/perf.log >&2; echo "building perf failed (build/log/perf.log)" >&2; exit 1; }
	strip -o $perf build/perf/perf
	echo "$stamp" >$perf.stamp
fi

root=build/initramfs
rm -rf $root
mkdir -p $root/{proc,sys,dev,tmp,job,bin,sbin,usr}

busybox --list-full | while read -r applet; do
	mkdir -p "$root/$(dirname "$applet")"
	ln -sf /bin/busybox "$root/$applet"
done
install /bin/busybox $root/bin/busybox
for program in numactl numastat; do
	install_program $root "$(command -v $program)" usr/bin/$program
done
install -D $perf $root/usr/bin/perf
find guest -type f | while read -r file; do
	install -D "$file" "$root/${file#guest/}"
done

# Selftests, the way the kernel builds and installs its own; static, since the guest has few libraries.
selftests=$PWD/build/linux/tools/testing/selftests
ksft=(make -s -j "$jobs" -C "$selftests/knumad" "KSFT_DIR=$selftests" "OUTPUT=$PWD/build/selftests"
	"KHDR_INCLUDES=-isystem $PWD/build/lab/usr/include" "LDFLAGS=-static -s")
mkdir -p build/selftests $root/selftests/knumad
if {
	make -s -j "$jobs" -C build/linux O="$PWD/build/lab" headers &&
		"${ksft[@]}" install INSTALL_PATH="$PWD/$root/selftests/knumad"
} >build/log/selftests.log 2>&1; then
	"${ksft[@]}" emit_tests COLLECTION=knumad >$root/selftests/kselftest-list.txt
	cp "$selftests/knumad/settings" $root/selftests/knumad/
else
	tail -n 20 build/log/selftests.log >&2
	echo "building the selftests failed (build/log/selftests.log)" >&2
	exit 1
fi

# The programs of the demonstration
for file in benchmarks/run/*.c; do
	[ -e "$file" ] || continue
	gcc -O2 -Wall -Wextra -static -pthread -o "$root/usr/bin/$(basename "$file" .c)" "$file"
done

# knumadctl, static; what it must know of terminals; its tests
knumadctl=(make -s -j "$jobs" -C tools/knumad STATIC=1 "OUTPUT=$PWD/build/knumadctl")
"${knumadctl[@]}" all "$PWD"/build/knumadctl/{pty,crowd}
"${knumadctl[@]}" install "DESTDIR=$PWD/$root" PREFIX=/usr
for terminal in l/linux v/vt100 x/xterm{,-256color} s/screen{,-256color} t/tmux{,-256color}; do
	install -D -m 644 {,$root}/lib/terminfo/"$terminal"
done
install -D -t $root/usr/share/knumadctl/tests tools/knumad/tests/{knumadctl,first-steps}.sh \
	Documentation/admin-guide/mm/knumad.rst build/knumadctl/{pty,crowd}
# To be read in the guest, which has a pager only
mkdir -p $root/usr/share/{man/cat8,doc}
LC_ALL=C MANWIDTH=80 man -l tools/knumad/knumadctl.8 >$root/usr/share/man/cat8/knumadctl.8
ln -s ../knumadctl/tests/knumad.rst $root/usr/share/doc/

# The same files make the same archive: results of the lab count for one of it.
pack() {
	find "$1" -exec touch --no-dereference --date="2026-01-01 UTC" {} +
	(cd "$1" && find . -print0 | LC_ALL=C sort -z |
		cpio -o -0 -H newc -R 0:0 --reproducible --quiet) >"$2.new"
	mv "$2.new" "$2"
}

pack $root build/initramfs.cpio
stamp=$(dpkg-query -W stress-ng redis-tools)
if is_outdated build/extras.cpio "$stamp"; then
	rm -rf build/extras
	for program in stress-ng redis-benchmark redis-cli; do
		install_program build/extras "$(command -v $program)" usr/bin/$program
	done
	# One program by many names. Debian's redis-server would start a daemon on this machine.
	install_program build/extras "$(command -v redis-check-rdb)" usr/bin/redis-server
	pack build/extras build/extras.cpio
	echo "$stamp" >build/extras.cpio.stamp
fi
