#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# From Debian's linux-source-6.12 to a guest kernel.
#
# Usage: kernel.sh source          unpack, link the overlay in, apply the series: build/linux
#        kernel.sh build PROFILE   the same, then build PROFILE: lab, extended, debug, gcov,
#                                  kcsan, preempt or off
#        kernel.sh prepare         configure and prepare build/check for static checks
#        kernel.sh series          build each patch of the series by itself
set -euo pipefail
cd "$(dirname "$0")/.."

series=patches/linux-6.12
tarball=/usr/src/linux-source-6.12.tar.xz
tested=$(sed -n 's/^version: *//p' $series/BASE)
jobs=$(nproc)

# Reproducible builds, and as many hits in the compiler cache as possible.
export KBUILD_BUILD_TIMESTAMP='2026-01-01' KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=knumad
export KBUILD_BUILD_HOST=lab
export CCACHE_BASEDIR=$PWD
# What the make that called us was told, such as -s, is not for the kernel's.
unset MAKEFLAGS
make=(make -j "$jobs" 'CC=ccache gcc' 'HOSTCC=ccache gcc')

say() {
	echo "== $*"
}

die() {
	printf '%s\n' "$@" >&2
	exit 1
}

patches() {
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' $series/series
}

# Files that a patch touches.
touched() {
	sed -n 's/^+++ b\/\([^[:space:]]*\).*/\1/p' "$1"
}

# Link what belongs to knumad into the tree $1, file by file; in-tree paths are the same here.
link_overlay() {
	local tree=$1 path
	# Files that are gone
	find "$tree"/{mm,include,tools/testing/selftests,Documentation} -xtype l -delete
	# (a directory of these that is not there yet is no error)
	{ find mm include tools Documentation -type f ! -name '*.o' 2>/dev/null || true; } | while read -r path; do
		if [ -L "$tree/$path" ]; then
			continue
		elif [ -e "$tree/$path" ]; then
			die "$path is a file of the base: change it by a patch in $series"
		fi
		mkdir -p "$tree/$(dirname "$path")"
		ln -sr "$path" "$tree/$path"
	done
}

# Apply patch $2 to the tree $1.
apply() {
	local out
	if ! out=$(patch -d "$1" -p1 --fuzz=0 --no-backup-if-mismatch --forward --batch <"$series/$2" 2>&1); then
		printf '%s\n' "$out" >&2
		die "hook does not apply: $2
  base found:  linux-source-6.12 $version
  base tested: linux-source-6.12 $tested"
	fi
}

source_tree() {
	local stamp old=build/linux new=build/linux.new patch file
	for patch in $(patches); do
		[ -e "$series/$patch" ] || die "$series/series names $patch, which does not exist"
	done
	version=$(dpkg-query -W -f '${Version}' linux-source-6.12)
	stamp=$({ echo "$version"; patches; patches | sed "s|^|$series/|" | xargs -r cat; } | sha256sum)
	if [ "$(cat $old/.knumad-stamp 2>/dev/null)" != "$stamp" ]; then
		say "unpacking linux-source-6.12 $version (about 20 s)"
		[ "$version" = "$tested" ] || echo "   note: the series was tested with $tested"
		rm -rf $new
		mkdir -p $new
		tar -xf $tarball -C $new --strip-components=1
		: >$new/.knumad-touched
		for patch in $(patches); do
			echo "   applying $patch"
			apply $new "$patch"
			touched "$series/$patch" >>$new/.knumad-touched
		done
		# make goes by time: a file that is as it was keeps its time, one that
		# changed, or went back to what the base has, is new.
		if [ -e $old/.knumad-touched ]; then
			sort -u $old/.knumad-touched $new/.knumad-touched | while read -r file; do
				if cmp -s "$old/$file" "$new/$file"; then
					touch -r "$old/$file" "$new/$file"
				elif [ -e "$new/$file" ]; then
					touch "$new/$file"
				fi
			done
		fi
		echo "$stamp" >$new/.knumad-stamp
		rm -rf $old.old
		[ ! -e $old ] || mv $old $old.old
		mv $new $old
		rm -rf $old.old
	fi
	link_overlay build/linux
}

# Configure profile $1 in build/$1 from its fragments, and check that every line of them holds.
configure() {
	local out=build/$1 fragments=(configs/lab.config) line option wrong=()
	case $1 in
	lab | check) fragments+=(configs/knumad.config) ;;
	debug | gcov) fragments+=(configs/{knumad,faults,"$1"}.config) ;;
	kcsan | preempt | extended) fragments+=(configs/{knumad,"$1"}.config) ;;
	off) ;;
	*) die "no profile $1: lab, extended, debug, gcov, kcsan, preempt or off" ;;
	esac
	# make goes by time, and files of a newer package may be older than what was built
	[ "$(cat "$out/base" 2>/dev/null)" = "$version" ] || rm -rf "$out"
	mkdir -p "$out"
	echo "$version" >"$out/base"
	# What a later fragment says about an option counts.
	cat "${fragments[@]}" | tac |
		awk '/^(# )?CONFIG_/ { split($0, word, /[ =]/); option = word[word[1] == "#" ? 2 : 1]
		     if (!seen[option]++) print }' | tac >"$out/fragment.new"
	# Again only if the fragments or a Kconfig file changed; what Kconfig says may depend on any.
	{
		cat "$out/fragment.new" build/linux/.knumad-stamp
		cat mm/knumad/Kconfig
	} | sha256sum >"$out/configured.new"
	if [ -e "$out/.config" ] && cmp -s "$out/configured.new" "$out/configured"; then
		return
	fi
	say "configuring $1 from ${fragments[*]}"
	rm -f "$out/configured"
	"${make[@]}" -s -C build/linux O="$PWD/$out" KCONFIG_ALLCONFIG="$PWD/$out/fragment.new" \
		allnoconfig >build/log/config.log 2>&1 ||
		{ cat build/log/config.log >&2; die "configuring $1 failed"; }
	while read -r line; do
		case $line in
		CONFIG_*=*)
			grep -qxF -- "$line" "$out/.config" || wrong+=("$line")
			;;
		'# CONFIG_'*' is not set')
			option=${line#\# }
			! grep -q "^${option%% *}=" "$out/.config" || wrong+=("$line")
			;;
		esac
	done <"$out/fragment.new"
	[ ${#wrong[@]} -eq 0 ] ||
		die "$out/.config does not have what ${fragments[*]} ask for:" "${wrong[@]/#/  }"
	mv "$out/configured.new" "$out/configured"
}

# How many steps a build from nothing takes, to estimate the time; exact after the first one.
# 0: not from nothing, who knows.
expected_steps() {
	local log=build/log/build-$1.steps
	if [ -e "build/$1/vmlinux" ]; then
		echo 0
	elif [ -e "$log" ]; then
		cat "$log"
	else
		case $1 in debug) echo 1800 ;; *) echo 1760 ;; esac
	fi
}

build() {
	local profile=$1 out=build/$1 steps
	source_tree
	configure "$profile"
	steps=$(expected_steps "$profile")
	if [ "$steps" -gt 100 ]; then
		say "building $profile with $jobs jobs (about $((steps * 37 / 100 / jobs / 60 + 1)) minutes with an empty compiler cache)"
	else
		say "building $profile"
	fi
	"${make[@]}" -C build/linux O="$PWD/$out" bzImage 2>&1 |
		scripts/progress.py "build/log/build-$profile.log" "$steps" "$profile" ||
		die "building $profile failed; the whole output is in build/log/build-$profile.log"
	if [ "$steps" -gt 100 ]; then
		grep -cE '^  [A-Z]' "build/log/build-$profile.log" >"build/log/build-$profile.steps"
	fi
	case $profile in
	lab) ln -sf lab/arch/x86/boot/bzImage lab/vmlinux lab/System.map build/ ;;
	*) ln -sf arch/x86/boot/bzImage "$out/bzImage" ;;
	esac
}

prepare() {
	source_tree
	configure check
	"${make[@]}" -s -C build/linux O="$PWD/build/check" prepare >build/log/prepare.log 2>&1 ||
		{ cat build/log/prepare.log >&2; die "preparing build/check failed"; }
}

# Do the files of the series build after each patch?  On a copy of the source, without knumad; as TAP.
each_patch() {
	local tree=build/series/linux out=$PWD/build/series/out number=0 failed=0 patch
	local list targets
	mapfile -t list < <(patches)
	source_tree >&2
	rm -rf $tree
	mkdir -p $tree "$out"
	cp -al build/linux/. $tree
	for patch in $(patches | tac); do
		patch -d $tree -p1 -R --fuzz=0 --no-backup-if-mismatch --batch -s <"$series/$patch"
	done
	link_overlay $tree
	"${make[@]}" -s -C $tree O="$out" KCONFIG_ALLCONFIG="$PWD/configs/lab.config" allnoconfig \
		>build/log/series.log 2>&1 ||
		{ tail -n 20 build/log/series.log >&2; die "the base cannot be configured (build/log/series.log)"; }
	# The rest is built with the whole series only, in every profile
	mapfile -t targets < <(for patch in "${list[@]}"; do touched "$series/$patch"; done |
		sed -n 's/\.c$/.o/p' | sort -u)
	"${make[@]}" -C $tree O="$out" prepare "${targets[@]}" >>build/log/series.log 2>&1 ||
		{ tail -n 20 build/log/series.log >&2; die "the base does not build"; }
	echo 'TAP version 13'
	echo "1..${#list[@]}"
	for patch in "${list[@]}"; do
		number=$((number + 1))
		apply $tree "$patch"
		if {
			"${make[@]}" -s -C $tree O="$out" olddefconfig &&
				"${make[@]}" -C $tree O="$out" "${targets[@]}"
		} >build/log/series-one.log 2>&1; then
			echo "ok $number - $patch"
		else
			failed=1
			sed 's/^/# /' build/log/series-one.log
			echo "not ok $number - $patch"
		fi
		cat build/log/series-one.log >>build/log/series.log
	done
	return $failed
}

[ $# -gt 0 ] || die "usage: kernel.sh source | build PROFILE | prepare | series"
mkdir -p build/log
exec 9>build/.lock
flock -n 9 || { say "another build is running, waiting for it"; flock 9; }
scripts/setup.sh
case $1 in
source) source_tree ;;
build) build "${2:-lab}" ;;
prepare) prepare ;;
series) each_patch ;;
*) die "unknown: $1" ;;
esac
