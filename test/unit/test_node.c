/* SPDX-License-Identifier: BSD-3-Clause */
/* NUMA nodes of ports, lcores and memory. */
#include "main/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 8

static void test_apart(void **state)
{
	static const struct {
		struct node_places p;
		bool apart;
	} rows[] = {
		{ { 0, 0, 0 }, false },	       { { 1, 1, 1 }, false },
		{ { 0, 1, 1 }, true },	       { { 1, 0, 1 }, true },
		{ { 1, 1, 0 }, true },	       { { NODE_NONE, 1, 1 }, false },
		{ { NODE_NONE, 1, 0 }, true }, { { 0, 0, NODE_NONE }, false },
		{ { 2, 0, NODE_NONE }, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(node_apart(&rows[i].p), rows[i].apart);
}

static void test_text(void **state)
{
	char buf[32];

	assert_string_equal(node_text(3, buf, sizeof(buf)), "node 3");
	assert_string_equal(node_text(NODE_NONE, buf, sizeof(buf)), "no known node");
}

/* What a thread touches first is on the node it runs on, where there is one node at least. */
static void test_pages(void **state)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *m = mmap(NULL, PAGES * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	void *pages[PAGES];
	unsigned int cpu, node;

	assert_true(m != MAP_FAILED);
	for (unsigned int i = 0; i < PAGES; i++)
		pages[i] = m + i * size;
	assert_int_equal(node_of_pages(pages, PAGES), NODE_NONE); /* nothing is present */
	assert_int_equal(node_of_pages(pages, 0), NODE_NONE);
	assert_int_equal(syscall(SYS_getcpu, &cpu, &node, NULL), 0);
	if (node_several())
		node_prefer((int)node);
	m[size] = 1; /* one of them is enough */
	assert_int_equal(node_of_pages(pages, PAGES), (int)node);
	munmap(m, PAGES * size);
	assert_int_equal(node_of_pages(pages, PAGES), NODE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
