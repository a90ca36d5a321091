/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: /etc/knumad.conf
 */
#ifndef KNUMADCTL_CONF_H
#define KNUMADCTL_CONF_H

#include "knumadctl.h"

/**
 * struct setting - a line of the file
 * @line: its number
 * @name: which tunable
 * @value: its value
 * @old: the value before
 */
struct setting {
	unsigned int line;
	char name[32];
	char value[32];
	char old[32];
};

/**
 * struct conf - the file
 * @file: its name
 * @nr: how many settings it has
 * @v: the settings
 */
struct conf {
	const char *file;
	size_t nr;
	struct setting *v;
};

unsigned int conf_parse(const struct paths *paths, char *text, struct conf *conf);
int conf_apply(const struct paths *paths, struct conf *conf);
void conf_free(struct conf *conf);

#endif /* KNUMADCTL_CONF_H */
