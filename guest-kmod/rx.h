/* SPDX-License-Identifier: GPL-2.0 */
/* A message from the host while it is handled, by the ring thread alone. */
#ifndef OUTSOCK_RX_H
#define OUTSOCK_RX_H

#include "ring.h"
#include "sock.h"

#define OSRX_COPY_MAX	512	/* payload up to this is copied */
#define OSRX_COPY_FULL	2048	/* the same for a socket whose buffer is half full */
#define OSRX_HEAD	(OUTSOCK_NET_HDR_LEN + sizeof(struct outsock_hdr))

/* A message being handled. */
struct osrx {
	struct oring *q;
	struct outsock_hdr hdr;
	struct page *page;	/* NULL once a socket has taken it over */
	u32 off;		/* of the body in the page */
	u32 len;		/* of the body */
};

static inline const void *osrx_body(const struct osrx *rx)
{
	return page_address(rx->page) + rx->off;
}

/* The socket of a message, locked, or NULL. Called under RCU: see LIFE in sock.h. */
struct osk *osrx_find(const struct osrx *rx, bool stream);

#define osrx_sock(rx, stream)                                                                      \
	({                                                                                         \
		struct osk *__found = osrx_find(rx, stream);                                       \
	                                                                                           \
		if (__found)                                                                       \
			__acquire(&__found->lock);                                                 \
		__found;                                                                           \
	})

void osrx_dgram(struct osrx *rx);	/* rx_dgram.c */

#endif
