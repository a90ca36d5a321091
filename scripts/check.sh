#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Static checks, reported as TAP.
set -euo pipefail
cd "$(dirname "$0")/.."

tree=$PWD/build/linux
out=$PWD/build/check
jobs=$(nproc)
series=patches/linux-6.12

mapfile -t sources < <(find mm include tools benchmarks -name '*.[ch]' ! -path 'benchmarks/lab/*' | sort)
mapfile -t core < <(find mm -name '*.[ch]' | sort)
mapfile -t headers < <(find include -name '*.h' | sort)
mapfile -t patches < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' -e "s|^|$series/|" $series/series)

kmake() {
	make -s -j "$jobs" -C "$tree" O="$out" CC='ccache gcc' HOSTCC='ccache gcc' "$@"
}

# In the tree, since it looks things up there.  Says nothing where it has nothing to say.
checkpatch=(env -C "$tree" scripts/checkpatch.pl --strict --terse --no-summary)

# Of each file that stdin names, some at a time on each CPU; the arguments are more options.
checkpatch_files() {
	xargs -P "$jobs" -n 8 "${checkpatch[@]}" "$@" -f
}

check_sources() {
	local status=0
	printf '../../%s\n' "${sources[@]}" | checkpatch_files || status=1
	# Part of QEMU, not of the kernel: types of stdint.h, and no header to include
	printf '../../%s\n' benchmarks/lab/*.c |
		checkpatch_files --ignore PREFER_KERNEL_TYPES,CAMELCASE,AVOID_EXTERNS || status=1
	return $status
}

# By way of stdin: checkpatch takes a patch that git tracks for a source file.
check_patches() {
	local patch status=0
	for patch in "${patches[@]}"; do
		"${checkpatch[@]}" - <"$patch" | sed "s|^-|$patch|" || status=1
	done
	return $status
}

# Run a command that has nothing to say if all is well.
silent() {
	local said
	said=$("$@" 2>&1) || { echo "$said"; return 1; }
	[ -z "$said" ] || { echo "$said"; return 1; }
}

# W=1 and sparse, mm/knumad only; the rest of the kernel has warnings of its own.
check_compile() {
	find "$out/mm/knumad" -name '*.o' -delete 2>/dev/null || true
	silent kmake W=1 C=1 CF=-Wsparse-error mm/knumad/
}

# "make coccicheck" for one directory, less the two scripts that need an OCaml compiler.
check_coccinelle() {
	local said include
	include="-I$tree/arch/x86/include -I$out/arch/x86/include/generated -I$tree/include -I$out/include"
	include+=" -include $tree/include/linux/kconfig.h"
	said=$(grep -rL --include='*.cocci' 'script:ocaml' "$tree/scripts/coccinelle" | sort |
		srctree=$tree KBUILD_EXTMOD=$PWD/mm/knumad LINUXINCLUDE=$include MODE=report J=1 DEBUG_FILE='' \
			xargs -P "$jobs" -I '{}' env 'COCCI={}' "$tree/scripts/coccicheck" 2>&1) ||
		{ echo "$said"; return 1; }
	said=$(grep -E "^$PWD/mm/knumad/|^mm/knumad/" <<<"$said" || true)
	[ -z "$said" ] || { echo "$said"; return 1; }
}

check_kernel_doc() {
	silent "$tree/scripts/kernel-doc" -none -Wall "${headers[@]}" "${core[@]}"
}

# The section $2 of the file $1, as a document would have it
doc_section() {
	"$tree/scripts/kernel-doc" -rst -sphinx-version 5.3.0 -function "$2" "$1" >/dev/null
}

# Each ":doc:" that a document pulls in, with the file of the line above it
check_docs() {
	local file title found=0
	while IFS=$'\t' read -r file title; do
		silent doc_section "$file" "$title" || return 1
		found=$((found + 1))
	done < <(sed -n '/^\.\. kernel-doc:: /{s///;N;s/\n *:doc: /\t/p}' Documentation/mm/knumad*.rst)
	[ "$found" -gt 0 ] || { echo "no document names a DOC section"; return 1; }
}

check_abi() {
	silent "$tree/scripts/get_abi.pl" --dir Documentation/ABI validate
}

check_shell() {
	local status=0
	git grep -l -z -E '^#!.*[ /](ba)?sh$' | xargs -0 shellcheck -x || status=1
	shellcheck -x tools/knumad/tests/completion.bash || status=1
	shellcheck -x -s bash tools/knumad/knumadctl.bash || status=1
	return $status
}

number=0
failed=0
run() {
	local name=$1 said outcome=ok
	shift
	number=$((number + 1))
	if ! said=$("$@" 2>&1); then
		outcome='not ok'
		failed=$((failed + 1))
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$said"
	fi
	echo "$outcome $number - $name"
}

scripts/kernel.sh prepare >&2
echo 'TAP version 13'
echo '1..8'
run 'checkpatch: sources' check_sources
run 'checkpatch: patches' check_patches
run 'W=1 and sparse: mm/knumad' check_compile
run 'coccicheck: mm/knumad' check_coccinelle
run 'kernel-doc: mm/knumad and headers' check_kernel_doc
run 'kernel-doc: sections that documents name' check_docs
run 'get_abi: Documentation/ABI' check_abi
run 'shellcheck: all scripts' check_shell
[ "$failed" -eq 0 ]
