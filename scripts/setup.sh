#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Install the Debian packages that are missing.
set -euo pipefail

cd "$(dirname "$0")/.."

tested=$(sed -n 's/^version: *//p' patches/linux-6.12/BASE)

packages=(
	# kernel
	bc bison ccache flex gcc kmod libc6-dev libelf-dev libssl-dev
	linux-source-6.12 make patch perl python3 rsync xz-utils
	# guest
	busybox-static cpio libncurses-dev libnuma-dev ncurses-base numactl pkg-config
	qemu-system-x86 redis-tools stress-ng
	# tests of others
	libcap-dev libfuse-dev
	# benchmarks
	gnuplot-nox
	# checks
	coccinelle groff-base libpython3-dev man-db shellcheck sparse tmux
)

installed() {
	[ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = 'install ok installed' ]
}

missing=()
for package in "${packages[@]}"; do
	installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "== installing ${#missing[@]} missing Debian packages: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "not root and no sudo: as root, run" >&2
		echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

mkdir -p build/log
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
# A mirror that has nothing to do with us may be down: what counts is the install.
"${apt[@]}" update >build/log/apt.log 2>&1 ||
	echo "apt-get update complained, see build/log/apt.log; going on"
# Of the kernel source, the version the series was tested with, while the mirror has it.
for i in "${!missing[@]}"; do
	if [ "${missing[i]}" = linux-source-6.12 ] &&
	   apt-cache madison linux-source-6.12 | grep -qF " $tested "; then
		missing[i]=linux-source-6.12=$tested
	fi
done
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>build/log/apt.log 2>&1; then
	tail -n 20 build/log/apt.log >&2
	echo "apt-get install failed; the whole output is in build/log/apt.log" >&2
	exit 1
fi
echo "== packages installed (build/log/apt.log)"
