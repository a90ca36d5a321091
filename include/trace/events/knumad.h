/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM knumad

#if !defined(_TRACE_KNUMAD_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_KNUMAD_H

#include <linux/tracepoint.h>

/* Verdicts are recorded as the words that the statistics use */

TRACE_EVENT(knumad_pass,
	    TP_PROTO(unsigned int procs, unsigned long pages, u64 ns),
	    TP_ARGS(procs, pages, ns),
	    TP_STRUCT__entry(__field(unsigned int, procs)
			     __field(unsigned long, pages)
			     __field(u64, ns)
	    ),
	    TP_fast_assign(__entry->procs = procs;
			   __entry->pages = pages;
			   __entry->ns = ns;
	    ),
	    TP_printk("watched=%u pages_scanned=%lu cpu_ns=%llu",
		      __entry->procs, __entry->pages, __entry->ns)
);

TRACE_EVENT(knumad_home,
	    TP_PROTO(pid_t pid, int from, int to, const char *verdict),
	    TP_ARGS(pid, from, to, verdict),
	    TP_STRUCT__entry(__field(pid_t, pid)
			     __field(int, from)
			     __field(int, to)
			     __string(verdict, verdict)
	    ),
	    TP_fast_assign(__entry->pid = pid;
			   __entry->from = from;
			   __entry->to = to;
			   __assign_str(verdict);
	    ),
	    TP_printk("pid=%d from=%d to=%d verdict=%s", __entry->pid,
		      __entry->from, __entry->to, __get_str(verdict))
);

TRACE_EVENT(knumad_thread,
	    TP_PROTO(pid_t tid, int from, int to),
	    TP_ARGS(tid, from, to),
	    TP_STRUCT__entry(__field(pid_t, tid)
			     __field(int, from)
			     __field(int, to)
	    ),
	    TP_fast_assign(__entry->tid = tid;
			   __entry->from = from;
			   __entry->to = to;
	    ),
	    TP_printk("tid=%d from=%d to=%d", __entry->tid, __entry->from,
		      __entry->to)
);

TRACE_EVENT(knumad_arm,
	    TP_PROTO(pid_t pid, unsigned int samples, unsigned long pages),
	    TP_ARGS(pid, samples, pages),
	    TP_STRUCT__entry(__field(pid_t, pid)
			     __field(unsigned int, samples)
			     __field(unsigned long, pages)
	    ),
	    TP_fast_assign(__entry->pid = pid;
			   __entry->samples = samples;
			   __entry->pages = pages;
	    ),
	    TP_printk("pid=%d samples=%u pages=%lu", __entry->pid,
		      __entry->samples, __entry->pages)
);

/* A hinting fault, when the knumad thread reads of it */
TRACE_EVENT(knumad_sample,
	    TP_PROTO(pid_t tid, unsigned long addr, int cpu_node, int mem_node),
	    TP_ARGS(tid, addr, cpu_node, mem_node),
	    TP_STRUCT__entry(__field(pid_t, tid)
			     __field(unsigned long, addr)
			     __field(int, cpu_node)
			     __field(int, mem_node)
	    ),
	    TP_fast_assign(__entry->tid = tid;
			   __entry->addr = addr;
			   __entry->cpu_node = cpu_node;
			   __entry->mem_node = mem_node;
	    ),
	    TP_printk("tid=%d addr=%#lx cpu_node=%d mem_node=%d", __entry->tid,
		      __entry->addr, __entry->cpu_node, __entry->mem_node)
);

TRACE_EVENT(knumad_chunk,
	    TP_PROTO(pid_t pid, unsigned long addr, int from, int to, bool shared),
	    TP_ARGS(pid, addr, from, to, shared),
	    TP_STRUCT__entry(__field(pid_t, pid)
			     __field(unsigned long, addr)
			     __field(int, from)
			     __field(int, to)
			     __field(bool, shared)
	    ),
	    TP_fast_assign(__entry->pid = pid;
			   __entry->addr = addr;
			   __entry->from = from;
			   __entry->to = to;
			   __entry->shared = shared;
	    ),
	    TP_printk("pid=%d addr=%#lx from=%d to=%d shared=%d", __entry->pid,
		      __entry->addr, __entry->from, __entry->to, __entry->shared)
);

TRACE_EVENT(knumad_verdict,
	    TP_PROTO(pid_t pid, const char *from, const char *to),
	    TP_ARGS(pid, from, to),
	    TP_STRUCT__entry(__field(pid_t, pid)
			     __string(from, from)
			     __string(to, to)
	    ),
	    TP_fast_assign(__entry->pid = pid;
			   __assign_str(from);
			   __assign_str(to);
	    ),
	    TP_printk("pid=%d from=%s to=%s", __entry->pid, __get_str(from),
		      __get_str(to))
);

TRACE_EVENT(knumad_migrate,
	    TP_PROTO(pid_t pid, int target, unsigned int folios,
		     unsigned long pages, unsigned long moved),
	    TP_ARGS(pid, target, folios, pages, moved),
	    TP_STRUCT__entry(__field(pid_t, pid)
			     __field(int, target)
			     __field(unsigned int, folios)
			     __field(unsigned long, pages)
			     __field(unsigned long, moved)
	    ),
	    TP_fast_assign(__entry->pid = pid;
			   __entry->target = target;
			   __entry->folios = folios;
			   __entry->pages = pages;
			   __entry->moved = moved;
	    ),
	    TP_printk("pid=%d target=%d folios=%u pages=%lu moved=%lu",
		      __entry->pid, __entry->target, __entry->folios,
		      __entry->pages, __entry->moved)
);

TRACE_EVENT(knumad_task_move,
	    TP_PROTO(pid_t tid, int from_cpu, int to_cpu, pid_t swapped,
		     int ret),
	    TP_ARGS(tid, from_cpu, to_cpu, swapped, ret),
	    TP_STRUCT__entry(__field(pid_t, tid)
			     __field(int, from_cpu)
			     __field(int, to_cpu)
			     __field(pid_t, swapped)
			     __field(int, ret)
	    ),
	    TP_fast_assign(__entry->tid = tid;
			   __entry->from_cpu = from_cpu;
			   __entry->to_cpu = to_cpu;
			   __entry->swapped = swapped;
			   __entry->ret = ret;
	    ),
	    TP_printk("tid=%d from_cpu=%d to_cpu=%d swapped=%d ret=%d",
		      __entry->tid, __entry->from_cpu, __entry->to_cpu,
		      __entry->swapped, __entry->ret)
);

#endif /* _TRACE_KNUMAD_H */

#include <trace/define_trace.h>
