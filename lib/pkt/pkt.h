/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets are rte_mbufs; what the stack knows about one lies in its private area. A packet is
 * owned by one holder at a time; a function that takes a packet consumes it, whatever happens,
 * unless its header says otherwise.
 *
 * On the way up, data_off moves past each header as it is parsed. On the way down, payload is
 * written behind PKT_HEADROOM, and headers are put in front of it.
 */
#ifndef OUTSOCK_PKT_PKT_H
#define OUTSOCK_PKT_PKT_H

#include "pkt/addr.h"
#include "pkt/env.h"

#include <rte_mbuf.h>

#define PKT_HEADROOM RTE_PKTMBUF_HEADROOM /* 128: Ethernet, VLAN, IPv6, TCP with all options */

struct sock_owner;

/**
 * struct pkt_meta - what the stack knows about a packet
 * @next:	link of the one pkt_queue it is on
 * @owner:	rx: whose address @dst is, set by ip
 * @src, @dst:	rx: network addresses, set by ip
 * @proto, @ttl, @tos: rx: of the IP header
 * @payload:	bytes at the data pointer that belong to the consumer (payload of the segment or
 *		datagram; not counting link padding)
 * @sport, @dport: rx: set by the transport (network order)
 * @seq:	TCP: sequence number of the first byte, host order
 * @tx_next:	TCP, tx (shares its place with @dst): link of its send queue. The queue keeps a
 *		packet while the layers below have it as well (reference count 2). They may use
 *		@next and put headers in front, nothing else; whoever turns a sent packet into a
 *		received one (loop, wire) makes a copy when the count is above 1
 * @tx_mate, @tx_at: TCP, tx (in place of @src): groups in its send queue (tcp_txq.c)
 *
 * One cache line, right behind the mbuf's two.
 */
struct pkt_meta {
	struct rte_mbuf *next;
	struct sock_owner *owner;
	union {
		struct ip_addr src;
		struct {
			struct rte_mbuf *tx_mate;
			uint32_t tx_at;
		};
	};
	union {
		struct ip_addr dst;
		struct rte_mbuf *tx_next;
	};
	uint32_t seq;
	uint32_t payload;
	uint16_t sport, dport;
	uint8_t proto, ttl, tos;
};

_Static_assert(sizeof(struct pkt_meta) == 64, "one cache line, and RTE_MBUF_PRIV_ALIGN");

static inline struct pkt_meta *pkt_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

/*
 * For measuring, in mbuf.hash, which nobody else uses: when it came (base/stamp.h), and above that,
 * of a packet from a guest, the number that its lcore gave the guest. 0: not known.
 */
static inline uint64_t pkt_stamp(const struct rte_mbuf *m)
{
	return (uint64_t)m->hash.fdir.hi << 32 | m->hash.fdir.lo;
}

static inline void pkt_stamp_set(struct rte_mbuf *m, uint64_t stamp)
{
	m->hash.fdir.lo = (uint32_t)stamp;
	m->hash.fdir.hi = (uint32_t)(stamp >> 32);
}

/* Frees @m and counts why. The one way to drop. */
void pkt_drop(struct env *env, struct rte_mbuf *m, enum drop_reason reason);

/* A fresh packet with PKT_HEADROOM, or NULL (not counted: the caller says what is lost). */
struct rte_mbuf *pkt_alloc(struct env *env);

/*
 * A copy that shares nothing with @m, of its bytes, meta and offload flags, with PKT_HEADROOM in
 * front; one segment whenever it fits into one. Keeps @m. NULL: pool empty.
 */
struct rte_mbuf *pkt_copy(struct env *env, struct rte_mbuf *m);

/*
 * One segment with the bytes of chain @m, which is consumed; NULL: dropped (no packet, or too
 * long).
 */
struct rte_mbuf *pkt_linear(struct env *env, struct rte_mbuf *m);

/* Does someone else hold a reference to a segment of @m (a transport, for retransmission)? */
static inline bool pkt_shared(const struct rte_mbuf *m)
{
	for (; m; m = m->next)
		if (rte_mbuf_refcnt_read(m) > 1)
			return true;
	return false;
}

/* Checksum of @len bytes from offset @off on, over all segments, added to @sum (wire/cksum.h). */
uint64_t pkt_cksum(uint64_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* The consumer's first @n bytes, which @m has, are done with: it begins behind them. */
static inline void pkt_skip(struct rte_mbuf *m, uint32_t n)
{
	pkt_meta(m)->payload -= n;
	m->pkt_len -= n;
	for (struct rte_mbuf *seg = m; n; seg = seg->next) {
		uint16_t step = (uint16_t)RTE_MIN(n, (uint32_t)seg->data_len);

		seg->data_off += step;
		seg->data_len -= step;
		n -= step;
	}
}

/* Cuts @m behind its first @len bytes, @len at most pkt_len. False: its chain is broken. */
bool pkt_cut(struct rte_mbuf *m, uint32_t len);

/* Counts what was lost without a packet, for example because there was none to be had. */
void pkt_count(struct env *env, enum drop_reason reason);

/* A FIFO of packets through pkt_meta.next. */
struct pkt_queue {
	struct rte_mbuf *head, *tail;
	uint32_t n;
};

/* A chain of @n packets, from @head to @tail, behind all others. */
static inline void pkt_queue_append(struct pkt_queue *q, struct rte_mbuf *head,
				    struct rte_mbuf *tail, uint32_t n)
{
	pkt_meta(tail)->next = NULL;
	if (q->tail)
		pkt_meta(q->tail)->next = head;
	else
		q->head = head;
	q->tail = tail;
	q->n += n;
}

static inline void pkt_queue_push(struct pkt_queue *q, struct rte_mbuf *m)
{
	pkt_queue_append(q, m, m, 1);
}

static inline struct rte_mbuf *pkt_queue_pop(struct pkt_queue *q)
{
	struct rte_mbuf *m = q->head;

	if (m) {
		q->head = pkt_meta(m)->next;
		if (!q->head)
			q->tail = NULL;
		q->n--;
	}
	return m;
}

void pkt_queue_free(struct pkt_queue *q);

/*
 * A packet pool for one lcore: mbufs with the private area above and @data_room bytes behind the
 * headroom, with ring_mt_rts ops (a preempted thread on another lcore that frees into it must not
 * stop the owner). Start-up only. @socket: NUMA node or SOCKET_ID_ANY. NULL: rte_errno.
 */
struct rte_mempool *pkt_pool_create(const char *name, unsigned int n, unsigned int data_room,
				    int socket);

#endif
