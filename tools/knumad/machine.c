// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: the nodes of the machine, and what goes on there
 */

#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "read.h"

/* Call @fn for each number of a list such as "0-3,8"; false if it is no such list */
static bool parse_numbers(const char *list, void (*fn)(void *data, __u64 nr), void *data)
{
	__u64 first, last;
	char *end;

	while (*list && *list != '\n') {
		first = strtoull(list, &end, 10);
		if (end == list)
			return false;
		last = first;
		if (*end == '-') {
			list = end + 1;
			last = strtoull(list, &end, 10);
			if (end == list || last > 65535)
				return false;
		}
		for (; first <= last; first++)
			fn(data, first);
		list = *end == ',' ? end + 1 : end;
	}
	return true;
}

static void add_node(void *data, __u64 id)
{
	struct machine *m = data;

	while (m->nr <= id) {
		m->nodes = xgrow(m->nodes, m->nr, sizeof(*m->nodes));
		m->nodes[m->nr++] = (struct node) { 0 };
	}
	m->nodes[id].online = true;
}

/* A CPU that belongs to the last node that is known */
struct cpu_of {
	struct machine *machine;
	int node;
};

static void add_cpu(void *data, __u64 cpu)
{
	const struct cpu_of *of = data;
	struct machine *m = of->machine;

	while (m->nr_cpus <= cpu) {
		m->cpu_node = xgrow(m->cpu_node, m->nr_cpus, sizeof(*m->cpu_node));
		m->cpu_node[m->nr_cpus++] = -1;
	}
	m->cpu_node[cpu] = of->node;
	m->nodes[of->node].cpus++;
}

static void read_cpus(const struct paths *paths, struct machine *m, int id)
{
	struct cpu_of of = { m, id };
	char *list = read_file("%s/node%d/cpulist", paths->node, id);

	if (!list)
		return;
	list[strcspn(list, "\n")] = '\0';
	parse_numbers(list, add_cpu, &of);
	snprintf(m->nodes[id].cpulist, sizeof(m->nodes[id].cpulist), "%s", list);
	free(list);
}

/**
 * machine_read - which nodes and CPUs are there?
 * @paths: where to look it up
 * @m: what is found
 *
 * Return: 0, or an exit status when the reason has been said.
 */
int machine_read(const struct paths *paths, struct machine *m)
{
	char *list = read_file("%s/online", paths->node);
	size_t i;

	*m = (struct machine) { 0 };
	if (!list || !parse_numbers(list, add_node, m) || !m->nr) {
		free(list);
		fail(EXIT_FAILURE, "cannot tell the nodes of this machine from %s/online.",
		     paths->node);
		hint("Have sysfs mounted on /sys, and CONFIG_NUMA=y in the kernel.");
		return EXIT_FAILURE;
	}
	free(list);
	for (i = 0; i < m->nr; i++)
		if (m->nodes[i].online)
			read_cpus(paths, m, i);
	machine_update(paths, m);
	return 0;
}

/* "Node 0 MemFree:  123 kB" */
static __u64 node_kb(const char *meminfo, const char *name)
{
	const char *at = meminfo ? strstr(meminfo, name) : NULL;

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* "cpu3 user nice system idle iowait irq softirq steal ..." */
static void add_ticks(struct machine *m, const char *line)
{
	__u64 v[8] = { 0 };
	struct node *node;
	char *end;
	int nid;
	size_t i;

	nid = machine_node_of(m, strtol(line + 3, &end, 10));
	if (nid < 0 || end == line + 3)
		return;
	for (i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = strtoull(end, &end, 10);
	node = &m->nodes[nid];
	node->ticks += sum(v, ARRAY_SIZE(v));
	node->busy += sum(v, ARRAY_SIZE(v)) - v[3] - v[4];
}

/**
 * machine_update - what goes on now?
 * @paths: where to look it up
 * @m: the machine
 */
void machine_update(const struct paths *paths, struct machine *m)
{
	char *text, *rest, *line;
	size_t i;

	for (i = 0; i < m->nr; i++) {
		text = read_file("%s/node%zu/meminfo", paths->node, i);
		m->nodes[i].total_kb = node_kb(text, "MemTotal:");
		m->nodes[i].free_kb = node_kb(text, "MemFree:");
		m->nodes[i].busy = 0;
		m->nodes[i].ticks = 0;
		free(text);
	}
	text = read_file("%s/stat", paths->proc);
	rest = text;
	while ((line = next_line(&rest)))
		if (!strncmp(line, "cpu", 3) && line[3] != ' ')
			add_ticks(m, line);
	free(text);
}

/**
 * machine_free - forget a machine
 * @m: the machine
 */
void machine_free(struct machine *m)
{
	free(m->nodes);
	free(m->cpu_node);
	*m = (struct machine) { 0 };
}

/**
 * machine_node_of - the node of a CPU
 * @m: the machine
 * @cpu: the CPU
 *
 * Return: the node, or -1.
 */
int machine_node_of(const struct machine *m, long cpu)
{
	return cpu >= 0 && (size_t)cpu < m->nr_cpus ? m->cpu_node[cpu] : -1;
}

/**
 * machine_busy - CPU use of a node
 * @now: the node
 * @before: the same some time ago; NULL: since boot
 *
 * Return: percent of the time of its CPUs.
 */
double machine_busy(const struct node *now, const struct node *before)
{
	if (!before)
		return percent(now->busy, now->ticks);
	/* Ticks of a CPU that was unplugged in between are gone */
	if (now->ticks <= before->ticks || now->busy < before->busy)
		return 0;
	return percent(now->busy - before->busy, now->ticks - before->ticks);
}
