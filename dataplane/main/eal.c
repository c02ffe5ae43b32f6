/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/eal.h"
#include "main/log.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#define HUGE_DIR      "/sys/kernel/mm/hugepages"
#define HUGE_WAIT_MS  10000u /* for a killed predecessor's memory */
#define HUGE_PAUSE_MS 20u

/* ---- arguments ---- */

static int add(struct eal_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int add(struct eal_args *a, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (a->argc == EAL_ARGS_MAX)
		return -E2BIG;
	va_start(ap, fmt);
	n = vsnprintf(a->text[a->argc], EAL_ARG_LEN, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= EAL_ARG_LEN)
		return -E2BIG;
	a->argv[a->argc] = a->text[a->argc];
	a->argv[++a->argc] = NULL;
	return 0;
}

static int add_lcores(struct eal_args *a, const struct config *c, unsigned int n_cpus)
{
	char cpus[256], list[EAL_ARG_LEN];
	struct conf_cpus control;
	size_t n;

	config_control_cpus(c, n_cpus, &control);
	config_format_cpus(&control, cpus, sizeof(cpus));
	n = (size_t)snprintf(list, sizeof(list), "0@(%s)", cpus);
	for (unsigned int i = 0; i < c->n_lcores && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, ",%u@%u", eal_lcore_id(i),
				      c->lcores[i].cpu);
	return n >= sizeof(list) ? -E2BIG : add(a, "--lcores=%s", list);
}

static bool is_pci(const char *device)
{
	return isxdigit((unsigned char)device[0]) && strchr(device, ':') && strchr(device, '.') &&
		!strchr(device, '=');
}

static int add_devices(struct eal_args *a, const struct config *c)
{
	unsigned int n_pci = 0;
	int err = 0;

	for (unsigned int i = 0; i < c->n_ports && !err; i++) {
		if (!is_pci(c->ports[i].device))
			continue;
		n_pci++;
		err = add(a, "--allow=%s", c->ports[i].device);
	}
	return n_pci || err ? err : add(a, "--no-pci");
}

/* The EAL's limit is a list by NUMA node: said where there is one, so that nobody has to divide. */
static bool one_node(void)
{
	char online[16] = "";
	FILE *f = fopen("/sys/devices/system/node/online", "re");

	if (f && !fgets(online, sizeof(online), f))
		online[0] = '\0';
	if (f)
		fclose(f);
	return !online[0] || !strcmp(online, "0\n");
}

/* All memory is taken at the start: an lcore never meets the EAL's own growing. */
static int add_memory(struct eal_args *a, const struct config *c)
{
	unsigned long long mib = c->dataplane->memory >> 20;
	bool huge = c->dataplane->hugepages;
	int err = add(a, "-m");

	if (!err)
		err = add(a, "%llu", mib);
	if (!err)
		err = add(a, huge ? "--in-memory" : "--no-shconf");
	if (!err && huge && one_node())
		err = add(a, "--socket-limit=%llu", mib);
	return err ? err : add(a, huge ? "--single-file-segments" : "--no-huge");
}

int eal_build_args(const struct config *c, unsigned int n_cpus, struct eal_args *a)
{
	int err;

	memset(a, 0, sizeof(*a));
	err = add(a, "outsockd");
	if (!err)
		err = add(a, "--file-prefix=outsock");
	if (!err) /* it warns of something that we do not use */
		err = add(a, "--log-level=lib.telemetry:error");
	if (!err)
		err = add_lcores(a, c, n_cpus);
	if (!err)
		err = add_memory(a, c);
	return err ? err : add_devices(a, c);
}

/* ---- start ---- */

/* A line of DPDK's log becomes one of ours. */
static ssize_t log_write(void *cookie, const char *buf, size_t size)
{
	static const enum log_level levels[] = {
		[RTE_LOG_EMERG] = LOG_LVL_ERROR,     [RTE_LOG_ALERT] = LOG_LVL_ERROR,
		[RTE_LOG_CRIT] = LOG_LVL_ERROR,	     [RTE_LOG_ERR] = LOG_LVL_ERROR,
		[RTE_LOG_WARNING] = LOG_LVL_WARNING, [RTE_LOG_NOTICE] = LOG_LVL_INFO,
		[RTE_LOG_INFO] = LOG_LVL_DEBUG,	     [RTE_LOG_DEBUG] = LOG_LVL_DEBUG,
	};
	int level = rte_log_cur_msg_loglevel(), n = (int)size;

	while (n && isspace((unsigned char)buf[n - 1]))
		n--;
	if (n)
		log_msg(level >= 0 && level <= (int)RTE_LOG_DEBUG ? levels[level] : LOG_LVL_INFO,
			"dpdk: %.*s", n, buf);
	return (ssize_t)size;
}

static void take_dpdk_log(void)
{
	static const cookie_io_functions_t io = { .write = log_write };
	FILE *f = fopencookie(NULL, "w", io);

	if (!f)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

static unsigned long read_number(const char *path)
{
	unsigned long n = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* Bytes of hugepages that are @what: "free" or "nr" (all there are). */
static uint64_t hugepages(const char *what)
{
	static const struct {
		const char *dir;
		unsigned int shift;
	} sizes[] = { { HUGE_DIR "/hugepages-2048kB", 21 },
		      { HUGE_DIR "/hugepages-1048576kB", 30 } };
	uint64_t bytes = 0;
	char path[128];

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		snprintf(path, sizeof(path), "%s/%s_hugepages", sizes[i].dir, what);
		bytes += (uint64_t)read_number(path) << sizes[i].shift;
	}
	return bytes;
}

/*
 * A daemon that was killed holds its memory until the last of its threads has gone, and its
 * successor may be there before: where the machine has enough in all, it is waited for.
 */
static bool await_hugepages(uint64_t need)
{
	const struct timespec pause = { .tv_nsec = HUGE_PAUSE_MS * 1000000L };

	if (hugepages("free") >= need)
		return true;
	if (hugepages("nr") < need)
		return false;
	log_info("waiting for hugepages that another process still holds, %u s at most",
		 HUGE_WAIT_MS / 1000);
	for (unsigned int ms = 0; ms < HUGE_WAIT_MS; ms += HUGE_PAUSE_MS) {
		nanosleep(&pause, NULL);
		if (hugepages("free") >= need)
			return true;
	}
	return false;
}

/* The EAL's own message about missing hugepages does not say what to do. */
static int check_hugepages(const struct config *c)
{
	uint64_t need = c->dataplane->memory, have;

	if (!c->dataplane->hugepages || await_hugepages(need))
		return 0;
	have = hugepages("free");
	log_error("memory = %lluM needs hugepages, and %lluM of them are free: reserve more, for "
		  "example with: sysctl vm.nr_hugepages=%llu",
		  (unsigned long long)need >> 20, (unsigned long long)have >> 20,
		  (unsigned long long)((need - RTE_MIN(have, need)) >> 21) +
			  read_number("/proc/sys/vm/nr_hugepages"));
	return -ENOMEM;
}

/*
 * DPDK pins its own threads to the CPUs this thread may use less those of lcores, and when none is
 * left to this thread's: either way, where nothing real-time runs.
 */
static int move_to_control_cpus(const struct config *c, unsigned int n_cpus)
{
	struct conf_cpus control;
	cpu_set_t set;

	CPU_ZERO(&set);
	config_control_cpus(c, n_cpus, &control);
	for (unsigned int cpu = 0; cpu < 1024 && cpu < CPU_SETSIZE; cpu++)
		if (conf_has_cpu(&control, cpu))
			CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int eal_start(const struct config *c, unsigned int n_cpus)
{
	static struct eal_args args; /* the EAL keeps pointers into it */
	int err = eal_build_args(c, n_cpus, &args);

	if (!err)
		err = check_hugepages(c);
	if (err)
		return err;
	err = move_to_control_cpus(c, n_cpus);
	if (err)
		log_warning("control threads can not be moved to their CPUs: %s", strerror(-err));
	take_dpdk_log();
	for (int i = 1; i < args.argc; i++)
		log_debug("EAL argument: %s", args.argv[i]);
	if (rte_eal_init(args.argc, args.argv) < 0) {
		log_error("DPDK does not start: %s", rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
