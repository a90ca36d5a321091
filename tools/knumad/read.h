/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: reading small files of the kernel
 */
#ifndef KNUMADCTL_READ_H
#define KNUMADCTL_READ_H

#include "knumadctl.h"

char *read_file(const char *fmt, ...) __printf(1, 2);
int write_file(const char *path, const char *text);
bool exists(const char *fmt, ...) __printf(1, 2);
bool readable(const char *fmt, ...) __printf(1, 2);
const char *value_of(const char *text, const char *name);
bool copy_value(char *to, size_t size, const char *text, const char *name);
__u64 number_of(const char *text, const char *name, __u64 missing);
long long signed_of(const char *text, const char *name, long long missing);
char *next_line(char **text);

#endif /* KNUMADCTL_READ_H */
