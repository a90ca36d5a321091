/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: writing JSON
 */
#ifndef KNUMADCTL_JSON_H
#define KNUMADCTL_JSON_H

#include "knumadctl.h"

/**
 * struct json - a JSON text on its way out
 * @out: where it goes
 * @comma: a comma is due before the next value
 *
 * A text is one line. Names are NULL for elements of arrays and for the outermost
 * value.
 */
struct json {
	FILE *out;
	bool comma;
};

void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *name, const char *value);
void json_int(struct json *j, const char *name, long long value);
void json_real(struct json *j, const char *name, double value);
void json_share(struct json *j, const char *name, double percent);
void json_null(struct json *j, const char *name);
void json_list(struct json *j, const char *name, const __u64 *v, size_t nr);

#endif /* KNUMADCTL_JSON_H */
