/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: what the operator's file says, with every default filled in, and checked as a
 * whole. Cold; the control thread's.
 *
 * Each key is one row of a table (config_key.c): its name, its default, how it is read and written,
 * and what would be right. Every mistake is reported with file, line, section, key and that.
 */
#ifndef OUTSOCK_DATAPLANE_CONFIG_H
#define OUTSOCK_DATAPLANE_CONFIG_H

#include "guest/guest.h"
#include "lcore/lcore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_LCORES_MAX 32
#define CONF_PORTS_MAX	8  /* STACK_LINKS_MAX */
#define CONF_ROUTES_MAX 16 /* of a port */
#define CONF_GUESTS_MAX 256
#define CONF_KEYS_MAX	32
#define CONF_NAME_MAX	GUEST_NAME_MAX
#define CONF_SOCKET_MAX 108 /* sun_path */
#define CONF_TEXT_MAX	256
#define CONF_AUTO	(-1)

/* First in each section. @key_line: where a key was set (its index in the table), 0: default. */
struct conf_head {
	char name[CONF_NAME_MAX];
	unsigned int line;
	unsigned int key_line[CONF_KEYS_MAX];
};

struct conf_dataplane {
	struct conf_head head;
	uint64_t memory;		/* bytes of packet memory */
	uint32_t log_level, log_target; /* enum log_level, log_target */
	char control[CONF_SOCKET_MAX];
	char state[CONF_TEXT_MAX];
	uint32_t hugepages;
	int32_t control_cpu;	/* of all threads that are no lcore, or CONF_AUTO */
	uint32_t rt_throttling; /* enum conf_throttling */
};

/* Busy RT lcores that RT throttling would stop. */
enum conf_throttling {
	CONF_THROTTLING_REFUSE,
	CONF_THROTTLING_ALLOW,
};

enum conf_poll {
	POLL_ADAPTIVE,
	POLL_BUSY,
};

/* Budgets of a turn. */
enum conf_budget {
#define BUDGET(name, key, non_rt, rt, least, most, text) BUDGET_##name,
#include "lcore/lcore_budget.def"
#undef BUDGET
	BUDGET_N
};

struct conf_lcore {
	struct conf_head head; /* name: the number in the file */
	uint32_t cpu;
	uint32_t class;	   /* enum lcore_class */
	int32_t nice;	   /* non-RT */
	uint32_t priority; /* RT: SCHED_FIFO */
	uint32_t poll;	   /* enum conf_poll */
	uint64_t idle_ns, nap_ns, nap_max_ns, slow_ns;
	uint32_t connections, udp_sockets, packets;
	int32_t budget[BUDGET_N]; /* or CONF_AUTO: config_budget() */
};

/* In network order. */
struct conf_route {
	uint32_t dst, via;
	unsigned int prefix_len;
};

struct conf_routes {
	unsigned int n;
	unsigned int line[CONF_ROUTES_MAX];
	struct conf_route route[CONF_ROUTES_MAX];
};

struct conf_port {
	struct conf_head head;
	char device[CONF_TEXT_MAX];
	uint32_t vlan, mtu;
	uint32_t gateway; /* network order, 0: none */
	struct conf_routes routes;
};

struct conf_addrs {
	unsigned int n;
	unsigned int line[GUEST_ADDRS_MAX];
	struct guest_addr addr[GUEST_ADDRS_MAX];
};

struct conf_guest {
	struct conf_head head;
	char socket[CONF_SOCKET_MAX];
	uint32_t client; /* QEMU listens */
	uint32_t class;	 /* enum lcore_class */
	int32_t lcore;	 /* number in the file, or CONF_AUTO */
	char port[CONF_NAME_MAX];
	struct conf_addrs addrs;
	uint32_t max_sockets, max_msgs;
	int32_t max_pkts; /* or CONF_AUTO: what is left of its lcore's, divided */
	uint32_t priority;
	uint64_t grace_ns;
};

/* @section: "lcore 1", or "" outside of any; @key may be "". */
struct conf_mistake {
	const char *file;
	unsigned int line;
	const char *section, *key;
	const char *problem;
	const char *right;
};

typedef void (*conf_report)(void *ctx, const struct conf_mistake *m);

struct config {
	const char *file; /* the caller's string */
	conf_report report;
	void *report_ctx;
	unsigned int n_mistakes;
	unsigned int n_dataplanes, n_lcores, n_ports, n_guests;
	struct conf_dataplane dataplane[1];
	struct conf_lcore lcores[CONF_LCORES_MAX];
	struct conf_port ports[CONF_PORTS_MAX];
	struct conf_guest guests[CONF_GUESTS_MAX];
};

/*
 * Parses and checks @text for a machine with @n_cpus CPUs. NULL when there was a mistake (each was
 * reported) or no memory. @file is kept for messages.
 */
struct config *config_parse(const char *file, const char *text, size_t len, unsigned int n_cpus,
			    conf_report report, void *ctx);
/* The same from a file; that it can not be read is a mistake too. */
struct config *config_load(const char *file, unsigned int n_cpus, conf_report report, void *ctx);
void config_free(struct config *c); /* takes NULL */

/* Writes "FILE:LINE: [SECTION] KEY: PROBLEM; right: RIGHT" and a newline; a conf_report. */
void config_print_mistake(void *stream, const struct conf_mistake *m);

/* The effective configuration as a file that config_load() takes. */
void config_dump(const struct config *c, FILE *out);
void config_dump_guest(const struct conf_guest *g, FILE *out);

/*
 * A guest added while running: a section "guest @name" with @n pairs of key and value. Checked
 * together with everything there is. NULL: mistakes were reported and nothing is changed.
 */
struct conf_guest *config_guest_add(struct config *c, const char *name, const char *const *keys,
				    const char *const *values, unsigned int n, unsigned int n_cpus,
				    conf_report report, void *ctx);
/* Pairs of key and value. */
struct conf_words {
	const char *const *keys, *const *values;
	unsigned int n;
};

/*
 * Other values for an lcore or a guest while it runs, for those keys that can change then. Its
 * index, or -1: mistakes were reported and nothing is changed.
 */
int config_lcore_set(struct config *c, const char *name, const struct conf_words *words,
		     unsigned int n_cpus, conf_report report, void *ctx);
int config_guest_set(struct config *c, const char *name, const struct conf_words *words,
		     unsigned int n_cpus, conf_report report, void *ctx);
/*
 * What the file says now (@new), as far as it can be had without a restart, as a configuration
 * checked as a whole; to be freed. Each section and key that can not is told through @restart,
 * "[lcore 1] cpu". NULL: mistakes were reported, or no memory.
 */
struct config *config_merge(const struct config *now, struct config *new, unsigned int n_cpus,
			    void (*restart)(void *ctx, const char *what), conf_report report,
			    void *ctx);
/*
 * The others keep their order, and may move: pointers to guests are invalid afterwards. -ENOENT;
 * -EINVAL: what is left would be no valid configuration: mistakes were reported and nothing is
 * changed.
 */
int config_guest_del(struct config *c, const char *name, unsigned int n_cpus, conf_report report,
		     void *ctx);

/* A bit for each CPU. */
struct conf_cpus {
	uint64_t bits[1024 / 64];
};

static inline bool conf_has_cpu(const struct conf_cpus *cpus, unsigned int cpu)
{
	return cpus->bits[cpu / 64] & (1ull << (cpu % 64));
}

/*
 * Where threads run that are no lcore. If the operator does not say: away from RT lcores and busy
 * ones, as far as CPUs are left.
 */
void config_control_cpus(const struct config *c, unsigned int n_cpus, struct conf_cpus *ret_cpus);

/* "0,2-3", as kernel and EAL take it. */
void config_format_cpus(const struct conf_cpus *cpus, char *buf, size_t size);

/* What a budget is: as the operator says, or that of the lcore's class. */
uint32_t config_budget(const struct conf_lcore *l, enum conf_budget b);
const char *config_budget_name(enum conf_budget b);

/* Bytes behind the headroom of a packet buffer: a frame of any port. */
unsigned int config_pkt_room(const struct config *c);

const struct conf_port *config_port(const struct config *c, const char *name);
/* Index in lcores[], or -1. */
int config_lcore_index(const struct config *c, int32_t number);

#endif
