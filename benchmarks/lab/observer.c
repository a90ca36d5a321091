// SPDX-License-Identifier: GPL-2.0
/*
 * observer: a QEMU plugin that counts memory accesses by (node of the CPU, node
 * of the page)
 *
 * For single-threaded TCG with -icount: no atomics here, and time is counted in
 * instructions. Counting starts at a marker that a guest program executes, a
 * long NOP with a number in its displacement:
 *
 *   0f 1f 84 00 imm32	nopl imm32(%rax,%rax,1), imm32 = 0x4b4e0000 | phase
 *
 * Phase 15 ends the counting. Phase 0 begins nothing: what passes between the last
 * of it and the first other marker is told as the start of the program. User-space
 * and kernel code are counted apart, told by the address of the code.
 *
 * Time: instructions executed, at a fixed number of ns each, plus the time in
 * which all CPUs were idle, taken from QEMU's clock when one of them goes on. A
 * block of instructions that faults is counted whole, twice: with a fault every
 * 20,000 instructions the clock was 0.4 % fast. More than 1 % voids the run.
 *
 * Tasks are told apart by their kernel stacks, of 16 KiB and aligned to that: the
 * addresses from which __switch_to_asm pops. A new task gets the stack of one that
 * is gone, and is known by its first instructions (ret_from_fork_asm).
 *
 * A stretch of NUMA work begins when a task executes the first instruction of one of
 * the functions given (hinting fault, scan, wait for a page under migration) and
 * ends when it returns to user space (swapgs), or to the kernel code that a fault
 * came from (iretq, from a frame above the function's own). It is time that passes:
 * asleep, interrupted and preempted, too. Threads that never return to user space
 * have none. On its way back a task may fault again, as for its rseq area: calls of the
 * functions are counted, too.
 *
 * A balancing thread is a task that has executed one of the functions given. Its
 * instructions, to the block, include the interrupts that hit it, not those that it
 * causes elsewhere. Of a task switch, the half up to the new stack is the old task's.
 *
 * A page has moved when, within the functions that move pages, all of it has been
 * copied, from first byte to last, to another node. How often that has happened goes
 * with it, and ends when the page is cleared, or is the target of another copy.
 *
 * Node of an address: with one memory backend per node, QEMU 7.2 reports the
 * offset of the backend twice, so node i, whose memory begins at offset O_i,
 * owns [2 * O_i, 2 * O_i + S_i). Anything else voids the run.
 *
 * Arguments: cpus=0:0:1:1 (node of each CPU), mb=512:512 (size of each node),
 * turn=INSTRUCTIONS; out=FILE: count, and write the result there; if wanted
 * interval=NS; and of kernel functions, in hexadecimal, if wanted
 *
 *   switch=A		__switch_to_asm; without it, each CPU is a task
 *   forget=A:...	where a task begins: ret_from_fork_asm (or ends: do_exit)
 *   work=A:...		NUMA work
 *   balancer=A:...	what balancing threads alone execute
 *   copy=A:SIZE:...	what copies pages: copy_page, copy_page_regs, memcpy_orig
 *   move=A:SIZE:...	what moves pages by it: folio_mc_copy; without it, all copies
 *   clear=A:SIZE:...	what clears pages: clear_page_rep, _orig, _erms
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* === QEMU's plugin interface, version 1: no header is packaged === */

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_info;

enum { CB_NO_REGS, MEM_RW = 3, INLINE_ADD_U64 = 0 };

typedef void (*exec_cb)(unsigned int cpu, void *data);
typedef void (*mem_cb)(unsigned int cpu, qemu_plugin_meminfo_t info,
		       uint64_t vaddr, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *ptr, uint64_t imm);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb,
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    exec_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_cb cb,
				      int flags, int rw, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t idx);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info,
						  uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *addr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *addr);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* === QEMU's own functions, which plugins may not count on: looked up === */

#define CLOCK_VIRTUAL	1

static int64_t (*qemu_clock_get_ns)(int type);
static void *(*qemu_get_cpu)(int index);
static void (*cpu_exit)(void *cpu);
static void (*qemu_mutex_lock_iothread_impl)(const char *file, int line);
static void (*qemu_mutex_unlock_iothread)(void);
static bool (*all_cpu_threads_idle)(void);
static void (*async_run_on_cpu)(void *cpu, void (*func)(void *cpu, uint64_t data),
				uint64_t data);
static void (*icount_start_warp_timer)(void);
static bool (*qemu_clock_run_timers)(int type);
static int (*qemu_shutdown_requested_get)(void);
static int (*qemu_reset_requested_get)(void);

/* === Settings === */

#define MAX_CPUS	64
#define MAX_NODES	16
#define MAX_FUNCS	16
#define NS_PER_INSN	16	/* -icount shift=4 */
#define USER_END	(0x800000000000ULL)
#define MARK		0x4b4e0000u
#define PHASES		16
#define PHASE_END	15
#define HIST_BINS	48
#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ULL
#define STACK_SHIFT	14
#define SWITCH_SIZE	80	/* __switch_to_asm, with what may be patched into it */
#define PROLOGUE	32	/* a function's first pushes are within that */

static int nr_cpus, nr_nodes;
static uint64_t node_of[MAX_CPUS];
static uint64_t node_mb[MAX_NODES], node_start[MAX_NODES], node_end[MAX_NODES];
static uint64_t switch_at, work_at[MAX_FUNCS], forget_at[MAX_FUNCS], balancer_at[MAX_FUNCS];
static int nr_work, nr_forget, nr_balancer;
static uint64_t interval_ns, turn_insns;

/* Address and size of functions, alternating */
static uint64_t copy_at[2 * MAX_FUNCS], move_at[2 * MAX_FUNCS], clear_at[2 * MAX_FUNCS];
static int nr_copy, nr_move, nr_clear;
static const char *out_path;

/* === Counters === */

struct matrix {
	uint64_t nr[2][MAX_NODES][MAX_NODES];	/* load or store, CPU, memory */
};

/* Balancing threads are part of the kernel */
enum { USER, KERNEL, BALANCER, KINDS };

static struct matrix counts[2][PHASES];
static unsigned int phase;
static uint64_t phase_ns[PHASES], began_ns;

/* Instructions executed by all CPUs, also before the first marker */
static uint64_t executed[KINDS], began_at[KINDS], ended_at[KINDS];
/* The last marker 0 */
static uint64_t start_ns, start_at[KINDS];
static bool have_start;
static int64_t idle_ns;
/* By how much the clock was ahead of QEMU's at most, while counting */
static int64_t ahead_ns;
static uint64_t odd_addresses, odd_example, io_accesses;

/* Ends of intervals: user-space accesses since the first marker */
static uint64_t (*intervals)[MAX_NODES][MAX_NODES];
static size_t nr_intervals;
static uint64_t running[MAX_NODES][MAX_NODES];
static uint64_t next_insns = UINT64_MAX, next_ns;

static uint64_t turn_end;
static unsigned int turn_cpu;

struct task {
	uint64_t stack;			/* its address >> STACK_SHIFT */
	bool balancer, moving, working;
	uint64_t work_since, work_sp;	/* 0: not known yet */
	/* The copy of a page under way: physical pages, where it began, bytes done */
	uint64_t load_page, copy_from, copy_to, copy_base, copied;
};

/* Never emptied: as many as there are stacks */
#define TASKS	32768
static struct task tasks[TASKS];
static unsigned int nr_tasks;

/* Before a CPU's first switch nobody knows whose stack it is on */
static struct task first_task[MAX_CPUS];
static struct task *present[MAX_CPUS];

/* Whose kernel instructions are being executed, and how many there were before */
static struct task *charged;
static unsigned int charged_cpu;
static uint64_t charged_at;

/* How often each physical page's contents have moved, also before the first marker */
#define NO_PAGE	UINT64_MAX
static uint8_t *times;
static uint64_t moves, moves_again, pages_again;

static uint64_t work_hist[HIST_BINS], work_count, work_max, work_ns, work_calls;
/* All stretches, for exact percentiles */
static uint64_t *stretches;

static bool counting(void)
{
	return phase && phase != PHASE_END;
}

static uint64_t insns(void)
{
	return executed[USER] + executed[KERNEL];
}

static uint64_t now_ns(void)
{
	return insns() * NS_PER_INSN + idle_ns;
}

static void *grow(void *array, size_t nr, size_t size)
{
	/* By doubling, when a power of two is full */
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array) {
		perror("observer");
		exit(1);
	}
	return array;
}

static void aim_at_next(void)
{
	int64_t left = next_ns - idle_ns;

	next_insns = left > 0 ? left / NS_PER_INSN : 0;
}

static void end_intervals(void)
{
	while (now_ns() >= next_ns) {
		intervals = grow(intervals, nr_intervals, sizeof(*intervals));
		memcpy(intervals[nr_intervals++], running, sizeof(running));
		memset(running, 0, sizeof(running));
		next_ns += interval_ns;
	}
	aim_at_next();
}

/* By how much what now_ns() says is ahead of QEMU's clock; not while a vCPU executes */
static int64_t ahead_of_qemu(void)
{
	return now_ns() - qemu_clock_get_ns(CLOCK_VIRTUAL);
}

/*
 * Time in which nobody executed anything shows in QEMU's clock alone. What was counted
 * twice is made up for then, as far as that time goes: never back in time.
 */
static void sync_clock(void)
{
	int64_t ahead = ahead_of_qemu();

	if (counting() && ahead > ahead_ns)
		ahead_ns = ahead;
	if (ahead < 0)
		idle_ns -= ahead;
	if (interval_ns && phase)
		aim_at_next();
}

/*
 * Where user-space pages were found. No translation changes unless kernel code
 * runs, on whatever CPU: an entry is good as long as none has.
 */
static struct {
	uint64_t page;
	uint64_t kernel;
	unsigned int cpu;
	int node;
} found[1024];

static int node_of_address(uint64_t addr)
{
	int i;

	for (i = 0; i < nr_nodes; i++)
		if (addr >= node_start[i] && addr < node_end[i])
			return i;
	if (!odd_addresses++)
		odd_example = addr;
	return -1;
}

static int look_up_node(qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, vaddr);

	if (!hw || qemu_plugin_hwaddr_is_io(hw)) {
		io_accesses++;
		return -1;
	}
	return node_of_address(qemu_plugin_hwaddr_phys_addr(hw));
}

static int node_of_user_page(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	uint64_t page = vaddr >> 12;
	size_t slot = page % (sizeof(found) / sizeof(*found));

	if (found[slot].page != page || found[slot].cpu != cpu ||
	    found[slot].kernel != executed[KERNEL]) {
		found[slot].node = look_up_node(info, vaddr);
		found[slot].page = page;
		found[slot].cpu = cpu;
		found[slot].kernel = executed[KERNEL];
	}
	return found[slot].node;
}

/* === Nobody but the vCPUs' thread === */

/*
 * QEMU's main thread wakes up at every timer of the guest, and runs timers that
 * have expired if it is faster than the thread of the vCPUs: which vCPU goes on
 * first is then chance. In a machine without disks, network, display and monitor it
 * has nothing else to do before the guest ends, so it is parked in a signal handler
 * until then. It must not hold QEMU's big lock in there: it is sent the signal by
 * somebody who does.
 */
#define PARK_SIGNAL	(SIGRTMIN + 5)
#define PARK_POLL_NS	1000000

static pthread_t main_thread;
static sem_t parked;
static bool has_parked;

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

/* QEMU forgets these requests when it acts on them, which its main thread does. */
static bool guest_ends(void)
{
	return qemu_shutdown_requested_get() || qemu_reset_requested_get();
}

static void stay_parked(int signal)
{
	struct timespec pause = { .tv_nsec = PARK_POLL_NS };
	int error = errno;

	(void)signal;
	sem_post(&parked);
	while (!guest_ends())
		nanosleep(&pause, NULL);
	errno = error;
}

static void park_main_thread(void)
{
	has_parked = true;
	qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
	pthread_kill(main_thread, PARK_SIGNAL);
	wait_for(&parked);
	qemu_mutex_unlock_iothread();
}

static bool prepare_parking(void)
{
	struct sigaction action = { .sa_handler = stay_parked, .sa_flags = SA_RESTART };

	main_thread = pthread_self();
	return !sem_init(&parked, 0, 0) && !sigaction(PARK_SIGNAL, &action, NULL);
}

/*
 * When all vCPUs are idle, the main thread would turn the clock forward to the next
 * timer, while the thread of the vCPUs may still be on its way to sleep: the last
 * instructions are then counted after the turn, or the vCPU that is woken up has its
 * turn in the round that is ending. So the vCPUs' thread does it by itself, whenever
 * a vCPU halts, between two rounds and with the big lock held.
 */
static void pass_idle_time(void *cpu, uint64_t data)
{
	bool more = true;

	(void)cpu;
	(void)data;
	if (!all_cpu_threads_idle())
		return;
	while (more && all_cpu_threads_idle() && !guest_ends()) {
		icount_start_warp_timer();
		more = qemu_clock_run_timers(CLOCK_VIRTUAL);
	}
	sync_clock();
}

static void halts(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	async_run_on_cpu(qemu_get_cpu(0), pass_idle_time, 0);
}

/*
 * QEMU 7.2 lets a CPU run until the next timer is due, and the CPU after it gets
 * no turn at all if that leaves no time: it may starve. Limit the turns.
 */
static void take_turns(unsigned int cpu)
{
	if (turn_cpu != cpu) {
		turn_cpu = cpu;
		turn_end = insns() + turn_insns;
	} else if (insns() >= turn_end) {
		turn_end = insns() + turn_insns;
		cpu_exit(qemu_get_cpu(cpu));
	}
	if (!has_parked)
		park_main_thread();
}

/* === Tasks === */

static struct task *task_of(uint64_t stack)
{
	size_t i = stack * 0x9e3779b97f4a7c15ULL >> 40;

	for (;; i++) {
		struct task *task = &tasks[i % TASKS];

		if (task->stack == stack)
			return task;
		if (task->stack)
			continue;
		if (++nr_tasks == TASKS) {
			fputs("observer: too many tasks\n", stderr);
			exit(1);
		}
		task->stack = stack;
		task->load_page = NO_PAGE;
		return task;
	}
}

static void charge(struct task *next)
{
	if (charged->balancer)
		executed[BALANCER] += executed[KERNEL] - charged_at;
	charged_at = executed[KERNEL];
	charged = next;
}

/* Called before the block's own instructions are added; blocks of users add none */
static void kernel_block_begins(unsigned int cpu, void *data)
{
	(void)data;
	if (charged_cpu == cpu)
		return;
	charged_cpu = cpu;
	charge(present[cpu]);
}

static void switched(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *data)
{
	uint64_t stack = vaddr >> STACK_SHIFT;

	(void)info;
	(void)data;
	if (present[cpu]->stack == stack)
		return;
	present[cpu] = task_of(stack);
	charge(present[cpu]);
}

static void task_begins(unsigned int cpu, void *data)
{
	struct task *task = present[cpu];

	(void)data;
	charge(task);
	*task = (struct task){ .stack = task->stack, .load_page = NO_PAGE };
}

static void balancer_runs(unsigned int cpu, void *data)
{
	struct task *task = present[cpu];

	(void)data;
	if (task->balancer)
		return;
	charge(task);
	task->balancer = true;
	task->working = false;
}

static void block_begins(unsigned int cpu, void *data)
{
	(void)data;
	take_turns(cpu);
}

static void accessed(unsigned int cpu, qemu_plugin_meminfo_t info,
		     uint64_t vaddr, void *data)
{
	int who = (uintptr_t)data, from, to;

	take_turns(cpu);
	if (!counting())
		return;
	if (insns() >= next_insns)
		end_intervals();

	from = (int)node_of[cpu];
	to = who == USER ? node_of_user_page(cpu, info, vaddr) : look_up_node(info, vaddr);
	if (to < 0)
		return;
	counts[who][phase].nr[qemu_plugin_mem_is_store(info)][from][to]++;
	if (who == USER)
		running[from][to]++;
}

static void marked(unsigned int cpu, void *data)
{
	unsigned int next = (uintptr_t)data;

	(void)cpu;
	charge(charged);
	if (phase == PHASE_END || next == phase)
		return;
	if (!phase) {
		began_ns = now_ns();
		memcpy(began_at, executed, sizeof(executed));
		next_ns = began_ns + interval_ns;
		if (interval_ns)
			aim_at_next();
	}
	phase_ns[next] = now_ns();
	if (next == PHASE_END)
		memcpy(ended_at, executed, sizeof(executed));
	phase = next;
}

static void marked_start(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (phase)
		return;
	charge(charged);
	have_start = true;
	start_ns = now_ns();
	memcpy(start_at, executed, sizeof(executed));
}

/* === NUMA work === */

static void work_begins(unsigned int cpu, void *data)
{
	struct task *task = present[cpu];

	(void)data;
	if (counting() && !task->balancer)
		work_calls++;
	if (task->working || task->balancer)
		return;
	task->working = true;
	task->work_since = now_ns();
	task->work_sp = 0;
}

static void work_pushes(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *data)
{
	struct task *task = present[cpu];

	(void)data;
	if (qemu_plugin_mem_is_store(info) && task->working && !task->work_sp &&
	    vaddr >> STACK_SHIFT == task->stack)
		task->work_sp = vaddr;
}

static void work_ends(unsigned int cpu, void *data)
{
	struct task *task = present[cpu];
	uint64_t ns;

	(void)data;
	if (!task->working)
		return;
	task->working = false;
	if (!counting())
		return;
	ns = now_ns() - task->work_since;
	stretches = grow(stretches, work_count, sizeof(*stretches));
	stretches[work_count++] = ns;
	work_ns += ns;
	work_hist[ns ? 63 - __builtin_clzll(ns) : 0]++;
	if (ns > work_max)
		work_max = ns;
}

/*
 * A system call may fault, and sleep for long after that: the fault is what counts.
 * Interrupts of the work itself return from frames below it.
 */
static void interrupt_returns(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr,
			      void *data)
{
	struct task *task = present[cpu];

	(void)info;
	if (task->working && task->work_sp && vaddr > task->work_sp &&
	    vaddr >> STACK_SHIFT == task->stack)
		work_ends(cpu, data);
}

/* === Pages that move === */

static uint64_t page_of(qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, vaddr);
	uint64_t addr;

	if (!hw || qemu_plugin_hwaddr_is_io(hw))
		return NO_PAGE;
	addr = qemu_plugin_hwaddr_phys_addr(hw);
	return node_of_address(addr) < 0 ? NO_PAGE : addr >> PAGE_SHIFT;
}

static void page_copied(const struct task *task)
{
	uint64_t from = task->copy_from, to = task->copy_to;
	uint8_t before = times[from];

	if (nr_move && !task->moving) {
		times[to] = 0;
		return;
	}
	times[from] = 0;
	times[to] = before;
	if (node_of_address(from << PAGE_SHIFT) == node_of_address(to << PAGE_SHIFT))
		return;
	if (before < UINT8_MAX)
		times[to]++;
	if (!counting())
		return;
	moves++;
	moves_again += before > 0;
	pages_again += before == 1;
}

/*
 * Stores that do not continue the copy are those of an interrupt. What memcpy()
 * copies is seldom a page: it has to be whole.
 */
static void copy_stores(struct task *task, qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	if (!(vaddr % PAGE_SIZE) && task->load_page != NO_PAGE) {
		task->copy_from = task->load_page;
		task->load_page = NO_PAGE;
		task->copy_to = page_of(info, vaddr);
		task->copy_base = vaddr;
		task->copied = 0;
	}
	if (!task->copy_base || vaddr != task->copy_base + task->copied)
		return;
	task->copied += 1ULL << qemu_plugin_mem_size_shift(info);
	if (task->copied < PAGE_SIZE)
		return;
	task->copy_base = 0;
	if (task->copy_to != NO_PAGE)
		page_copied(task);
}

static void copies(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *data)
{
	(void)data;
	if (qemu_plugin_mem_is_store(info))
		copy_stores(present[cpu], info, vaddr);
	else if (!(vaddr % PAGE_SIZE))
		present[cpu]->load_page = page_of(info, vaddr);
}

static void clears(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *data)
{
	uint64_t page;

	(void)cpu;
	(void)data;
	if (vaddr % PAGE_SIZE || !qemu_plugin_mem_is_store(info))
		return;
	page = page_of(info, vaddr);
	if (page != NO_PAGE)
		times[page] = 0;
}

static void move_begins(unsigned int cpu, void *data)
{
	(void)data;
	present[cpu]->moving = true;
}

static void move_ends(unsigned int cpu, void *data)
{
	(void)data;
	present[cpu]->moving = false;
}

/* === Code === */

static bool among(uint64_t at, const uint64_t *functions, int nr)
{
	while (nr--)
		if (at == functions[nr])
			return true;
	return false;
}

/* Each of @size bytes */
static bool within(uint64_t at, const uint64_t *functions, int nr, uint64_t size)
{
	while (nr--)
		if (at - functions[nr] < size)
			return true;
	return false;
}

static bool in_ranges(uint64_t at, const uint64_t *ranges, int nr)
{
	for (; nr; nr -= 2, ranges += 2)
		if (at - ranges[0] < ranges[1])
			return true;
	return false;
}

static bool begins_range(uint64_t at, const uint64_t *ranges, int nr)
{
	for (; nr; nr -= 2, ranges += 2)
		if (at == ranges[0])
			return true;
	return false;
}

static bool is_code(struct qemu_plugin_insn *insn, const char *code, size_t size)
{
	return qemu_plugin_insn_size(insn) == size &&
	       !memcmp(qemu_plugin_insn_data(insn), code, size);
}

/* pop %rax ... %rdi, %r8 ... %r15 */
static bool is_pop(struct qemu_plugin_insn *insn)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);

	return (size == 1 || (size == 2 && code[0] == 0x41)) && (code[size - 1] & 0xf8) == 0x58;
}

static void on_exec(struct qemu_plugin_insn *insn, exec_cb cb)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, CB_NO_REGS, NULL);
}

/* Loads and stores: QEMU 7.2 takes one for the other if asked for one of them */
static void on_access(struct qemu_plugin_insn *insn, mem_cb cb)
{
	qemu_plugin_register_vcpu_mem_cb(insn, cb, CB_NO_REGS, MEM_RW, NULL);
}

static void look_for_marker(struct qemu_plugin_insn *insn)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	uint32_t imm;

	if (qemu_plugin_insn_size(insn) != 8 || memcmp(code, "\x0f\x1f\x84\x00", 4))
		return;
	memcpy(&imm, code + 4, 4);
	if (imm == MARK)
		on_exec(insn, marked_start);
	else if ((imm & ~(uint32_t)(PHASES - 1)) == MARK)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, CB_NO_REGS,
						       (void *)(uintptr_t)(imm - MARK));
}

static void look_for_tasks(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	if (switch_at && at - switch_at < SWITCH_SIZE && is_pop(insn))
		on_access(insn, switched);
	if (among(at, forget_at, nr_forget))
		on_exec(insn, task_begins);
	if (among(at, balancer_at, nr_balancer))
		on_exec(insn, balancer_runs);
}

static void look_for_work(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	if (among(at, work_at, nr_work))
		on_exec(insn, work_begins);
	if (within(at, work_at, nr_work, PROLOGUE))
		on_access(insn, work_pushes);
	if (is_code(insn, "\x0f\x01\xf8", 3))		/* swapgs */
		on_exec(insn, work_ends);
	else if (is_code(insn, "\x48\xcf", 2))		/* iretq */
		on_access(insn, interrupt_returns);
}

static void look_for_moves(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	if (in_ranges(at, copy_at, nr_copy))
		on_access(insn, copies);
	if (in_ranges(at, clear_at, nr_clear))
		on_access(insn, clears);
	if (begins_range(at, move_at, nr_move))
		on_exec(insn, move_begins);
	else if (in_ranges(at, move_at, nr_move) && is_code(insn, "\xc3", 1))	/* ret */
		on_exec(insn, move_ends);
}

static void look_at_insn(struct qemu_plugin_insn *insn, bool user)
{
	if (is_code(insn, "\xf4", 1))	/* hlt, also of the firmware at low addresses */
		on_exec(insn, halts);
	if (user) {
		look_for_marker(insn);
		return;
	}
	look_for_tasks(insn);
	look_for_work(insn);
	look_for_moves(insn);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, 0);
	uintptr_t who = qemu_plugin_insn_vaddr(insn) < USER_END ? USER : KERNEL;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &executed[who], nr);
	if (!out_path)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, CB_NO_REGS, NULL);
	else if (who == KERNEL && nr_balancer)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, kernel_block_begins, CB_NO_REGS,
						     NULL);
	for (i = 0; i < nr; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (out_path)
			qemu_plugin_register_vcpu_mem_cb(insn, accessed, CB_NO_REGS,
							 MEM_RW, (void *)who);
		look_at_insn(insn, who == USER);
	}
}

/* === The result === */

static void print_matrix(FILE *out, uint64_t nr[MAX_NODES][MAX_NODES])
{
	int i, j;

	fputc('[', out);
	for (i = 0; i < nr_nodes; i++) {
		fputs(i ? ",[" : "[", out);
		for (j = 0; j < nr_nodes; j++)
			fprintf(out, "%s%" PRIu64, j ? "," : "", nr[i][j]);
		fputc(']', out);
	}
	fputc(']', out);
}

static void print_counts(FILE *out, const char *name, struct matrix *m)
{
	fprintf(out, "\"%s\":{\"loads\":", name);
	print_matrix(out, m->nr[0]);
	fputs(",\"stores\":", out);
	print_matrix(out, m->nr[1]);
	fputs("}", out);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_stretches(FILE *out)
{
	uint64_t p999 = 0;
	bool first = true;
	int i;

	if (work_count) {
		qsort(stretches, work_count, sizeof(*stretches), by_size);
		p999 = stretches[(work_count - 1) * 999 / 1000];
	}
	fprintf(out, "\"stalls\":{\"count\":%" PRIu64 ",\"calls\":%" PRIu64
		",\"total_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 ",\"p999_ns\":%" PRIu64
		",\"log2_ns\":{", work_count, work_calls, work_ns, work_max, p999);
	for (i = 0; i < HIST_BINS; i++) {
		if (!work_hist[i])
			continue;
		fprintf(out, "%s\"%d\":%" PRIu64, first ? "" : ",", i, work_hist[i]);
		first = false;
	}
	fputs("}}", out);
}

static void print_phases(FILE *out)
{
	bool first = true;
	int i;

	fputs("\"phases\":[", out);
	for (i = 1; i < PHASE_END; i++) {
		if (!phase_ns[i])
			continue;
		fprintf(out, "%s{\"phase\":%d,\"start_ns\":%" PRIu64 ",",
			first ? "" : ",\n ", i, phase_ns[i] - began_ns);
		print_counts(out, "user", &counts[USER][i]);
		fputc(',', out);
		print_counts(out, "kernel_mode", &counts[KERNEL][i]);
		fputc('}', out);
		first = false;
	}
	fputc(']', out);
}

static void print_void(FILE *out)
{
	int64_t ahead = ahead_of_qemu();

	if (ahead < ahead_ns)
		ahead = ahead_ns;
	fputs("\"void\":", out);
	if (odd_addresses)
		fprintf(out, "\"%" PRIu64 " accesses at addresses of no node, the first at 0x%"
			PRIx64 "\"", odd_addresses, odd_example);
	else if (!phase_ns[PHASE_END])
		fputs("\"the markers of begin and end were not both executed\"", out);
	else if (ahead > (int64_t)now_ns() / 100)
		fprintf(out, "\"the clock was %" PRId64 " ns ahead of QEMU's\"", ahead);
	else
		fputs("null", out);
}

static void print_instructions(FILE *out, const uint64_t *to, const uint64_t *from)
{
	fprintf(out, "\"instructions\":{\"user\":%" PRIu64 ",\"kernel\":%" PRIu64
		",\"balancer\":%" PRIu64 "}", to[USER] - from[USER], to[KERNEL] - from[KERNEL],
		to[BALANCER] - from[BALANCER]);
}

static void print_start(FILE *out)
{
	bool known = have_start && began_ns;

	fprintf(out, "\"start\":{\"seconds\":%.9f,", known ? (began_ns - start_ns) / 1e9 : 0);
	print_instructions(out, known ? began_at : start_at, start_at);
	fputs("}", out);
}

static void finish(qemu_plugin_id_t id, void *data)
{
	uint64_t end_ns = phase_ns[PHASE_END];
	FILE *out;
	size_t i;

	(void)id;
	(void)data;
	if (!out_path)
		return;
	out = fopen(out_path, "w");
	if (!out) {
		perror(out_path);
		return;
	}
	fputc('{', out);
	print_void(out);
	fprintf(out, ",\n\"seconds\":%.9f,", (end_ns - began_ns) / 1e9);
	print_instructions(out, ended_at, began_at);
	fprintf(out, ",\"io_accesses\":%" PRIu64 ",\n", io_accesses);
	print_start(out);
	fprintf(out, ",\n\"moves\":{\"pages\":%" PRIu64 ",\"again\":%" PRIu64
		",\"pages_again\":%" PRIu64 "},\n", moves, moves_again, pages_again);
	print_phases(out);
	fprintf(out, ",\n\"intervals\":{\"seconds\":%.9f,\"accesses\":[", interval_ns / 1e9);
	for (i = 0; i < nr_intervals && began_ns + i * interval_ns < end_ns; i++) {
		fputs(i ? ",\n" : "\n", out);
		print_matrix(out, intervals[i]);
	}
	fputs("]},\n", out);
	print_stretches(out);
	fputs("}\n", out);
	if (fclose(out))
		perror(out_path);
}

/* === Arguments === */

/* "1:2:3" as at most @max numbers. Return: how many, -1 if it is something else. */
static int numbers(const char *text, int base, uint64_t *to, int max)
{
	int nr = 0;
	char *end;

	do {
		if (nr == max)
			return -1;
		to[nr++] = strtoull(text, &end, base);
		if (end == text || (*end && *end != ':'))
			return -1;
		text = end + 1;
	} while (*end);
	return nr;
}

static int refuse(const char *arg)
{
	fprintf(stderr, "observer: cannot use argument '%s'\n", arg);
	return -1;
}

/* Lists of numbers; of a range, address and size */
static const struct setting {
	const char *name;
	int base, step, max;
	uint64_t *to;
	int *nr;
} settings[] = {
	{ "cpus=", 10, 1, MAX_CPUS, node_of, &nr_cpus },
	{ "mb=", 10, 1, MAX_NODES, node_mb, &nr_nodes },
	{ "interval=", 10, 1, 1, &interval_ns, NULL },
	{ "turn=", 10, 1, 1, &turn_insns, NULL },
	{ "switch=", 16, 1, 1, &switch_at, NULL },
	{ "forget=", 16, 1, MAX_FUNCS, forget_at, &nr_forget },
	{ "work=", 16, 1, MAX_FUNCS, work_at, &nr_work },
	{ "balancer=", 16, 1, MAX_FUNCS, balancer_at, &nr_balancer },
	{ "copy=", 16, 2, 2 * MAX_FUNCS, copy_at, &nr_copy },
	{ "move=", 16, 2, 2 * MAX_FUNCS, move_at, &nr_move },
	{ "clear=", 16, 2, 2 * MAX_FUNCS, clear_at, &nr_clear },
};

static int parse(const char *arg)
{
	const struct setting *set;
	size_t i;
	int n;

	if (!strncmp(arg, "out=", 4)) {
		out_path = strdup(arg + 4);
		return out_path ? 0 : -1;
	}
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		set = &settings[i];
		if (strncmp(arg, set->name, strlen(set->name)))
			continue;
		n = numbers(arg + strlen(set->name), set->base, set->to, set->max);
		if (n < 1 || n % set->step)
			return refuse(arg);
		if (set->nr)
			*set->nr = n;
		return 0;
	}
	return refuse(arg);
}

static bool look_up(void)
{
	static const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "qemu_clock_get_ns", &qemu_clock_get_ns },
		{ "qemu_get_cpu", &qemu_get_cpu },
		{ "cpu_exit", &cpu_exit },
		{ "qemu_mutex_lock_iothread_impl", &qemu_mutex_lock_iothread_impl },
		{ "qemu_mutex_unlock_iothread", &qemu_mutex_unlock_iothread },
		{ "all_cpu_threads_idle", &all_cpu_threads_idle },
		{ "async_run_on_cpu", &async_run_on_cpu },
		{ "icount_start_warp_timer", &icount_start_warp_timer },
		{ "qemu_clock_run_timers", &qemu_clock_run_timers },
		{ "qemu_shutdown_requested_get", &qemu_shutdown_requested_get },
		{ "qemu_reset_requested_get", &qemu_reset_requested_get },
	};
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *address = dlsym(RTLD_DEFAULT, functions[i].name);

		if (!address) {
			fprintf(stderr, "observer: this QEMU hides %s; use Debian's\n",
				functions[i].name);
			return false;
		}
		memcpy(functions[i].to, &address, sizeof(address));
	}
	return true;
}

static bool settle(void)
{
	uint64_t offset = 0;
	int i;

	if (!nr_cpus || !nr_nodes || !turn_insns)
		return false;
	for (i = 0; i < nr_cpus; i++)
		if (node_of[i] >= (uint64_t)nr_nodes)
			return false;
	for (i = 0; i < nr_nodes; i++) {
		node_start[i] = 2 * offset << 20;
		node_end[i] = node_start[i] + (node_mb[i] << 20);
		offset += node_mb[i];
	}
	return true;
}

static bool prepare_tasks(void)
{
	int i;

	for (i = 0; i < MAX_CPUS; i++) {
		first_task[i].load_page = NO_PAGE;
		present[i] = &first_task[i];
	}
	charged = present[0];
	times = calloc(node_end[nr_nodes - 1] >> PAGE_SHIFT, sizeof(*times));
	return times;
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (parse(argv[i]))
			return -1;
	if (!settle()) {
		fputs("observer: needs cpus=, mb= and turn=\n", stderr);
		return -1;
	}
	if (!look_up())
		return -1;
	if (!prepare_tasks() || !prepare_parking()) {
		perror("observer");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
