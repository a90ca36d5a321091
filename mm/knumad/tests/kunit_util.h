/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What knumad's KUnit tests share
 */
#ifndef _KNUMAD_KUNIT_UTIL_H
#define _KNUMAD_KUNIT_UTIL_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/kconfig.h>
#include <linux/overflow.h>
#include <linux/vmalloc.h>

/* So many rounds of what is random; KASAN makes each of them ten times as slow */
#define KN_ROUNDS(n)	((n) / (IS_ENABLED(CONFIG_KASAN) ? 5 : 1))

KUNIT_DEFINE_ACTION_WRAPPER(vfree_action, vfree, const void *);

/* @n zeroed elements of @size bytes, freed with the test; kmalloc() may be too small */
static inline void *zalloc(struct kunit *test, size_t n, size_t size)
{
	void *p = vzalloc(array_size(n, size));

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vfree_action, p),
			0);
	return p;
}

#endif /* _KNUMAD_KUNIT_UTIL_H */
