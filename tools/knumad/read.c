// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: reading small files of the kernel
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "read.h"

#define ROOM	4096	/* more than a page of text is rare */

const struct paths live = {
	.proc = "/proc",
	.sysfs = "/sys/kernel/mm/knumad",
	.debugfs = "/sys/kernel/debug",
	.node = "/sys/devices/system/node",
};

static char *read_all(int fd)
{
	size_t len = 0, room = ROOM;
	char *text = xalloc(room, 1), *more;
	ssize_t got;

	for (;;) {
		got = read(fd, text + len, room - len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += got;
		if (room - len > 1)
			continue;
		more = realloc(text, 2 * room);
		if (!more) {
			got = -1;
			break;
		}
		text = more;
		room *= 2;
	}
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/**
 * read_file - the contents of a file
 * @fmt: its path, as for printf()
 *
 * Return: the text, to be freed, or NULL with errno set.
 */
char *read_file(const char *fmt, ...)
{
	char *path, *text = NULL;
	int fd, error;
	va_list ap;

	va_start(ap, fmt);
	error = vasprintf(&path, fmt, ap) < 0;
	va_end(ap);
	if (error)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return NULL;
	text = read_all(fd);
	error = errno;
	close(fd);
	errno = error;
	return text;
}

/**
 * write_file - write to a file that exists
 * @path: the file
 * @text: what to write, at once
 *
 * Return: 0 or -errno.
 */
int write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text), ret;
	int fd, error = 0;

	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, len);
	if (ret != len)
		error = ret < 0 ? errno : EIO;
	close(fd);
	return -error;
}

static bool accessible(int mode, const char *fmt, va_list ap)
{
	char *path;
	bool ret;

	if (vasprintf(&path, fmt, ap) < 0)
		return false;
	ret = !faccessat(AT_FDCWD, path, mode, AT_EACCESS);
	free(path);
	return ret;
}

/**
 * exists - is there such a file?
 * @fmt: its path, as for printf()
 *
 * Return: whether there is.
 */
bool exists(const char *fmt, ...)
{
	va_list ap;
	bool ret;

	va_start(ap, fmt);
	ret = accessible(F_OK, fmt, ap);
	va_end(ap);
	return ret;
}

/**
 * readable - is there such a file, and may we read it?
 * @fmt: its path, as for printf()
 *
 * Return: whether we may.
 */
bool readable(const char *fmt, ...)
{
	va_list ap;
	bool ret;

	va_start(ap, fmt);
	ret = accessible(R_OK, fmt, ap);
	va_end(ap);
	return ret;
}

/**
 * value_of - find a line "name value"
 * @text: lines; a colon may follow the name
 * @name: which one
 *
 * Return: where the value begins, in @text, or NULL.
 */
const char *value_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	while (text && *text) {
		if (!strncmp(text, name, len) && text[len] && strchr(" \t:", text[len])) {
			text += len;
			return text + strspn(text, " \t:");
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

/**
 * copy_value - the rest of the line "name value"
 * @to: where to store the value; "" if there is none
 * @size: of @to
 * @text: lines
 * @name: which one
 *
 * Return: whether there is such a line.
 */
bool copy_value(char *to, size_t size, const char *text, const char *name)
{
	const char *value = value_of(text, name);

	snprintf(to, size, "%.*s", value ? (int)strcspn(value, "\n") : 0, value ?: "");
	return value;
}

/**
 * number_of - the number of a line "name number"
 * @text: lines
 * @name: which one
 * @missing: what if there is no such line
 *
 * Return: the number.
 */
__u64 number_of(const char *text, const char *name, __u64 missing)
{
	const char *value = value_of(text, name);

	return value ? strtoull(value, NULL, 10) : missing;
}

/**
 * signed_of - the same for a number that may be negative
 * @text: lines
 * @name: which one
 * @missing: what if there is no such line
 *
 * Return: the number.
 */
long long signed_of(const char *text, const char *name, long long missing)
{
	const char *value = value_of(text, name);

	return value ? strtoll(value, NULL, 10) : missing;
}

/**
 * next_line - cut the first line off
 * @text: the rest, changed
 *
 * Return: the line, or NULL at the end.
 */
char *next_line(char **text)
{
	char *line = *text;

	if (!line || !*line)
		return NULL;
	return strsep(text, "\n");
}
