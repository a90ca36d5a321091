// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what can be tuned
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"
#include "tunables.h"

#define HOUR_MS	3600000

/* As in Documentation/ABI/testing/sysfs-kernel-mm-knumad */
const struct tunable tunables[] = {
	{ "enabled", "always opt-in never", "never", 0, 0, "" },
	{ "policy", "pack spread", "pack", 0, 0, "" },
	{ "scan_interval_ms", NULL, "1000", 100, HOUR_MS, "ms" },
	{ "scan_max_interval_ms", NULL, "60000", 100, HOUR_MS, "ms" },
	{ "scan_pages", NULL, "1048576", 512, 1 << 30, "pages" },
	{ "cpu_percent", NULL, "10", 1, 100, "%" },
	{ "migrate_mb_per_s", NULL, "1024", 1, 1 << 20, "MiB/s" },
	{ "reserve_percent", NULL, "1", 0, 50, "%" },
	{ "min_resident_mb", NULL, "16", 1, 1 << 20, "MiB" },
	{ "min_cpu_ms", NULL, "500", 0, HOUR_MS, "ms" },
	{ "samples_per_s", NULL, NULL, 0, 100000, "1/s" },
};

const size_t nr_tunables = ARRAY_SIZE(tunables);

/**
 * tunable_find - look one up
 * @name: its name
 *
 * Return: the tunable, or NULL.
 */
const struct tunable *tunable_find(const char *name)
{
	size_t i;

	for (i = 0; i < nr_tunables; i++)
		if (!strcmp(tunables[i].name, name))
			return &tunables[i];
	return NULL;
}

static bool is_one_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (; *words; words += strspn(words, " ")) {
		if (strcspn(words, " ") == len && !strncmp(words, word, len))
			return len;
		words += strcspn(words, " ");
	}
	return false;
}

/**
 * tunable_preset - what a tunable is at boot
 * @t: the tunable
 * @cpus: CPUs of the machine
 * @preset: where to store it
 * @size: of @preset
 */
void tunable_preset(const struct tunable *t, unsigned int cpus, char *preset, size_t size)
{
	if (strcmp(t->name, "samples_per_s"))
		snprintf(preset, size, "%s", t->preset);
	else
		snprintf(preset, size, "%u", cpus < 8 ? 1000 : cpus > 400 ? 50000 : 125 * cpus);
}

/**
 * tunable_takes - would the kernel take this value?
 * @t: the tunable
 * @value: the value
 *
 * Return: whether it is one of its words, or a number in its range.
 */
bool tunable_takes(const struct tunable *t, const char *value)
{
	__u64 number;

	if (t->words)
		return is_one_of(t->words, value);
	return parse_number(value, t->max, &number) && number >= t->min;
}

/**
 * tunable_range - what a tunable takes
 * @t: the tunable
 *
 * Return: words for a message, to be freed.
 */
char *tunable_range(const struct tunable *t)
{
	if (t->words)
		return xprintf("one of: %s", t->words);
	return xprintf("a number from %llu to %llu", t->min, t->max);
}

/* "always [opt-in] never": what is in brackets, or the first line if there are none */
static const char *active_word(const char *text, int *len)
{
	const char *open = strchr(text, '[');

	text = open ? open + 1 : text;
	*len = strcspn(text, "]\n");
	return text;
}

/**
 * tunable_read - the value that a tunable has
 * @paths: where the tunables are
 * @name: which one
 * @value: where to store it, "" on error
 * @size: of @value
 *
 * Return: whether it could be read.
 */
bool tunable_read(const struct paths *paths, const char *name, char *value, size_t size)
{
	char *text = read_file("%s/%s", paths->sysfs, name);
	const char *word;
	int len;

	word = active_word(text ?: "", &len);
	snprintf(value, size, "%.*s", len, word);
	free(text);
	return *value;
}

/**
 * tunable_write - change one
 * @paths: where the tunables are
 * @name: which one
 * @value: its new value
 *
 * Return: 0 or -errno.
 */
int tunable_write(const struct paths *paths, const char *name, const char *value)
{
	char *path = xprintf("%s/%s", paths->sysfs, name);
	int ret = write_file(path, value);

	free(path);
	return ret;
}

/**
 * tunable_failed - say why the kernel did not take a value
 * @paths: where the tunables are
 * @name: of which one
 * @value: the value
 * @error: what tunable_write() returned
 *
 * Return: the exit status.
 */
int tunable_failed(const struct paths *paths, const char *name, const char *value, int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		fail(EXIT_DENIED, "may not write %s/%s.", paths->sysfs, name);
		hint("Only root may change what holds for the whole machine: sudo knumadctl ...");
		hint("For your own processes: 'knumadctl run' and 'knumadctl set'.");
		return EXIT_DENIED;
	case ENODEV:
		fail(EXIT_FAILURE, "there is nothing to balance: one node has all the memory.");
		hint("'numactl --hardware' shows the nodes.");
		return EXIT_FAILURE;
	case EINVAL:
		return fail(EXIT_FAILURE, "the kernel refuses %s = %s.", name, value);
	}
	return fail(EXIT_FAILURE, "%s/%s: %s.", paths->sysfs, name, strerror(-error));
}
