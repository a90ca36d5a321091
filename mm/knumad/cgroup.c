// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: what a control group says, memory.knumad
 *
 * The nearest group, from that of the process up, that says anything but "default"
 * speaks for it. See Documentation/admin-guide/mm/knumad.rst for who is heard when
 * group, process and machine say different things.
 */

#include <linux/cgroup.h>
#include <linux/init.h>
#include <linux/memcontrol.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "../memcontrol-v1.h"
#include "internal.h"

static const char * const group_names[] = {
	[KNUMAD_GROUP_DEFAULT]	= "default",
	[KNUMAD_GROUP_ALWAYS]	= "always",
	[KNUMAD_GROUP_NEVER]	= "never",
};

/**
 * knumad_group - what the control group of a process says
 * @mm: its mm, pinned by mm_count at least
 *
 * Return: of the nearest one that says anything, else KNUMAD_GROUP_DEFAULT.
 */
enum knumad_group knumad_group(struct mm_struct *mm)
{
	enum knumad_group group = KNUMAD_GROUP_DEFAULT;
	struct mem_cgroup *memcg, *at;

	if (mem_cgroup_disabled())
		return group;
	memcg = get_mem_cgroup_from_mm(mm);
	for (at = memcg; at && !group; at = parent_mem_cgroup(at))
		group = READ_ONCE(at->knumad);	/* pairs with setting_write() */
	mem_cgroup_put(memcg);
	return group;
}

/**
 * knumad_group_name - the word for what a control group says
 * @group: what it says
 *
 * Return: as in memory.knumad.
 */
const char *knumad_group_name(enum knumad_group group)
{
	return group_names[group];
}

static int setting_show(struct seq_file *m, void *v)
{
	struct mem_cgroup *memcg = mem_cgroup_from_seq(m);

	seq_printf(m, "%s\n", knumad_group_name(READ_ONCE(memcg->knumad)));
	return 0;
}

static ssize_t setting_write(struct kernfs_open_file *of, char *buf, size_t nbytes,
			     loff_t off)
{
	struct mem_cgroup *memcg = mem_cgroup_from_css(of_css(of));
	int i = sysfs_match_string(group_names, strstrip(buf));

	if (i < 0)
		return -EINVAL;
	WRITE_ONCE(memcg->knumad, i);	/* pairs with knumad_group() */
	return nbytes;
}

static const struct {
	const char *name;
	enum vm_event_item event;
} group_stats[] = {
	{ "pages_migrated",	KNUMAD_PAGES_MIGRATED },
	{ "thp_migrated",	KNUMAD_THP_MIGRATED },
	{ "hint_faults",	KNUMAD_HINT_FAULTS },
	{ "pages_armed",	KNUMAD_PAGES_ARMED },
	{ "scan_us",		KNUMAD_SCAN_US },
};

static int stat_show(struct seq_file *m, void *v)
{
	struct mem_cgroup *memcg = mem_cgroup_from_seq(m);
	unsigned int i;

	mem_cgroup_flush_stats(memcg);
	for (i = 0; i < ARRAY_SIZE(group_stats); i++)
		seq_printf(m, "%s %lu\n", group_stats[i].name,
			   memcg_events(memcg, group_stats[i].event));
	return 0;
}

static struct cftype knumad_files[] = {
	{
		.name = "knumad",
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = setting_show,
		.write = setting_write,
	},
	{
		.name = "knumad.stat",
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = stat_show,
	},
	{ }
};

static int __init knumad_cgroup_init(void)
{
	return cgroup_add_dfl_cftypes(&memory_cgrp_subsys, knumad_files);
}
late_initcall(knumad_cgroup_init);
