// SPDX-License-Identifier: GPL-2.0
/* Datagrams from the host. Fragments of one come on consecutive messages of its queue. */
#include "compat.h"
#include <linux/skbuff.h>
#include "mib.h"
#include "rx.h"

void oring_rx_forget(struct oring *q)
{
	if (q->dgram)
		kfree_skb(q->dgram);
	q->dgram = NULL;
}

static bool osrx_dgram_add(struct osrx *rx, struct sk_buff *skb)
{
	u32 len = rx->len - sizeof(struct outsock_dgram);
	u32 off = rx->off + sizeof(struct outsock_dgram);

	if (len <= (u32)skb_tailroom(skb) && !skb_is_nonlinear(skb)) {
		skb_put_data(skb, page_address(rx->page) + off, len);
		return true;
	}
	if (skb_shinfo(skb)->nr_frags >= MAX_SKB_FRAGS)
		return false;
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, rx->page, off, len, PAGE_SIZE);
	rx->page = NULL;
	return true;
}

static void osrx_dgram_begin(struct osrx *rx, u32 total)
{
	struct oring *q = rx->q;
	u32 linear = total <= OSRX_COPY_FULL ? total : 0;
	struct sk_buff *skb = alloc_skb(linear, GFP_NOWAIT | __GFP_NOWARN);

	oring_rx_forget(q);
	if (!skb)
		return;
	memcpy(skb->cb, osrx_body(rx), sizeof(struct outsock_dgram));
	q->dgram = skb;
	q->dgram_sock = le32_to_cpu(rx->hdr.sock);
	q->dgram_total = total;
}

/* The datagram that was put together, to its socket, locked. */
static void osrx_dgram_deliver(struct osk *os, struct sk_buff *skb)
{
	u32 len = skb->len;

	__net_timestamp(skb);
	if (osk_dgram_queue(os, skb, len + OUTSOCK_DGRAM_OVERHEAD)) {
		OSMIB_ADD(rx_bytes, len);
		return;
	}
	OSMIB_INC(rx_dgram_dropped);
	kfree_skb(skb);
}

/* The host has charged it to the credit: give that back. */
static void osrx_dgram_lost(struct osk *os, u32 total)
{
	OSMIB_INC(rx_dgram_dropped);
	os->dg_seen += total + OUTSOCK_DGRAM_OVERHEAD;
	os->dg_taken += total + OUTSOCK_DGRAM_OVERHEAD;
	osk_send_credit(os);	/* nobody else may: the program waits for what was lost */
}

/* The last fragment has come; q->dgram is whole, or NULL. */
static void osrx_dgram_end(struct osrx *rx, u32 total)
{
	struct sk_buff *skb = rx->q->dgram;
	struct osk *os;

	rx->q->dgram = NULL;
	os = osrx_sock(rx, false);
	if (!os) {
		OSMIB_INC(rx_dgram_dropped);
		kfree_skb(skb);
		return;
	}
	if (skb)
		osrx_dgram_deliver(os, skb);
	else
		osrx_dgram_lost(os, total);
	spin_unlock(&os->lock);
}

void osrx_dgram(struct osrx *rx)
{
	u64 off = le64_to_cpu(rx->hdr.off), total = le64_to_cpu(rx->hdr.pos);
	struct oring *q = rx->q;
	u32 len = rx->len - sizeof(struct outsock_dgram);
	bool last = !(rx->hdr.flags & OUTSOCK_F_MORE);

	if (rx->len < sizeof(struct outsock_dgram) || total > U16_MAX || off + len > total) {
		OSMIB_INC(rx_bad_length);
		oring_rx_forget(q);
		return;
	}
	if (!off)
		osrx_dgram_begin(rx, total);
	if (!q->dgram || q->dgram_sock != le32_to_cpu(rx->hdr.sock) || q->dgram_total != total ||
	    q->dgram->len != off || !osrx_dgram_add(rx, q->dgram) ||
	    (last && q->dgram->len != total))
		oring_rx_forget(q);
	if (last)
		osrx_dgram_end(rx, total);
}
