# SPDX-License-Identifier: GPL-2.0
# The one entrance.  "make help" lists what there is.

PROFILE       ?= lab
NODES         ?= 2
CPUS_PER_NODE ?= 2
NODE_MB       ?= 512
DISTANCES     ?=
CPUS          ?=
RUN_ARGS      ?=
TEST_ARGS     ?=
BENCH_ARGS    ?=

export PROFILE

GUEST = scripts/guest.py --profile $(PROFILE) --nodes $(NODES) \
	--cpus-per-node $(CPUS_PER_NODE) --node-mb $(NODE_MB) \
	$(if $(DISTANCES),--distances '$(DISTANCES)') $(if $(CPUS),--cpus '$(CPUS)')

.PHONY: help kernel initramfs run shell test test-full check bench bench-full clean distclean

help:
	@sed -n 's/^## //p' Makefile

## Targets
##   make run        boot a two-node guest with misplaced programs and show who gathers them
##   make test       all checks and tests; the last line is "N passed, N failed, N skipped"
##   make test-full  the same, all tests of others, kernels with gcov, KCSAN and preemption, and
##                   storms at the highest rate on the debug kernel for an hour (about four hours)
##   make check      static checks only
##   make bench      count local and remote accesses under each balancer: benchmarks/RESULTS.md
##   make bench-full the same for all workloads (about two hours)
##   make kernel     build the guest kernel: build/bzImage, build/vmlinux, build/System.map
##   make initramfs  build what the guest runs: build/initramfs.cpio
##   make shell      an interactive guest; "poweroff" ends it
##   make clean      remove what was built, keep the unpacked kernel source
##   make distclean  remove build/ altogether
##
## Variables
##   PROFILE=lab           kernel profile: lab (small, fast), debug (lockdep, KASAN, kmemleak, ...),
##                         extended (for tests of others), kcsan, gcov, preempt or off
##   NODES=2               NUMA nodes of the guest (make shell)
##   CPUS_PER_NODE=2       CPUs of each node, or one number per node: 2,2,0
##   NODE_MB=512           memory of each node in MB, or one number per node: 512,256
##   DISTANCES=10/20       local/remote distance, or the matrix row by row: "10,20;30,10"
##   CPUS=1,3/0,2          CPU numbers of each node, instead of CPUS_PER_NODE
##   RUN_ARGS=, TEST_ARGS=, BENCH_ARGS=  more arguments for benchmarks/run/run.py, scripts/test.py
##                         and benchmarks/lab/lab.py (try --help)

kernel:
	@scripts/kernel.sh build $(PROFILE)

initramfs:
	@scripts/initramfs.sh

shell: kernel initramfs
	@$(GUEST) --shell

run:
	@scripts/kernel.sh build lab
	@scripts/initramfs.sh
	@benchmarks/run/run.py $(RUN_ARGS)

check:
	@scripts/check.sh

test:
	@scripts/setup.sh
	@scripts/test.py $(TEST_ARGS)

test-full:
	@scripts/setup.sh
	@scripts/test.py --full --stress 3600 $(TEST_ARGS)

bench: SET = quick
bench-full: SET = full
bench bench-full:
	@scripts/setup.sh
	@status=0; \
	benchmarks/lab/lab.py --set $(SET) --made-by 'make $@' $(BENCH_ARGS) || status=$$?; \
	[ $$status -le 1 ] || exit $$status; \
	echo "== what knumad costs processes it does not watch (about 2 minutes)"; \
	scripts/overhead.py --results benchmarks/results/overhead.json || status=$$?; \
	benchmarks/lab/report.py --print || status=$$?; \
	[ $$status -eq 0 ] || echo "== some of it failed, see above"; \
	exit $$status

clean:
	[ ! -e build ] || find build -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} +

distclean:
	rm -rf build
