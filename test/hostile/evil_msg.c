/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that no guest may send. */
#include "cases.h"
#include "evil.h"

#include "guest/guest.h"

#include <string.h>

static const char *const texts[] = {
#define TEXT(name, text) [GUEST_ERR_##name] = text,
	GUEST_ERRORS(TEXT)
#undef TEXT
};

static struct outsock_hdr head(const struct evil *e, uint8_t op, const struct sg_sock *s)
{
	return (struct outsock_hdr){
		.op = op,
		.epoch = simguest_epoch(e->sg),
		.sock = s ? s->id : OUTSOCK_ID_NONE,
	};
}

static void send_raw(struct evil *e, const struct outsock_hdr *h, const void *body, uint32_t len)
{
	while (sg_raw(e->sg, 0, h, body, len))
		simguest_poll(e->sg, 0);
}

#define MESSAGE(name, opcode, s, change, len, err) \
	static void msg_##name(struct evil *p) \
	{ \
		static const uint8_t body[64]; \
		struct evil e = *p; \
		struct outsock_hdr h = head(&e, OUTSOCK_OP_##opcode, s); \
\
		change; \
		send_raw(&e, &h, body, len); \
	}
BAD_MESSAGES(MESSAGE)

static void after_fin(struct evil *e)
{
	struct outsock_hdr h = head(e, OUTSOCK_OP_DATA, e->conn);

	h.flags = OUTSOCK_F_FIN;
	h.pos = e->conn->rx_credit;
	send_raw(e, &h, NULL, 0);
	h.flags = 0;
	h.len = 1;
	send_raw(e, &h, "x", 1);
}

static void other_queue(struct evil *e)
{
	struct outsock_hdr h = head(e, OUTSOCK_OP_INFO, e->conn);

	while (sg_raw(e->sg, 1, &h, NULL, 0))
		simguest_poll(e->sg, 0);
}

static void runt(struct evil *e)
{
	struct sg_queue *q = simguest_queue(e->sg, 1);

	while (!sg_tx_slot(q))
		simguest_poll(e->sg, 0);
	sg_tx_push(q, 20);
	sg_queue_publish(e->sg, q);
}

/* An introduction after the other, each of another boot: no error, and no advantage. */
static void hello_flood(struct evil *e)
{
	struct outsock_hello body = {
		.version_min = OUTSOCK_ABI_VERSION,
		.version_max = OUTSOCK_ABI_VERSION,
		.queue_pairs = 2,
	};
	struct outsock_hdr h = head(e, OUTSOCK_OP_HELLO, NULL);

	h.len = sizeof(body);
	for (unsigned int i = 0; i < 20000; i++) {
		memcpy(body.boot_id, &i, sizeof(i));
		send_raw(e, &h, &body, sizeof(body));
	}
}

/* What might be a message, over and over again; each time it is thrown out it comes back. */
static void noise(struct evil *e)
{
	uint8_t body[200];

	for (unsigned int i = 0; i < 1500; i++) {
		struct outsock_hdr h = {
			.op = (uint8_t)(evil_random() % 60),
			.flags = (uint8_t)(evil_random() % 8),
			.len = evil_random() % sizeof(body),
			.epoch = simguest_epoch(e->sg),
			.sock = evil_random() % 18,
			.off = evil_random() % 4,
			.pos = evil_random() % 100000,
		};

		for (unsigned int k = 0; k < sizeof(body); k++)
			body[k] = (uint8_t)evil_random();
		send_raw(e, &h, body, h.len);
	}
}

/* Goes in the middle of what it says: data behind it, a datagram begun. */
static void cut_off(struct evil *e)
{
	struct outsock_hdr data = head(e, OUTSOCK_OP_DATA, e->conn);
	struct outsock_hdr dgram = head(e, OUTSOCK_OP_DGRAM, e->dgram);
	uint8_t body[1000] = { 0 };

	data.len = dgram.len = sizeof(body);
	data.pos = e->conn->rx_credit;
	dgram.flags = OUTSOCK_F_MORE;
	while (!sg_raw(e->sg, 0, &data, body, sizeof(body)) &&
	       data.off + data.len < e->conn->snd_win)
		data.off += sizeof(body);
	sg_raw(e->sg, 0, &dgram, body, sizeof(body));
	simguest_disconnect(e->sg);
}

#define ENTRY(name, opcode, s, change, len, err) \
	{ #name, msg_##name, NULL, #err, &texts[GUEST_ERR_##err] },

#define ERR(err) #err, &texts[GUEST_ERR_##err]
const struct evil_case evil_messages[] = {
	BAD_MESSAGES(ENTRY){ "after_fin", after_fin, NULL, ERR(AFTER_FIN) },
	{ "other_queue", other_queue, NULL, ERR(BAD_QUEUE) },
	{ "runt", runt, NULL, ERR(BAD_LEN) },
	{ "noise", noise, NULL, "", NULL },
	{ "hello_flood", hello_flood, NULL, NULL, NULL },
	{ "cut_off", cut_off, NULL, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};
