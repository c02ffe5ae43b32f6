/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of keys: what can be said, its default, and what would be right. */
#include "main/config_key.h"
#include "main/log.h"

static const char *const yes_no[] = { "no", "yes", NULL };
static const char *const classes[] = { "non-rt", "rt", NULL };
static const char *const polls[] = { "adaptive", "busy", NULL };
static const char *const throttlings[] = { "refuse", "allow", NULL };
static const char *const modes[] = { "server", "client", NULL };
static const char *const targets[] = { "auto", "stderr", "journal", NULL };
static const char *const levels[] = {
#define LEVEL_WORD(NAME, name, priority) name,
	LOG_LEVELS(LEVEL_WORD)
#undef LEVEL_WORD
		NULL,
};

#define FIELD(type, field) offsetof(struct type, field)
#define MIB		   (1ll << 20)
#define USEC		   1000ll
#define SEC		   1000000000ll

#define DP(field) FIELD(conf_dataplane, field)
static const struct conf_key dataplane_keys[] = {
	{ "memory", CONF_SIZE, 0, DP(memory), 32 * MIB, 1024 * 1024 * MIB, NULL, "256M",
	  "bytes of packet memory, 32M to 1024G, such as 256M" },
	{ "log-level", CONF_WORD, CONF_LIVE, DP(log_level), 0, 0, levels, "info",
	  "error, warning, notice, info or debug" },
	{ "log", CONF_WORD, 0, DP(log_target), 0, 0, targets, "auto", "auto, stderr or journal" },
	{ "control", CONF_PATH, 0, DP(control), 0, CONF_SOCKET_MAX, NULL,
	  "/run/outsock/control.sock", "an absolute path of at most 107 characters" },
	{ "state", CONF_PATH, 0, DP(state), 0, CONF_TEXT_MAX, NULL, "/var/lib/outsock/state",
	  "an absolute path of at most 255 characters" },
	{ "hugepages", CONF_WORD, 0, DP(hugepages), 0, 0, yes_no, "yes",
	  "yes, or no (for tests: slower, and no guest's memory is pinned)" },
	{ "control-cpu", CONF_I32_AUTO, 0, DP(control_cpu), 0, 1023, NULL, "auto",
	  "auto, or the number of a CPU" },
	{ "rt-throttling", CONF_WORD, 0, DP(rt_throttling), 0, 0, throttlings, "refuse",
	  "refuse, or allow (busy RT lcores stand still for a part of each second)" },
};

#define LC(field) FIELD(conf_lcore, field)
static const struct conf_key lcore_keys[] = {
	{ "cpu", CONF_U32, 0, LC(cpu), 0, 1023, NULL, NULL, "the number of a CPU" },
	{ "class", CONF_WORD, 0, LC(class), 0, 0, classes, "non-rt", "non-rt or rt" },
	{ "nice", CONF_I32, CONF_NON_RT_ONLY | CONF_LIVE, LC(nice), -20, 19, NULL, "0",
	  "-20 to 19" },
	{ "priority", CONF_U32, CONF_RT_ONLY | CONF_LIVE, LC(priority), 1, 98, NULL, "50",
	  "1 to 98 (SCHED_FIFO)" },
	{ "poll", CONF_WORD, CONF_LIVE, LC(poll), 0, 0, polls, "adaptive", "adaptive or busy" },
	{ "idle", CONF_TIME, CONF_LIVE, LC(idle_ns), 0, 1 * SEC, NULL, "50us",
	  "a time from 0us to 1s, such as 50us" },
	{ "nap", CONF_TIME, CONF_LIVE, LC(nap_ns), USEC, 1 * SEC, NULL, "50us",
	  "a time from 1us to 1s, such as 50us" },
	{ "nap-max", CONF_TIME, CONF_LIVE, LC(nap_max_ns), USEC, 1 * SEC, NULL, "4ms",
	  "a time from 1us to 1s, such as 4ms" },
	{ "slow-turn", CONF_TIME, CONF_LIVE, LC(slow_ns), USEC, 1 * SEC, NULL, "200us",
	  "a time from 1us to 1s, such as 200us" },
	{ "connections", CONF_U32, 0, LC(connections), 16, 4 << 20, NULL, "16384",
	  "16 to 4194304 TCP connections" },
	{ "udp-sockets", CONF_U32, 0, LC(udp_sockets), 16, 1 << 20, NULL, "4096",
	  "16 to 1048576 UDP sockets" },
	{ "packets", CONF_U32, 0, LC(packets), 2048, 1 << 22, NULL, "16384",
	  "2048 to 4194304 packet buffers" },
#define BUDGET(name, key, non_rt, rt, least, most, text) \
	{ \
		key,  CONF_I32_AUTO, CONF_LIVE, LC(budget[BUDGET_##name]), least, most, \
		NULL, "auto",	     text \
	},
#include "lcore/lcore_budget.def"
#undef BUDGET
};

#define PO(field) FIELD(conf_port, field)
static const struct conf_key port_keys[] = {
	{ "device", CONF_TEXT, 0, PO(device), 0, CONF_TEXT_MAX, NULL, NULL,
	  "a PCI address (0000:01:00.0) or DPDK device (net_af_packet0,iface=eth1)" },
	{ "vlan", CONF_U32, 0, PO(vlan), 0, 4094, NULL, "0", "0 (untagged) to 4094" },
	{ "mtu", CONF_U32, 0, PO(mtu), 576, 9000, NULL, "1500", "576 to 9000" },
	{ "gateway", CONF_IP4, 0, PO(gateway), 0, 0, NULL, "none",
	  "none, or an IPv4 address such as 192.0.2.1" },
	{ "route", CONF_ROUTES, 0, PO(routes), 0, 0, NULL, "none",
	  "a network and its router, such as 10.0.0.0/8 via 192.0.2.2; at most 16 of them" },
};

#define GU(field) FIELD(conf_guest, field)
static const struct conf_key guest_keys[] = {
	{ "socket", CONF_PATH, 0, GU(socket), 0, CONF_SOCKET_MAX, NULL, NULL,
	  "an absolute path of at most 107 characters" },
	{ "mode", CONF_WORD, 0, GU(client), 0, 0, modes, "client",
	  "client (QEMU listens) or server (outsockd listens)" },
	{ "class", CONF_WORD, CONF_LIVE, GU(class), 0, 0, classes, "non-rt", "non-rt or rt" },
	{ "lcore", CONF_I32_AUTO, CONF_LIVE, GU(lcore), 0, 1023, NULL, "auto",
	  "auto, or the number of an [lcore N] of the guest's class" },
	{ "port", CONF_TEXT, 0, GU(port), 0, CONF_NAME_MAX, NULL, NULL,
	  "the name of a [port NAME]" },
	{ "address", CONF_ADDRS, 0, GU(addrs), 0, 0, NULL, NULL,
	  "an IPv4 address with its prefix length, such as 192.0.2.10/24; at most 8 of them" },
	{ "quota-sockets", CONF_U32, CONF_LIVE, GU(max_sockets), 1, 1 << 20, NULL, "4096",
	  "1 to 1048576 sockets" },
	{ "quota-packets", CONF_I32_AUTO, CONF_LIVE, GU(max_pkts), 16, 1 << 22, NULL, "auto",
	  "auto, or 16 to 4194304 packets in the queues of its sockets" },
	{ "quota-messages", CONF_U32, CONF_LIVE, GU(max_msgs), 1, 4096, NULL, "64",
	  "1 to 4096 messages in one turn" },
	{ "priority", CONF_U32, CONF_LIVE, GU(priority), 0, 7, NULL, "0", "0 to 7 (first served)" },
	{ "grace", CONF_TIME, CONF_LIVE, GU(grace_ns), 0, 600 * SEC, NULL, "10s",
	  "a time from 0s to 600s, such as 10s" },
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
const struct conf_kind conf_kinds[] = {
	[CONF_KIND_DATAPLANE] = { "dataplane", CONF_UNNAMED, dataplane_keys,
				  COUNT_OF(dataplane_keys), offsetof(struct config, dataplane),
				  offsetof(struct config, n_dataplanes),
				  sizeof(struct conf_dataplane), 1 },
	[CONF_KIND_LCORE] = { "lcore", CONF_NUMBERED, lcore_keys, COUNT_OF(lcore_keys),
			      offsetof(struct config, lcores), offsetof(struct config, n_lcores),
			      sizeof(struct conf_lcore), CONF_LCORES_MAX },
	[CONF_KIND_PORT] = { "port", CONF_NAMED, port_keys, COUNT_OF(port_keys),
			     offsetof(struct config, ports), offsetof(struct config, n_ports),
			     sizeof(struct conf_port), CONF_PORTS_MAX },
	[CONF_KIND_GUEST] = { "guest", CONF_NAMED, guest_keys, COUNT_OF(guest_keys),
			      offsetof(struct config, guests), offsetof(struct config, n_guests),
			      sizeof(struct conf_guest), CONF_GUESTS_MAX },
};
const unsigned int conf_n_kinds = COUNT_OF(conf_kinds);

_Static_assert(COUNT_OF(dataplane_keys) <= CONF_KEYS_MAX, "conf_head.key_line");
_Static_assert(COUNT_OF(lcore_keys) <= CONF_KEYS_MAX, "conf_head.key_line");
_Static_assert(COUNT_OF(port_keys) <= CONF_KEYS_MAX, "conf_head.key_line");
_Static_assert(COUNT_OF(guest_keys) <= CONF_KEYS_MAX, "conf_head.key_line");

unsigned int conf_key_index(const struct conf_kind *kind, size_t off)
{
	for (unsigned int i = 0; i < kind->n_keys; i++)
		if (kind->keys[i].off == off)
			return i;
	return CONF_NO_KEY;
}
