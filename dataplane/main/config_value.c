/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of the configuration: text to field and back, one function pair for each kind. */
#include "main/config_key.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Smallest first; the first one is the one without a fraction. */
static const struct unit size_units[] = {
	{ "", 1 }, { "K", 1ull << 10 }, { "M", 1ull << 20 }, { "G", 1ull << 30 }, { NULL, 0 },
};
static const struct unit time_units[] = {
	{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 },
};

static int parse_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) &&
	    !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return -EINVAL;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || *end || *ret < min || *ret > max ? -EINVAL : 0;
}

static int parse_units(const struct conf_key *key, const struct unit *units, const char *text,
		       uint64_t *ret)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (const struct unit *u = units; u->name; u++) {
		if (strcmp(end, u->name))
			continue;
		if (n > UINT64_MAX / u->factor)
			return -EINVAL;
		*ret = n * u->factor;
		return *ret < (uint64_t)key->min || *ret > (uint64_t)key->max ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int parse_word(const struct conf_key *key, const char *text, uint32_t *ret)
{
	for (uint32_t i = 0; key->words[i]; i++) {
		if (!strcmp(key->words[i], text)) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_text(const struct conf_key *key, const char *text, char *ret)
{
	size_t n = strlen(text);

	if (!n || n >= (size_t)key->max || (key->value == CONF_PATH && text[0] != '/'))
		return -EINVAL;
	memcpy(ret, text, n + 1);
	return 0;
}

static int parse_ip4(const char *text, uint32_t *ret)
{
	struct in_addr a;

	if (!strcmp(text, "none")) {
		*ret = 0;
		return 0;
	}
	if (inet_pton(AF_INET, text, &a) != 1 || !a.s_addr)
		return -EINVAL;
	*ret = a.s_addr;
	return 0;
}

static uint32_t host_bits(unsigned int prefix_len)
{
	return prefix_len < 32 ? UINT32_MAX >> prefix_len : 0;
}

/* An address a host can have: no network, broadcast, loopback, multicast or reserved one. */
static bool host_address(uint32_t be, unsigned int prefix_len)
{
	uint32_t a = ntohl(be), host = host_bits(prefix_len);

	if (!(a >> 24) || a >> 24 == 127 || a >> 28 >= 14)
		return false;
	return prefix_len >= 31 || ((a & host) != 0 && (a & host) != host);
}

static int parse_addr(struct conf_addrs *addrs, const char *text, unsigned int line)
{
	const char *slash = strchr(text, '/');
	char host[INET_ADDRSTRLEN];
	struct guest_addr *out;
	struct in_addr a;
	int64_t len;

	if (!slash || addrs->n == GUEST_ADDRS_MAX || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (inet_pton(AF_INET, host, &a) != 1 || parse_int(slash + 1, 1, 32, &len) ||
	    !host_address(a.s_addr, (unsigned int)len))
		return -EINVAL;
	out = &addrs->addr[addrs->n];
	out->addr = ip_addr_v4(a.s_addr);
	out->prefix_len = (uint8_t)len;
	addrs->line[addrs->n++] = line;
	return 0;
}

/* "NETWORK/LEN via ROUTER". The route to everything is the gateway. */
static int parse_route(struct conf_routes *routes, const char *text, unsigned int line)
{
	char dst[INET_ADDRSTRLEN + 3], word[4], via[INET_ADDRSTRLEN], *slash;
	struct conf_route *out = &routes->route[routes->n];
	struct in_addr net, router;
	int64_t len;
	int end = 0;

	if (!strcmp(text, "none"))
		return 0;
	if (routes->n == CONF_ROUTES_MAX ||
	    sscanf(text, "%18s %3s %15s%n", dst, word, via, &end) != 3 || text[end] ||
	    strcmp(word, "via"))
		return -EINVAL;
	slash = strchr(dst, '/');
	if (!slash || parse_int(slash + 1, 1, 32, &len))
		return -EINVAL;
	*slash = '\0';
	if (inet_pton(AF_INET, dst, &net) != 1 || inet_pton(AF_INET, via, &router) != 1 ||
	    (ntohl(net.s_addr) & host_bits((unsigned int)len)) || !host_address(router.s_addr, 32))
		return -EINVAL;
	*out = (struct conf_route){ net.s_addr, router.s_addr, (unsigned int)len };
	routes->line[routes->n++] = line;
	return 0;
}

static int parse_number(const struct conf_key *key, const char *text, uint32_t *ret)
{
	int64_t n;

	if (key->value == CONF_I32_AUTO && !strcmp(text, "auto"))
		n = CONF_AUTO;
	else if (parse_int(text, key->min, key->max, &n))
		return -EINVAL;
	*ret = (uint32_t)n; /* the signed fields read it back as they were written */
	return 0;
}

static int parse_value(const struct conf_key *key, void *field, const char *text, unsigned int line)
{
	switch (key->value) {
	case CONF_U32:
	case CONF_I32:
	case CONF_I32_AUTO:
		return parse_number(key, text, field);
	case CONF_SIZE:
		return parse_units(key, size_units, text, field);
	case CONF_TIME:
		return parse_units(key, time_units, text, field);
	case CONF_WORD:
		return parse_word(key, text, field);
	case CONF_TEXT:
	case CONF_PATH:
		return parse_text(key, text, field);
	case CONF_IP4:
		return parse_ip4(text, field);
	case CONF_ADDRS:
		return parse_addr(field, text, line);
	case CONF_ROUTES:
		return parse_route(field, text, line);
	}
	return -EINVAL;
}

int conf_value_parse(const struct conf_key *key, void *obj, const char *text, unsigned int line,
		     char *problem, size_t size)
{
	int err = parse_value(key, (char *)obj + key->off, text, line);

	if (err)
		snprintf(problem, size, *text ? "'%s' is not a valid value" : "no value%s", text);
	return err;
}

static void format_units(const struct unit *units, uint64_t n, char *buf, size_t size)
{
	const struct unit *best = units;

	for (const struct unit *u = units; u->name; u++)
		if (n && n % u->factor == 0)
			best = u;
	snprintf(buf, size, "%" PRIu64 "%s", n / best->factor, best->name);
}

static void format_ip4(uint32_t be, char *buf, size_t size)
{
	struct in_addr a = { .s_addr = be };

	if (!be || !inet_ntop(AF_INET, &a, buf, (socklen_t)size))
		snprintf(buf, size, "none");
}

static void format_addr(const struct guest_addr *a, char *buf, size_t size)
{
	char text[INET_ADDRSTRLEN];

	format_ip4(a->addr.w[3], text, sizeof(text));
	snprintf(buf, size, "%s/%u", text, a->prefix_len);
}

static void format_route(const struct conf_route *r, char *buf, size_t size)
{
	char dst[INET_ADDRSTRLEN], via[INET_ADDRSTRLEN];

	format_ip4(r->dst, dst, sizeof(dst));
	format_ip4(r->via, via, sizeof(via));
	snprintf(buf, size, "%s/%u via %s", dst, r->prefix_len, via);
}

bool conf_value_repeats(const struct conf_key *key)
{
	return key->value == CONF_ADDRS || key->value == CONF_ROUTES;
}

unsigned int conf_value_count(const struct conf_key *key, const void *obj)
{
	const void *field = (const char *)obj + key->off;

	if (key->value == CONF_ADDRS)
		return ((const struct conf_addrs *)field)->n;
	return key->value == CONF_ROUTES ? ((const struct conf_routes *)field)->n : 1;
}

void conf_value_format(const struct conf_key *key, const void *obj, unsigned int i, char *buf,
		       size_t size)
{
	const void *field = (const char *)obj + key->off;
	int32_t number;

	switch (key->value) {
	case CONF_U32:
	case CONF_I32:
	case CONF_I32_AUTO:
		number = *(const int32_t *)field;
		if (key->value == CONF_I32_AUTO && number == CONF_AUTO)
			snprintf(buf, size, "auto");
		else
			snprintf(buf, size, "%d", number);
		break;
	case CONF_SIZE:
		format_units(size_units, *(const uint64_t *)field, buf, size);
		break;
	case CONF_TIME:
		format_units(time_units, *(const uint64_t *)field, buf, size);
		break;
	case CONF_WORD:
		snprintf(buf, size, "%s", key->words[*(const uint32_t *)field]);
		break;
	case CONF_TEXT:
	case CONF_PATH:
		snprintf(buf, size, "%s", (const char *)field);
		break;
	case CONF_IP4:
		format_ip4(*(const uint32_t *)field, buf, size);
		break;
	case CONF_ADDRS:
		format_addr(&((const struct conf_addrs *)field)->addr[i], buf, size);
		break;
	case CONF_ROUTES:
		format_route(&((const struct conf_routes *)field)->route[i], buf, size);
		break;
	}
}

bool conf_value_equal(const struct conf_key *key, const void *a, const void *b)
{
	unsigned int n = conf_value_count(key, a);
	char x[CONF_TEXT_MAX], y[CONF_TEXT_MAX];

	if (n != conf_value_count(key, b))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		conf_value_format(key, a, i, x, sizeof(x));
		conf_value_format(key, b, i, y, sizeof(y));
		if (strcmp(x, y))
			return false;
	}
	return true;
}

void conf_value_copy(const struct conf_key *key, void *to, const void *from)
{
	char text[CONF_TEXT_MAX], problem[CONF_TEXT_MAX];

	conf_value_format(key, from, 0, text, sizeof(text));
	conf_value_parse(key, to, text, 0, problem, sizeof(problem));
}
