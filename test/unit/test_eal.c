/* SPDX-License-Identifier: BSD-3-Clause */
/* What the EAL is told: lcores, memory, devices; and where control threads may run. */
#include "main/eal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COMMON "--file-prefix=outsock --log-level=lib.telemetry:error "

/* The arguments in one line. */
static const char *args(const char *text, unsigned int n_cpus)
{
	static struct eal_args a;
	static char line[2048];
	struct config *c =
		config_parse("f", text, strlen(text), n_cpus, config_print_mistake, stderr);

	assert_non_null(c);
	assert_int_equal(eal_build_args(c, n_cpus, &a), 0);
	assert_null(a.argv[a.argc]);
	line[0] = '\0';
	for (int i = 1; i < a.argc; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", i > 1 ? " " : "",
			 a.argv[i]);
	config_free(c);
	return line;
}

static void test_hugepages(void **state)
{
	const char *line = args("[lcore 0]\ncpu = 0\n[lcore 1]\ncpu = 1\nclass = rt\n", 2);
	const char *limit = strstr(line, "--socket-limit=256 ");

	/* The limit is there on machines with one NUMA node. */
	assert_string_equal(limit ? limit + strlen("--socket-limit=256 ")
				  : strstr(line, "--single"),
			    "--single-file-segments --no-pci");
	assert_memory_equal(line, COMMON "--lcores=0@(0),1@0,2@1 -m 256 --in-memory ",
			    strlen(COMMON "--lcores=0@(0),1@0,2@1 -m 256 --in-memory "));
}

static void test_no_hugepages(void **state)
{
	assert_string_equal(args("[dataplane]\nmemory = 128M\nhugepages = no\n[lcore 0]\ncpu = 1\n",
				 4),
			    COMMON "--lcores=0@(0-3),1@1 -m 128 --no-shconf "
				   "--no-huge --no-pci");
}

static void test_pci(void **state)
{
	assert_non_null(strstr(args("[lcore 0]\ncpu = 0\n[port a]\ndevice = 0000:01:00.0\n"
				    "[port b]\ndevice = net_memif0,role=server\n",
				    1),
			       " --allow=0000:01:00.0"));
}

static void test_control_cpus(void **state)
{
	/* Away from RT lcores; from busy ones too, while another CPU is left. */
	assert_non_null(strstr(args("[lcore 0]\ncpu = 0\npoll = busy\n[lcore 1]\ncpu = 1\n"
				    "class = rt\n",
				    4),
			       "--lcores=0@(2-3),"));
	assert_non_null(strstr(args("[lcore 0]\ncpu = 0\npoll = busy\n[lcore 1]\ncpu = 1\n"
				    "class = rt\n",
				    2),
			       "--lcores=0@(0),"));
	assert_non_null(strstr(args("[lcore 0]\ncpu = 0\n[lcore 1]\ncpu = 0\nclass = rt\n", 1),
			       "--lcores=0@(0),1@0,2@0"));
	assert_non_null(strstr(args("[dataplane]\ncontrol-cpu = 3\n[lcore 0]\ncpu = 0\n", 4),
			       "--lcores=0@(3),1@0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hugepages),
		cmocka_unit_test(test_no_hugepages),
		cmocka_unit_test(test_pci),
		cmocka_unit_test(test_control_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
