/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what can be tuned
 */
#ifndef KNUMADCTL_TUNABLES_H
#define KNUMADCTL_TUNABLES_H

#include "knumadctl.h"

/**
 * struct tunable - a file in /sys/kernel/mm/knumad
 * @name: its name
 * @words: the words it takes, NULL if it takes a number
 * @preset: the kernel's default, NULL if that depends on the machine
 * @min: least number
 * @max: greatest number
 * @unit: of the number, "" for none
 */
struct tunable {
	const char *name;
	const char *words;
	const char *preset;
	__u64 min;
	__u64 max;
	const char *unit;
};

extern const struct tunable tunables[];
extern const size_t nr_tunables;

const struct tunable *tunable_find(const char *name);
void tunable_preset(const struct tunable *t, unsigned int cpus, char *preset, size_t size);
bool tunable_takes(const struct tunable *t, const char *value);
char *tunable_range(const struct tunable *t);
bool tunable_read(const struct paths *paths, const char *name, char *value, size_t size);
int tunable_write(const struct paths *paths, const char *name, const char *value);
int tunable_failed(const struct paths *paths, const char *name, const char *value, int error);

#endif /* KNUMADCTL_TUNABLES_H */
