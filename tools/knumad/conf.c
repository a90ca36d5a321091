// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: /etc/knumad.conf
 *
 * A line sets a tunable: "name = value". What follows a # is a comment.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "read.h"
#include "tunables.h"

static unsigned int __printf(3, 4)
wrong(const struct conf *conf, unsigned int line, const char *fmt, ...)
{
	char *what;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	fail(EXIT_FAILURE, "%s, line %u: %s.", conf->file, line, what ?: "wrong");
	free(what);
	return 1;
}

static struct setting *find(const struct conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->nr; i++)
		if (!strcmp(conf->v[i].name, name))
			return &conf->v[i];
	return NULL;
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* A newer kernel may have tunables that are not known here: it will check them */
static bool kernel_has(const struct paths *paths, const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && exists("%s/%s", paths->sysfs, name);
}

static unsigned int check(const struct paths *paths, const struct conf *conf, unsigned int line,
			  const char *name, const char *value)
{
	const struct tunable *t = tunable_find(name);
	const struct setting *other = find(conf, name);
	unsigned int ret = 0;
	char *range;

	if (strlen(name) >= sizeof(other->name) || (!t && !kernel_has(paths, name)))
		return wrong(conf, line, "there is no tunable '%s'", name);
	if (!*value || strlen(value) >= sizeof(other->value))
		return wrong(conf, line, "%s needs a value", name);
	if (other)
		return wrong(conf, line, "line %u sets %s already", other->line, name);
	if (t && !tunable_takes(t, value)) {
		range = tunable_range(t);
		ret = wrong(conf, line, "%s takes %s, not '%s'", name, range, value);
		free(range);
	}
	return ret;
}

static unsigned int parse_line(const struct paths *paths, struct conf *conf, unsigned int line,
			       char *text)
{
	char *name, *value;
	struct setting *s;

	text[strcspn(text, "#")] = '\0';
	value = text;
	name = trim(strsep(&value, "="));
	if (!*name && !value)
		return 0;
	if (!value)
		return wrong(conf, line, "'%s' is not of the form: name = value", name);
	value = trim(value);
	if (check(paths, conf, line, name, value))
		return 1;
	conf->v = xgrow(conf->v, conf->nr, sizeof(*conf->v));
	s = &conf->v[conf->nr++];
	s->line = line;
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->value, sizeof(s->value), "%s", value);
	return 0;
}

/* The value that a number will have */
static __u64 will_be(const struct paths *paths, const struct conf *conf, const char *name)
{
	const struct setting *s = find(conf, name);
	char value[32];

	if (!s)
		tunable_read(paths, name, value, sizeof(value));
	return strtoull(s ? s->value : value, NULL, 10);
}

static unsigned int check_intervals(const struct paths *paths, const struct conf *conf)
{
	const struct setting *least = find(conf, "scan_interval_ms");
	const struct setting *most = find(conf, "scan_max_interval_ms");
	const struct setting *at = least ?: most;

	if (!at || will_be(paths, conf, "scan_interval_ms") <=
		   will_be(paths, conf, "scan_max_interval_ms"))
		return 0;
	return wrong(conf, at->line, "scan_interval_ms would be above scan_max_interval_ms");
}

/**
 * conf_parse - understand the file, and say all that is wrong with it
 * @paths: where the tunables are
 * @text: what the file says; changed
 * @conf: where to store it; its @file is set
 *
 * Return: how many lines are wrong.
 */
unsigned int conf_parse(const struct paths *paths, char *text, struct conf *conf)
{
	unsigned int line = 0, errors = 0;
	char *start;

	conf->nr = 0;
	conf->v = NULL;
	while ((start = strsep(&text, "\n")))
		errors += parse_line(paths, conf, ++line, start);
	return errors ?: check_intervals(paths, conf);
}

/*
 * In which order: at no time may the shortest interval be above the longest one, and
 * knumad is switched on when everything else is set.
 */
static int rank(const struct paths *paths, const struct setting *s)
{
	char now[32];

	if (!strcmp(s->name, "enabled"))
		return 3;
	if (strcmp(s->name, "scan_max_interval_ms"))
		return 1;
	/* Up before the shortest one, down after it */
	tunable_read(paths, s->name, now, sizeof(now));
	return strtoull(s->value, NULL, 10) > strtoull(now, NULL, 10) ? 0 : 2;
}

static int set(const struct paths *paths, struct setting *s)
{
	tunable_read(paths, s->name, s->old, sizeof(s->old));
	if (!strcmp(s->old, s->value))
		return 0;
	return tunable_write(paths, s->name, s->value);
}

/* Back, in the opposite order */
static void take_back(const struct paths *paths, struct setting **done, size_t nr)
{
	while (nr--)
		if (strcmp(done[nr]->old, done[nr]->value))
			if (tunable_write(paths, done[nr]->name, done[nr]->old))
				fail(0, "%s cannot be set back to %s.", done[nr]->name,
				     done[nr]->old);
}

/**
 * conf_apply - set what the file says
 * @paths: where the tunables are
 * @conf: the file
 *
 * If the kernel refuses one, those set before get their old values back.
 *
 * Return: the exit status.
 */
int conf_apply(const struct paths *paths, struct conf *conf)
{
	struct setting **order = xalloc(conf->nr, sizeof(*order));
	size_t i, nr = 0, done;
	int level, error = 0;

	for (level = 0; level <= 3; level++)
		for (i = 0; i < conf->nr; i++)
			if (rank(paths, &conf->v[i]) == level)
				order[nr++] = &conf->v[i];
	for (done = 0; done < nr; done++) {
		error = set(paths, order[done]);
		if (error)
			break;
	}
	if (error) {
		take_back(paths, order, done);
		wrong(conf, order[done]->line, "%s could not be set, so nothing is",
		      order[done]->name);
		error = tunable_failed(paths, order[done]->name, order[done]->value, error);
	}
	free(order);
	return error;
}

/**
 * conf_free - forget the file
 * @conf: the file
 */
void conf_free(struct conf *conf)
{
	free(conf->v);
	conf->v = NULL;
	conf->nr = 0;
}
