// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: /sys/kernel/mm/knumad
 *
 * See Documentation/ABI/testing/sysfs-kernel-mm-knumad.
 */

#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

#define KNUMAD_HOUR_MS	(3600UL * 1000)

/* More memory comes with more CPUs: of each, it takes that many faults per second */
#define KNUMAD_SAMPLES_PER_CPU	125
#define KNUMAD_SAMPLES_LEAST	1000
/* What one thread gets to read */
#define KNUMAD_SAMPLES_MOST	50000

struct knumad_tunables knumad_tun = {
	.scan_interval_ms	= 1000,
	.scan_max_interval_ms	= 60000,
	.scan_pages		= 1048576,	/* 4 GiB of small pages */
	.cpu_percent		= 10,
	.migrate_mb_per_s	= 1024,
	.reserve_percent	= 1,
	.min_resident_mb	= 16,
	.min_cpu_ms		= 500,
	.samples_per_s		= KNUMAD_SAMPLES_LEAST,	/* see knumad_samples_preset() */
};

/* Serialises writers, for the rules that tie two values together */
static DEFINE_MUTEX(knumad_tunables_lock);

/**
 * knumad_parse_ulong - a decimal number within bounds
 * @buf: the text; a newline may follow the number, nothing else may
 * @min: least value
 * @max: greatest value
 * @val: where to store it, untouched on error
 *
 * Return: 0 or -EINVAL.
 */
int knumad_parse_ulong(const char *buf, unsigned long min, unsigned long max,
		       unsigned long *val)
{
	unsigned long v;

	/* kstrtoul() would take a plus sign */
	if (!isdigit(buf[0]) || kstrtoul(buf, 10, &v) || v < min || v > max)
		return -EINVAL;
	*val = v;
	return 0;
}

/**
 * knumad_samples_preset - what samples_per_s is at boot
 * @cpus: that are online then
 *
 *   CPUs     4    8   16   64    400    768
 *   1/s   1000 1000 2000 8000  50000  50000
 *
 * Return: pages to arm per second.
 */
unsigned long knumad_samples_preset(unsigned int cpus)
{
	return clamp((unsigned long)cpus * KNUMAD_SAMPLES_PER_CPU,
		     (unsigned long)KNUMAD_SAMPLES_LEAST, (unsigned long)KNUMAD_SAMPLES_MOST);
}

static const char * const mode_names[] = {
	[KNUMAD_NEVER]	= "never",
	[KNUMAD_OPT_IN]	= "opt-in",
	[KNUMAD_ALWAYS]	= "always",
};

/**
 * knumad_parse_mode - a word for @enabled
 * @buf: the text; a newline may follow the word
 * @mode: where to store it, untouched on error
 *
 * Return: 0 or -EINVAL.
 */
int knumad_parse_mode(const char *buf, enum knumad_mode *mode)
{
	int i = sysfs_match_string(mode_names, buf);

	if (i < 0)
		return -EINVAL;
	*mode = i;
	return 0;
}

static ssize_t enabled_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	enum knumad_mode mode = knumad_mode();
	int i, len = 0;

	for (i = KNUMAD_ALWAYS; i >= KNUMAD_NEVER; i--)
		len += sysfs_emit_at(buf, len, i == mode ? "%s[%s]" : "%s%s",
				     len ? " " : "", mode_names[i]);
	return len + sysfs_emit_at(buf, len, "\n");
}

static ssize_t enabled_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	enum knumad_mode mode;
	int ret = knumad_parse_mode(buf, &mode);

	if (!ret)
		ret = knumad_set_mode(mode);
	return ret ?: count;
}

static struct kobj_attribute enabled_attr = __ATTR_RW(enabled);

static ssize_t policy_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, READ_ONCE(knumad_tun.spread) ?
			  "pack [spread]\n" : "[pack] spread\n");
}

static ssize_t policy_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	static const char * const names[] = { "pack", "spread" };
	int i = sysfs_match_string(names, buf);

	if (i < 0)
		return -EINVAL;
	WRITE_ONCE(knumad_tun.spread, i);
	knumad_kick();
	return count;
}

static struct kobj_attribute policy_attr = __ATTR_RW(policy);

/**
 * struct number - a tunable that is a number
 * @attr: its file
 * @val: its value
 * @min: least value
 * @max: greatest value
 * @floor: another tunable that it must not be below, or NULL
 * @ceiling: another tunable that it must not be above, or NULL
 */
struct number {
	struct kobj_attribute attr;
	unsigned long *val;
	unsigned long min;
	unsigned long max;
	const unsigned long *floor;
	const unsigned long *ceiling;
};

static ssize_t number_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	struct number *n = container_of(attr, struct number, attr);

	return sysfs_emit(buf, "%lu\n", READ_ONCE(*n->val));
}

static ssize_t number_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	struct number *n = container_of(attr, struct number, attr);
	unsigned long v;
	int ret;

	mutex_lock(&knumad_tunables_lock);
	ret = knumad_parse_ulong(buf, n->min, n->max, &v);
	if (!ret && ((n->floor && v < *n->floor) ||
		     (n->ceiling && v > *n->ceiling)))
		ret = -EINVAL;
	if (!ret)
		WRITE_ONCE(*n->val, v);
	mutex_unlock(&knumad_tunables_lock);
	if (ret)
		return ret;
	knumad_kick();
	return count;
}

static struct number numbers[] = {
	{
		.attr = __ATTR(scan_interval_ms, 0644, number_show, number_store),
		.val = &knumad_tun.scan_interval_ms,
		.min = 100,
		.max = KNUMAD_HOUR_MS,
		.ceiling = &knumad_tun.scan_max_interval_ms,
	},
	{
		.attr = __ATTR(scan_max_interval_ms, 0644, number_show, number_store),
		.val = &knumad_tun.scan_max_interval_ms,
		.min = 100,
		.max = KNUMAD_HOUR_MS,
		.floor = &knumad_tun.scan_interval_ms,
	},
	{
		.attr = __ATTR(scan_pages, 0644, number_show, number_store),
		.val = &knumad_tun.scan_pages,
		.min = 512,
		.max = 1UL << 30,
	},
	{
		.attr = __ATTR(cpu_percent, 0644, number_show, number_store),
		.val = &knumad_tun.cpu_percent,
		.min = 1,
		.max = 100,
	},
	{
		.attr = __ATTR(migrate_mb_per_s, 0644, number_show, number_store),
		.val = &knumad_tun.migrate_mb_per_s,
		.min = 1,
		.max = 1UL << 20,
	},
	{
		.attr = __ATTR(reserve_percent, 0644, number_show, number_store),
		.val = &knumad_tun.reserve_percent,
		.min = 0,
		.max = 50,
	},
	{
		.attr = __ATTR(min_resident_mb, 0644, number_show, number_store),
		.val = &knumad_tun.min_resident_mb,
		.min = 1,
		.max = 1UL << 20,
	},
	{
		.attr = __ATTR(min_cpu_ms, 0644, number_show, number_store),
		.val = &knumad_tun.min_cpu_ms,
		.min = 0,
		.max = KNUMAD_HOUR_MS,
	},
	{
		.attr = __ATTR(samples_per_s, 0644, number_show, number_store),
		.val = &knumad_tun.samples_per_s,
		.min = 0,
		.max = 100000,
	},
};

static int __init knumad_tunables_init(void)
{
	struct kobject *kobj = kobject_create_and_add("knumad", mm_kobj);
	int ret, i;

	if (!kobj)
		return -ENOMEM;
	knumad_tun.samples_per_s = knumad_samples_preset(num_online_cpus());
	ret = sysfs_create_file(kobj, &enabled_attr.attr);
	if (!ret)
		ret = sysfs_create_file(kobj, &policy_attr.attr);
	for (i = 0; !ret && i < ARRAY_SIZE(numbers); i++)
		ret = sysfs_create_file(kobj, &numbers[i].attr.attr);
	if (ret)
		kobject_put(kobj);
	return ret;
}
subsys_initcall(knumad_tunables_init);
