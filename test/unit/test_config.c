/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: values, defaults; for each mistake its line, key and what would be right. */
#include "main/config.h"
#include "main/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LCORE0 "[lcore 0]\ncpu = 0\n"
#define LCORE1 "[lcore 1]\ncpu = 1\nclass = rt\n"
#define PORT   "[port p0]\ndevice = net_null0\n"
#define GUEST  "[guest g1]\nsocket = /run/g1\nport = p0\n"
#define GUEST1 GUEST "address = 192.0.2.10/24\n"

static char *messages;
static size_t messages_size;

static struct config *parse(const char *text)
{
	FILE *out;
	struct config *c;

	free(messages);
	out = open_memstream(&messages, &messages_size);
	c = config_parse("f", text, strlen(text), 2, config_print_mistake, out);
	fclose(out);
	return c;
}

/* Asserts that @text is refused with exactly the line @message. */
static void refuse(const char *text, const char *message)
{
	char line[512];

	snprintf(line, sizeof(line), "%s\n", message);
	assert_null(parse(text));
	assert_string_equal(messages, line);
}

static void test_defaults(void **state)
{
	struct config *c = parse(LCORE0 PORT GUEST "address = 192.0.2.10/24\n");

	assert_non_null(c);
	assert_int_equal(c->dataplane->memory, 256u << 20);
	assert_int_equal(c->dataplane->log_level, LOG_LVL_INFO);
	assert_int_equal(c->dataplane->hugepages, 1);
	assert_string_equal(c->dataplane->control, "/run/outsock/control.sock");
	assert_int_equal(c->n_lcores, 1);
	assert_int_equal(c->lcores[0].class, LCORE_NON_RT);
	assert_int_equal(c->lcores[0].poll, POLL_ADAPTIVE);
	assert_int_equal(c->lcores[0].idle_ns, 50000);
	assert_int_equal(c->ports[0].mtu, 1500);
	assert_int_equal(c->ports[0].gateway, 0);
	assert_int_equal(c->ports[0].routes.n, 0);
	assert_int_equal(c->guests[0].client, 1);
	assert_int_equal(c->guests[0].lcore, CONF_AUTO);
	assert_int_equal(c->guests[0].grace_ns, 10000000000);
	assert_int_equal(c->guests[0].max_pkts, CONF_AUTO);
	config_free(c);
}

static void test_values(void **state)
{
	struct config *c = parse("# a comment\n"
				 "[dataplane]\nmemory = 1G   # and another\nhugepages = no\n"
				 "[lcore 0]\n cpu=1\nnice = -5\nnap = 2ms\nidle = 0us\n"
				 "nap-max = 20ms\n\n"
				 "; old style\n[lcore 7]\ncpu = 0\nclass = rt\npriority = 98\n" PORT
				 "vlan = 4094\ngateway = 192.0.2.1\n"
				 "route = 10.0.0.0/8 via 192.0.2.2\n"
				 "route = 10.1.2.3/32 via 198.51.100.0\n" GUEST
				 "address = 192.0.2.10/24\naddress = 198.51.100.1/31\n"
				 "class = rt\nlcore = 7\nmode = server\npriority = 7\n");

	assert_non_null(c);
	assert_int_equal(c->dataplane->memory, 1ull << 30);
	assert_int_equal(c->dataplane->hugepages, 0);
	assert_int_equal(c->lcores[0].nice, -5);
	assert_int_equal(c->lcores[0].nap_ns, 2000000);
	assert_int_equal(c->lcores[0].nap_max_ns, 20000000);
	assert_int_equal(c->lcores[1].nap_max_ns, 4000000);
	assert_int_equal(c->lcores[0].idle_ns, 0);
	assert_int_equal(c->lcores[1].priority, 98);
	assert_int_equal(config_lcore_index(c, 7), 1);
	assert_int_equal(config_lcore_index(c, 1), -1);
	assert_int_equal(c->ports[0].vlan, 4094);
	assert_int_equal(c->ports[0].gateway, inet_addr("192.0.2.1"));
	assert_int_equal(c->ports[0].routes.n, 2);
	assert_int_equal(c->ports[0].routes.route[0].dst, inet_addr("10.0.0.0"));
	assert_int_equal(c->ports[0].routes.route[0].prefix_len, 8);
	assert_int_equal(c->ports[0].routes.route[0].via, inet_addr("192.0.2.2"));
	assert_int_equal(c->ports[0].routes.route[1].prefix_len, 32);
	assert_int_equal(c->guests[0].addrs.n, 2);
	assert_int_equal(c->guests[0].addrs.addr[1].prefix_len, 31);
	assert_int_equal(c->guests[0].addrs.addr[1].addr.w[3], inet_addr("198.51.100.1"));
	assert_int_equal(c->guests[0].lcore, 7);
	assert_int_equal(c->guests[0].client, 0);
	config_free(c);
}

static void test_syntax(void **state)
{
	refuse("cpu = 0\n" LCORE0,
	       "f:1: cpu: a key outside of any section; right: a section first, such as "
	       "[dataplane]");
	refuse(LCORE0 "nonsense\n", "f:3: neither section, key nor comment; right: key = value");
	refuse(LCORE0 "[port\n", "f:3: a section without its closing bracket; right: [kind name]");
	refuse(LCORE0 " = 3\n", "f:3: a value without a key; right: key = value");
	refuse(LCORE0 "[core 1]\n",
	       "f:3: [core] unknown kind of section; right: [dataplane], [lcore N], [port NAME] or "
	       "[guest NAME]");
	refuse(LCORE0 "[dataplane x]\n",
	       "f:3: [dataplane] this section has no name; right: [dataplane]");
	refuse(LCORE0 "[lcore one]\n",
	       "f:3: [lcore] this section needs a number; right: [lcore N] "
	       "with N from 0 to 999");
	refuse(LCORE0 "[guest]\n",
	       "f:3: [guest] this section needs a name; right: at most 31 "
	       "letters, digits, '-', '_' and '.'");
	refuse(LCORE0 "[port a/b]\n",
	       "f:3: [port] the name has a character that names can not have; right: at most 31 "
	       "letters, digits, '-', '_' and '.'");
	refuse(LCORE0 LCORE0,
	       "f:3: [lcore] this section was there before; right: one section of each name");
}

static void test_zero_byte_and_long_line(void **state)
{
	static const char zero[] = "[lcore 0]\ncpu\0 = 0\n";
	char text[2100] = "# ";
	FILE *out;

	memset(text + 2, 'x', 2000);
	refuse(text, "f:1: the line is too long; right: at most 1023 characters");
	free(messages);
	out = open_memstream(&messages, &messages_size);
	assert_null(config_parse("f", zero, sizeof(zero) - 1, 2, config_print_mistake, out));
	fclose(out);
	assert_non_null(strstr(messages, "f:2: a zero byte; right: plain text\n"));
}

static void test_keys(void **state)
{
	refuse(LCORE0 "colour = red\n",
	       "f:3: [lcore 0] colour: unknown key; right: cpu, class, nice, priority, poll, "
	       "idle, nap, nap-max, slow-turn, connections, udp-sockets, packets, budget-timers, "
	       "budget-rx, "
	       "budget-given, budget-wire, budget-messages, budget-bytes, budget-guest-messages, "
	       "budget-guest-bytes, budget-tx, budget-free, budget-notify, budget-upkeep");
	refuse(LCORE0 "cpu = 0\n",
	       "f:3: [lcore 0] cpu: the key was set in line 2; right: each key once");
	refuse("[lcore 0]\n", "f:1: [lcore 0] cpu: the key is missing; right: the number of a CPU");
	refuse(LCORE0 "[port p0]\n",
	       "f:3: [port p0] device: the key is missing; right: a PCI address (0000:01:00.0) "
	       "or DPDK "
	       "device (net_af_packet0,iface=eth1)");
	refuse(LCORE0 "poll =\n", "f:3: [lcore 0] poll: no value; right: adaptive or busy");
}

static void test_bad_values(void **state)
{
	refuse(LCORE0 "poll = sometimes\n",
	       "f:3: [lcore 0] poll: 'sometimes' is not a valid value; right: adaptive or busy");
	refuse(LCORE0 "nice = 20\n",
	       "f:3: [lcore 0] nice: '20' is not a valid value; right: -20 to 19");
	refuse(LCORE0 "idle = 50\n",
	       "f:3: [lcore 0] idle: '50' is not a valid value; right: a time "
	       "from 0us to 1s, such as 50us");
	refuse(LCORE0 "[dataplane]\nmemory = 1M\n",
	       "f:4: [dataplane] memory: '1M' is not a valid value; right: bytes of packet memory, "
	       "32M to 1024G, such as 256M");
	refuse(LCORE0 "[dataplane]\nmemory = 99999999999999999999\n",
	       "f:4: [dataplane] memory: '99999999999999999999' is not a valid value; right: "
	       "bytes of "
	       "packet memory, 32M to 1024G, such as 256M");
	refuse(LCORE0 "[dataplane]\ncontrol = run/x\n",
	       "f:4: [dataplane] control: 'run/x' is not a valid value; right: an absolute path "
	       "of at "
	       "most 107 characters");
	refuse(LCORE0 PORT "gateway = 10.0.0\n",
	       "f:5: [port p0] gateway: '10.0.0' is not a valid value; right: none, or an IPv4 "
	       "address "
	       "such as 192.0.2.1");
}

static void test_bad_routes(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0/8",
		"10.0.0.0/8 via",
		"10.0.0.0/8 192.0.2.2",
		"10.0.0.0/8 by 192.0.2.2",
		"10.0.0.0/8 via 192.0.2.2 x",
		"10.0.0.1/8 via 192.0.2.2",
		"10.0.0.0/33 via 192.0.2.2",
		"0.0.0.0/0 via 192.0.2.2",
		"10.0.0.0 via 192.0.2.2",
		"10.0.0.0/8 via 224.0.0.1",
		"10.0.0.0/8 via 0.0.0.0",
		"10.0.0.0/8 via 1192.000.002.002",
	};
	char text[512], message[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "%sroute = %s\n", LCORE0 PORT, bad[i]);
		snprintf(
			message, sizeof(message),
			"f:5: [port p0] route: '%s' is not a valid value; right: a network and its "
			"router, such as 10.0.0.0/8 via 192.0.2.2; at most 16 of them",
			bad[i]);
		refuse(text, message);
	}
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = { "192.0.2.10",     "192.0.2.10/33", "192.0.2.0/24",
					   "192.0.2.255/24", "127.0.0.1/8",   "224.0.0.1/24",
					   "0.0.0.1/8",	     "192.0.2.10/",   "192.0.2.300/24" };
	char text[256], message[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "%saddress = %s\n", LCORE0 PORT GUEST, bad[i]);
		snprintf(message, sizeof(message),
			 "f:8: [guest g1] address: '%s' is not a valid value; right: an IPv4 "
			 "address "
			 "with its prefix length, such as 192.0.2.10/24; at most 8 of them",
			 bad[i]);
		refuse(text, message);
	}
}

static void test_lcore_rules(void **state)
{
	refuse("[dataplane]\n",
	       "f:1: [dataplane] there is no lcore; right: at least one [lcore N]");
	refuse("[lcore 0]\ncpu = 2\n",
	       "f:2: [lcore 0] cpu: this machine has no CPU 2, its last is 1; "
	       "right: a CPU that it has");
	refuse(LCORE0 "priority = 4\n",
	       "f:3: [lcore 0] priority: the key has no meaning with class = non-rt; right: "
	       "nice, or "
	       "class = rt");
	refuse(LCORE1 "nice = 4\n",
	       "f:4: [lcore 1] nice: the key has no meaning with class = rt; right: priority");
	refuse(LCORE0 "packets = 200000\n",
	       "f: [dataplane] memory: the lcores' 200000 packets do not fit: 83886 would; right: "
	       "more memory, or smaller packets = in [lcore N]");
	refuse(LCORE0 "[dataplane]\ncontrol-cpu = 2\n",
	       "f:4: [dataplane] control-cpu: this machine has no CPU 2; right: auto, or a CPU "
	       "that it "
	       "has");
}

/* D7's rule: a FIFO thread that never sleeps shares its CPU with nothing. */
static void test_busy_rt(void **state)
{
	struct config *c;

	refuse(LCORE0 "[lcore 1]\ncpu = 0\nclass = rt\npoll = busy\n",
	       "f:6: [lcore 1] poll: a busy RT lcore shares CPU 0 with lcore 0; right: poll = "
	       "adaptive, or a CPU that nothing else uses");
	refuse("[dataplane]\ncontrol-cpu = 1\n" LCORE1 "poll = busy\n",
	       "f:6: [lcore 1] poll: a busy RT lcore shares CPU 1 with the control threads; right: "
	       "poll = adaptive, or a CPU that nothing else uses");
	/* Both CPUs real-time and busy: nothing is left for the control threads. */
	assert_null(parse("[lcore 0]\ncpu = 0\nclass = rt\npoll = busy\n" LCORE1 "poll = busy\n"));
	assert_non_null(strstr(messages,
			       "f:4: [lcore 0] poll: a busy RT lcore shares CPU 0 with "
			       "the control threads"));

	c = parse(LCORE0 LCORE1 "poll = busy\n");
	assert_non_null(c);
	config_free(c);
	c = parse(LCORE0 "poll = busy\n[lcore 1]\ncpu = 0\nclass = rt\n");
	assert_non_null(c);
	config_free(c);
}

#define OF(n, lcore, quota) \
	"[guest g" #n "]\nsocket = /run/g" #n "\nport = p0\nlcore = " #lcore \
	"\naddress = 192.0.2.1" #n "/24\nquota-packets = " #quota "\n"

/* What guests may hold must be there: 16384 less a port's ring and an eighth are 13312. */
static void test_quotas(void **state)
{
	struct config *c;

	refuse(LCORE0 PORT OF(1, 0, 13313),
	       "f:10: [guest g1] quota-packets: lcore 0 has 13312 packets for its guests, and not "
	       "enough for this one; right: auto, smaller quotas, or more packets = in [lcore N]");
	refuse(LCORE0 PORT OF(1, 0, 8192) OF(2, 0, 8192),
	       "f:16: [guest g2] quota-packets: lcore 0 has 13312 packets for its guests, and not "
	       "enough for this one; right: auto, smaller quotas, or more packets = in [lcore N]");
	refuse(LCORE0 PORT OF(1, 0, 13312) OF(2, auto, auto),
	       "f:16: [guest g2] quota-packets: lcore 0 has 13312 packets for its guests, and not "
	       "enough for this one; right: auto, smaller quotas, or more packets = in [lcore N]");
	/* "auto" is somewhere too: the two go to different lcores. */
	c = parse(LCORE0 "[lcore 1]\ncpu = 1\n" PORT OF(1, auto, 8192) OF(2, auto, 8192));
	assert_non_null(c);
	config_free(c);
	c = parse(LCORE0 PORT OF(1, 0, 13312));
	assert_non_null(c);
	config_free(c);
}

static void test_port_rules(void **state)
{
	refuse(LCORE0 PORT "gateway = 10.0.0.1\n" GUEST "address = 192.0.2.10/24\n",
	       "f:5: [port p0] gateway: no guest of this port has an address in the gateway's "
	       "network; right: an address in the network of a guest of this port");
	refuse(LCORE0 PORT
	       "route = 10.0.0.0/8 via 192.0.2.2\nroute = 10.1.0.0/16 via 10.0.0.1\n" GUEST
	       "address = 192.0.2.10/24\n",
	       "f:6: [port p0] route: no guest of this port has an address in the router's "
	       "network; right: an address in the network of a guest of this port");
	refuse(LCORE0 PORT
	       "route = 10.0.0.0/8 via 192.0.2.2\nroute = 10.0.0.0/8 via 192.0.2.3\n" GUEST
	       "address = 192.0.2.10/24\n",
	       "f:6: [port p0] route: line 5 has a route to this network; right: one route to each "
	       "network");
	refuse(LCORE0 PORT "route = 10.0.0.0/8 via 192.0.2.10\n" GUEST "address = 192.0.2.10/24\n",
	       "f:9: [guest g1] address: the address is a router of port p0; right: another "
	       "address");
	refuse(LCORE0 PORT "[port p1]\ndevice = net_null0\n",
	       "f:6: [port p1] device: port p0 has this device; right: each device for one port");
}

static void test_guest_rules(void **state)
{
	const char *addr = "address = 192.0.2.10/24\n";
	char text[512];

	snprintf(text, sizeof(text), "%s%s", LCORE0 GUEST, addr);
	refuse(text,
	       "f:5: [guest g1] port: there is no [port p0]; right: the name of a [port NAME]");
	snprintf(text, sizeof(text), "%s%sclass = rt\n", LCORE0 PORT GUEST, addr);
	refuse(text,
	       "f:9: [guest g1] class: no lcore has class = rt; right: the class of some "
	       "[lcore N]");
	snprintf(text, sizeof(text), "%s%slcore = 3\n", LCORE0 PORT GUEST, addr);
	refuse(text,
	       "f:9: [guest g1] lcore: there is no [lcore 3]; right: auto, or the number of an "
	       "[lcore N] of the guest's class");
	snprintf(text, sizeof(text), "%s%slcore = 1\n", LCORE0 LCORE1 PORT GUEST, addr);
	refuse(text,
	       "f:12: [guest g1] lcore: lcore 1 is class = rt, the guest is non-rt; right: "
	       "auto, or the number of an [lcore N] of the guest's class");
	snprintf(text, sizeof(text),
		 "%s%s[guest g2]\nsocket = /run/g1\nport = p0\naddress = "
		 "192.0.2.11/24\n",
		 LCORE0 PORT GUEST, addr);
	refuse(text,
	       "f:10: [guest g2] socket: guest g1 has this socket; right: a socket of its own "
	       "for each guest");
}

static void test_address_rules(void **state)
{
	const char *addr = "address = 192.0.2.10/24\n";
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s", LCORE0 PORT GUEST, addr, addr);
	refuse(text,
	       "f:9: [guest g1] address: the address is guest g1's already; right: each "
	       "address for exactly one guest");
	snprintf(text, sizeof(text),
		 "%s%s[guest g2]\nsocket = /run/g2\nport = p0\naddress = 192.0.2.11/24\n%s",
		 LCORE0 PORT GUEST, addr, addr);
	refuse(text,
	       "f:13: [guest g2] address: the address is guest g1's already; right: each "
	       "address for exactly one guest");
	snprintf(text, sizeof(text), "%sgateway = 192.0.2.10\n%s%s", LCORE0 PORT, GUEST, addr);
	refuse(text,
	       "f:9: [guest g1] address: the address is the gateway of port p0; right: "
	       "another address");
}

static void test_all_mistakes_are_told(void **state)
{
	assert_null(parse("[lcore 0]\ncpu = x\npoll = y\n[port p0]\n"));
	assert_string_equal(
		messages,
		"f:2: [lcore 0] cpu: 'x' is not a valid value; right: the number of a CPU\n"
		"f:3: [lcore 0] poll: 'y' is not a valid value; right: adaptive or busy\n"
		"f:4: [port p0] device: the key is missing; right: a PCI address "
		"(0000:01:00.0) or DPDK device (net_af_packet0,iface=eth1)\n");
}

static char *dump(const struct config *c)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_dump(c, out);
	fclose(out);
	return text;
}

/* What is dumped is a valid file and means the same. */
static void test_dump(void **state)
{
	struct config *c = parse("[dataplane]\nmemory = 1536K\n" LCORE0);
	char *first, *second;

	assert_null(c); /* below the least: the units were read */
	c = parse("[dataplane]\nmemory = 196608K\n" LCORE0 LCORE1 "idle = 1500us\n" PORT
		  "gateway = 192.0.2.1\nroute = 10.0.0.0/8  via  192.0.2.2\n"
		  "route = 10.1.0.0/16 via 192.0.2.3\n" GUEST
		  "address = 192.0.2.10/24\naddress = 198.51.100.1/32\n");
	assert_non_null(c);
	first = dump(c);
	config_free(c);
	assert_non_null(strstr(first, "memory = 192M\n"));
	assert_non_null(strstr(first, "idle = 1500us\n"));
	assert_non_null(strstr(first, "route = 10.0.0.0/8 via 192.0.2.2\nroute = 10.1.0.0/16 via"));
	assert_non_null(strstr(first, "address = 192.0.2.10/24\naddress = 198.51.100.1/32\n"));
	c = parse(first);
	assert_non_null(c);
	second = dump(c);
	config_free(c);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

/* What is left is a valid configuration, or nothing is taken away. */
static void test_guest_del(void **state)
{
	struct config *c =
		parse(LCORE0 PORT "gateway = 192.0.2.1\n" GUEST "address = 192.0.2.10/24\n"
				  "[guest g2]\nsocket = /run/g2\nport = p0\n"
				  "address = 198.51.100.2/24\n");
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(c);
	assert_int_equal(config_guest_del(c, "g3", 2, config_print_mistake, out), -ENOENT);
	assert_int_equal(config_guest_del(c, "g1", 2, config_print_mistake, out), -EINVAL);
	fflush(out);
	assert_string_equal(
		text,
		"f:5: [port p0] gateway: no guest of this port has an address in the "
		"gateway's network; right: an address in the network of a guest of this "
		"port\n");
	assert_int_equal(c->n_guests, 2);
	assert_string_equal(c->guests[0].head.name, "g1");
	assert_string_equal(c->guests[1].head.name, "g2");
	/* The other way round both may go: without guests a gateway is no mistake. */
	assert_int_equal(config_guest_del(c, "g2", 2, config_print_mistake, out), 0);
	assert_int_equal(config_guest_del(c, "g1", 2, config_print_mistake, out), 0);
	assert_int_equal(c->n_guests, 0);
	fclose(out);
	free(text);
	config_free(c);
}

#define QUOTA_GUEST(n, quota) \
	"[guest g" #n "]\nsocket = /run/g" #n "\nport = p0\naddress = 192.0.2.1" #n \
	"/24\nquota-packets = " #quota "\n"

/* The others stay where they are: that the file would place them anew does not matter now. */
static void test_guest_del_places(void **state)
{
	struct config *c =
		parse("[lcore 0]\ncpu = 0\n[lcore 1]\ncpu = 1\n" PORT QUOTA_GUEST(1, 8000)
			      QUOTA_GUEST(2, 64) QUOTA_GUEST(3, 64) QUOTA_GUEST(4, 8000));

	assert_non_null(c);
	assert_int_equal(config_guest_del(c, "g2", 2, NULL, NULL), 0);
	assert_int_equal(c->n_guests, 3);
	config_free(c);
}

static void test_guest_add(void **state)
{
	const char *keys[] = { "socket", "port", "address" };
	const char *values[] = { "/run/g2", "p0", "192.0.2.11/24" };
	struct config *c = parse(LCORE0 PORT GUEST "address = 192.0.2.10/24\n");
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(c);
	assert_non_null(config_guest_add(c, "g2", keys, values, 3, 2, config_print_mistake, out));
	assert_int_equal(c->n_guests, 2);
	/* A second one with the same address is refused, and leaves nothing behind. */
	values[0] = "/run/g3";
	assert_null(config_guest_add(c, "g3", keys, values, 3, 2, config_print_mistake, out));
	assert_int_equal(c->n_guests, 2);
	fflush(out);
	assert_non_null(strstr(text, "[guest g3] address: the address is guest g2's already"));
	assert_null(config_guest_add(c, "g1", keys, values, 3, 2, config_print_mistake, out));
	assert_int_equal(config_guest_del(c, "g1", 2, config_print_mistake, out), 0);
	assert_int_equal(c->n_guests, 1);
	assert_string_equal(c->guests[0].head.name, "g2");
	fclose(out);
	free(text);
	config_free(c);
}

static void test_lcore_set(void **state)
{
	const char *keys[] = { "poll", "priority" };
	const char *values[] = { "busy", "60" };
	const char *cpu[] = { "cpu" };
	const struct conf_words words = { keys, values, 2 }, cpus = { cpu, values, 1 };
	struct config *c = parse(LCORE0 LCORE1);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(c);
	assert_int_equal(config_lcore_set(c, "1", &words, 2, config_print_mistake, out), 1);
	assert_int_equal(c->lcores[1].poll, POLL_BUSY);
	assert_int_equal(c->lcores[1].priority, 60);
	/* By the same rules as in the file, all or nothing. */
	values[0] = "adaptive";
	values[1] = "99";
	assert_int_equal(config_lcore_set(c, "1", &words, 2, config_print_mistake, out), -1);
	assert_int_equal(c->lcores[1].poll, POLL_BUSY);
	assert_int_equal(config_lcore_set(c, "1", &cpus, 2, config_print_mistake, out), -1);
	assert_int_equal(config_lcore_set(c, "9", &words, 2, config_print_mistake, out), -1);
	fclose(out);
	assert_string_equal(
		text,
		"f:1: [lcore 1] priority: '99' is not a valid value; right: 1 to 98 "
		"(SCHED_FIFO)\n"
		"f:4: [lcore 1] cpu: the key can not be changed while the lcore runs; "
		"right: nice, priority, poll, idle, nap, nap-max, slow-turn, budget-timers, "
		"budget-rx, "
		"budget-given, budget-wire, budget-messages, budget-bytes, budget-guest-messages, "
		"budget-guest-bytes, budget-tx, budget-free, budget-notify or budget-upkeep\n"
		"f: [lcore] there is no such lcore; right: the number of an [lcore N]\n");
	free(text);
	config_free(c);
}

static void test_guest_set(void **state)
{
	const char *keys[] = { "priority", "quota-messages" };
	const char *values[] = { "7", "32" };
	const char *port[] = { "port" };
	const struct conf_words words = { keys, values, 2 }, ports = { port, values, 1 };
	struct config *c = parse(LCORE0 PORT GUEST1);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(c);
	assert_int_equal(config_guest_set(c, "g1", &words, 2, config_print_mistake, out), 0);
	assert_int_equal(c->guests[0].priority, 7);
	assert_int_equal(c->guests[0].max_msgs, 32);
	values[1] = "0";
	values[0] = "5";
	assert_int_equal(config_guest_set(c, "g1", &words, 2, config_print_mistake, out), -1);
	assert_int_equal(c->guests[0].priority, 7);
	assert_int_equal(config_guest_set(c, "g1", &ports, 2, config_print_mistake, out), -1);
	assert_int_equal(config_guest_set(c, "g9", &words, 2, config_print_mistake, out), -1);
	fclose(out);
	assert_non_null(strstr(text, "quota-messages: '0' is not a valid value"));
	assert_non_null(strstr(text, "the key can not be changed while the guest runs; right: "));
	assert_non_null(strstr(text, "there is no such guest; right: the name of a [guest NAME]"));
	free(text);
	config_free(c);
}

static void say_restart(void *ctx, const char *what)
{
	fprintf(ctx, "%s\n", what);
}

/* What runs and another file: keys that can change do, the others are told, guests come and go. */
static void test_merge(void **state)
{
	struct config *now = parse(LCORE0 LCORE1 PORT GUEST1);
	struct config *new = parse(LCORE0 "packets = 4096\n" PORT GUEST1 "priority = 5\n"
					  "mode = server\n"
					  "[guest g2]\nsocket = /run/g2\nport = p0\n"
					  "address = 192.0.2.77/24\n"),
		      *want;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(now);
	assert_non_null(new);
	want = config_merge(now, new, 2, say_restart, config_print_mistake, out);
	fclose(out);
	assert_non_null(want);
	assert_string_equal(text, "[lcore 0] packets\n[lcore 1] is gone\n[guest g1] mode\n");
	assert_int_equal(want->n_lcores, 2);
	assert_int_equal(want->lcores[0].packets, now->lcores[0].packets);
	assert_int_equal(want->n_guests, 2);
	assert_int_equal(want->guests[0].priority, 5);
	assert_int_equal(want->guests[0].client, 1);
	assert_string_equal(want->guests[1].head.name, "g2");
	free(text);
	config_free(want);
	config_free(new);
	config_free(now);
}

/* Each for itself is right; what would run is not: the new guest is of a class that only the new
 * lcore has, which needs a restart. */
static void test_merge_is_checked(void **state)
{
	struct config *now = parse(LCORE0 PORT GUEST1);
	struct config *new = parse(LCORE0 LCORE1 PORT GUEST1 "[guest g2]\nsocket = /run/g2\n"
							     "port = p0\nclass = rt\n"
							     "address = 192.0.2.77/24\n");
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(now);
	assert_non_null(new);
	assert_null(config_merge(now, new, 2, say_restart, config_print_mistake, out));
	fclose(out);
	assert_non_null(strstr(text, "[lcore 1] is new\n"));
	assert_non_null(strstr(text, "no lcore has class = rt"));
	free(text);
	config_free(new);
	config_free(now);
}

/* Those of the class, or what the operator says; also while the lcore runs. */
static void test_budgets(void **state)
{
	const char *keys[] = { "budget-rx", "budget-bytes" }, *values[] = { "32", "auto" };
	const struct conf_words words = { keys, values, 2 };
	struct config *c = parse(LCORE0 "budget-tx = 7\n" LCORE1 "budget-bytes = 65536\n");

	assert_non_null(c);
	assert_int_equal(config_budget(&c->lcores[0], BUDGET_tx), 7);
	assert_int_equal(config_budget(&c->lcores[0], BUDGET_rx), 512);
	assert_int_equal(config_budget(&c->lcores[1], BUDGET_tx), 128);
	assert_int_equal(config_budget(&c->lcores[1], BUDGET_bytes), 65536);
	assert_int_equal(config_lcore_set(c, "1", &words, 2, NULL, NULL), 1);
	assert_int_equal(config_budget(&c->lcores[1], BUDGET_rx), 32);
	assert_int_equal(config_budget(&c->lcores[1], BUDGET_bytes), 131072);
	values[0] = "31";
	assert_int_equal(config_lcore_set(c, "1", &words, 2, NULL, NULL), -1);
	assert_int_equal(config_budget(&c->lcores[1], BUDGET_rx), 32);
	config_free(c);
	refuse(LCORE0 "budget-notify = 0\n",
	       "f:3: [lcore 0] budget-notify: '0' is not a valid value; right: auto, or 1 to 4096 "
	       "guests notified in a turn");
}

static void test_file(void **state)
{
	FILE *out;

	free(messages);
	out = open_memstream(&messages, &messages_size);
	assert_null(config_load("/nonexistent/file", 2, config_print_mistake, out));
	fclose(out);
	assert_string_equal(messages,
			    "/nonexistent/file: No such file or directory; right: the "
			    "path of a configuration file\n");
}

static int teardown(void **state)
{
	free(messages);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_zero_byte_and_long_line),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_routes),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_lcore_rules),
		cmocka_unit_test(test_busy_rt),
		cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_port_rules),
		cmocka_unit_test(test_guest_rules),
		cmocka_unit_test(test_address_rules),
		cmocka_unit_test(test_all_mistakes_are_told),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_guest_add),
		cmocka_unit_test(test_guest_del),
		cmocka_unit_test(test_guest_del_places),
		cmocka_unit_test(test_lcore_set),
		cmocka_unit_test(test_guest_set),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_is_checked),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
