/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumad: autonomous NUMA balancing by a background thread
 *
 * All that the rest of the kernel sees of mm/knumad. Every hook in a path of its own
 * is behind knumad_enabled(), a static key: while knumad is off, it is one no-op
 * instruction. What users call, the prctl and files, is there also then. Without
 * CONFIG_KNUMAD the hooks vanish altogether.
 */
#ifndef _LINUX_KNUMAD_H
#define _LINUX_KNUMAD_H

#include <linux/errno.h>
#include <linux/jump_label.h>
#include <linux/types.h>

struct cred;
struct folio;
struct seq_file;
struct task_struct;
struct vm_fault;

#ifdef CONFIG_KNUMAD

/*
 * Of mm->flags: the preferred nodes of the threads are homes that knumad chose. Not
 * inherited, so a bit that linux/sched/coredump.h has no more use for: those above 31 are,
 * MMF_TOPDOWN_MASK being negative.
 */
#define MMF_KNUMAD_HOME		18

DECLARE_STATIC_KEY_FALSE(knumad_key);

static __always_inline bool knumad_enabled(void)
{
	return static_branch_unlikely(&knumad_key);
}

bool knumad_keeps_home(struct task_struct *p, int src_cpu, int dst_cpu,
		       bool dst_idle, bool others);
void knumad_hint_fault(const struct vm_fault *vmf, struct folio *folio);
int knumad_prctl_set(unsigned long val, unsigned long arg3,
		     unsigned long arg4, unsigned long arg5);
int knumad_prctl_get(unsigned long arg2, unsigned long arg3,
		     unsigned long arg4, unsigned long arg5);
int knumad_task_show(struct seq_file *m, struct task_struct *task);
int knumad_task_write(struct task_struct *task, const struct cred *who,
		      const char __user *buf, size_t count);

#else /* CONFIG_KNUMAD */

static inline bool knumad_enabled(void)
{
	return false;
}

static inline void knumad_hint_fault(const struct vm_fault *vmf,
				     struct folio *folio)
{
}

static inline int knumad_prctl_set(unsigned long val, unsigned long arg3,
				   unsigned long arg4, unsigned long arg5)
{
	return -EINVAL;
}

static inline int knumad_prctl_get(unsigned long arg2, unsigned long arg3,
				   unsigned long arg4, unsigned long arg5)
{
	return -EINVAL;
}

#endif /* CONFIG_KNUMAD */

#endif /* _LINUX_KNUMAD_H */
