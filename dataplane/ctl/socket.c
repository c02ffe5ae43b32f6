/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets of the guests, a page at a time: each page is one call of the guest's lcore, which has
 * others to serve, so it is a short one.
 */
#include "ctl/ctl_priv.h"
#include "sock/sock.h"

#include <arpa/inet.h>

#define PAGE	64u
#define PAGE_RT 16u

struct page_call {
	struct guest *guest;
	uint32_t cursor;
	unsigned int max, n;
	struct guest_sock_info infos[PAGE];
};

static void fill_page(void *arg)
{
	struct page_call *page = arg;

	page->n = guest_sock_list(page->guest, &page->cursor, page->infos, page->max);
}

static json_t *endpoint(const struct ip_endpoint *ep)
{
	char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	if (ip_addr_is_any(&ep->addr) && !ep->port)
		return json_string("*");
	if (ip_addr_is_v4(&ep->addr))
		inet_ntop(AF_INET, &ep->addr.w[3], host, sizeof(host));
	else
		inet_ntop(AF_INET6, ep->addr.b, host, sizeof(host));
	snprintf(text, sizeof(text), ip_addr_is_v4(&ep->addr) ? "%s:%u" : "[%s]:%u", host,
		 ntohs(ep->port));
	return json_string(text);
}

static void add_connection(json_t *o, const struct guest_sock_info *s)
{
	const struct {
		const char *name;
		uint32_t value;
	} rows[] = {
		{ "srtt_us", s->srtt_us }, { "rto_us", s->rto_us },
		{ "cwnd", s->cwnd },	   { "ssthresh", s->ssthresh },
		{ "mss", s->mss },	   { "snd_wnd", s->snd_wnd },
		{ "rcv_wnd", s->rcv_wnd }, { "in_flight", s->in_flight },
		{ "unsent", s->unsent },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(o, rows[i].name, json_integer(rows[i].value));
}

static json_t *socket_json(const struct daemon_guest *g, const struct guest_sock_info *s)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "guest",
			      g->conf.head.name, "id", (json_int_t)s->id, "type",
			      s->type == SOCK_STREAM_T ? "stream" : "dgram", "family",
			      (int)s->family, "state", s->state ? s->state : "", "local",
			      endpoint(&s->local), "peer", endpoint(&s->peer), "rx_off",
			      (json_int_t)s->rx_off, "tx_off", (json_int_t)s->tx_off, "tx_acked",
			      (json_int_t)s->tx_acked, "rxq_bytes", (json_int_t)s->rxq_bytes);

	if (o && s->type == SOCK_STREAM_T)
		add_connection(o, s);
	return o;
}

/* The guest to list, and in @ret_next the one after it. */
static struct daemon_guest *choose(struct ctl_call *call, struct daemon_guest **ret_next)
{
	const char *name = ctl_string(call, "guest");
	struct list *head = &call->d->guests, *l;
	struct daemon_guest *g;

	*ret_next = NULL;
	if (!name)
		return list_empty(head) ? NULL
					: container_of(list_first(head), struct daemon_guest, link);
	g = guests_find(call->d, name);
	l = g ? g->link.next : head;
	if (l != head)
		*ret_next = container_of(l, struct daemon_guest, link);
	return g;
}

/*
 * Arguments: "guest" (default: the first), "cursor" (default 0), "all" (on to the next guests).
 * Result: "sockets", perhaps none, and "next", the arguments of the next page, if there is one.
 */
json_t *ctl_socket_list(struct ctl_call *call)
{
	struct daemon_guest *next, *g = choose(call, &next);
	json_int_t cursor = json_integer_value(json_object_get(call->args, "cursor"));
	int all = json_is_true(json_object_get(call->args, "all"));
	json_t *array = json_array(), *result = json_pack("{s:o}", "sockets", array);
	struct page_call page = { .cursor = (uint32_t)cursor };

	if (!g && ctl_string(call, "guest")) {
		json_decref(result);
		return ctl_fail(call, "there is no guest '%s'", ctl_string(call, "guest"));
	}
	if (!g)
		return result;
	if (!ctl_string(call, "guest") && g->link.next != &call->d->guests)
		next = container_of(g->link.next, struct daemon_guest, link);
	page.guest = g->guest;
	page.max = g->conf.class == LCORE_RT ? PAGE_RT : PAGE;
	lcore_call(call->d->lcores[g->lcore], fill_page, &page);
	for (unsigned int i = 0; i < page.n; i++)
		json_array_append_new(array, socket_json(g, &page.infos[i]));
	if (page.cursor != GUEST_LIST_END)
		json_object_set_new(result, "next",
				    json_pack("{s:s, s:I, s:b}", "guest", g->conf.head.name,
					      "cursor", (json_int_t)page.cursor, "all", all));
	else if (all && next)
		json_object_set_new(result, "next",
				    json_pack("{s:s, s:i, s:b}", "guest", next->conf.head.name,
					      "cursor", 0, "all", 1));
	return result;
}
