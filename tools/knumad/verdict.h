/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what verdicts mean
 */
#ifndef KNUMADCTL_VERDICT_H
#define KNUMADCTL_VERDICT_H

#include "knumadctl.h"

/**
 * struct verdict - why a process, or some memory, is where it is
 * @word: as the kernel says it
 * @means: a sentence about the process, or what is behind a refusal
 * @advice: what to do about it; NULL: nothing, all is well
 */
struct verdict {
	const char *word;
	const char *means;
	const char *advice;
};

const struct verdict *verdict_find(const char *word);

extern const struct verdict refusals[];
extern const size_t nr_refusals;

#endif /* KNUMADCTL_VERDICT_H */
