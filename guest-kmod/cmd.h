/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the host and their replies.
 *
 * A request is known by its cookie until the reply comes, whatever happens to the ring meanwhile:
 * requests that someone waits for are issued again, under the same cookie, in a new epoch; the
 * others are part of the state that is declared then, and are dropped. Life: osreq_new(),
 * osreq_queue(), then either osreq_wait() or osreq_put().
 */
#ifndef OUTSOCK_CMD_H
#define OUTSOCK_CMD_H

#include <linux/completion.h>
#include <linux/refcount.h>

#include "abi/abi_cmd.h"

struct osdev;
struct osk;
struct oring;

enum osreq_state {
	OSREQ_IDLE,
	OSREQ_QUEUED,		/* on q->req_out */
	OSREQ_SENT,
	OSREQ_DONE,		/* answered, or given up */
};

struct osreq {
	struct list_head node;
	refcount_t ref;
	struct oring *q;
	struct osk *os;		/* holding a reference, or NULL */
	u32 cookie;
	u32 sock;
	u64 pos;
	u8 op;
	u8 flags;
	u8 state;		/* under q->tx_lock */
	bool waited;		/* survives an epoch */
	u8 len;
	union {
		u8 body[32];
		u8 reply[sizeof(struct outsock_info)];	/* once it is no longer to be sent */
	};

	/* ring thread, when the reply comes; both NULL-able. @id: the socket's at the host */
	void (*fn)(struct osk *os, u32 id, int status, const void *body, u32 len);
	int status;
	u32 reply_len;
	struct completion done;
};

/* A request about a socket, or about none. NULL without memory, or when the device has gone. */
struct osreq *osreq_new(struct oring *q, struct osk *os, u8 op, gfp_t gfp);
void osreq_forget_sock(struct osreq *req);
void osreq_body(struct osreq *req, const void *body, u32 len);
void osreq_queue(struct osreq *req);	/* not in interrupts; any lock held or not */
void osreq_keep(struct osreq *req);	/* until osreq_requeue() */
void osreq_refuse(struct osreq *req, int status);	/* ends it without a message, nor fn */
int osreq_wait(struct osreq *req);	/* 0 or a negative error; the request stays the caller's */
int osreq_wait_for(struct osreq *req, long timeout);	/* jiffies */
void osreq_put(struct osreq *req);
void osreq_cancel(struct osreq *req);	/* never queued: forget it */

void osreq_reply(struct oring *q, const struct outsock_hdr *hdr, const void *body, u32 len);

/* session.c */
/*
 * Keeps what is waited for, drops the rest: all, or only that of sockets not declared. Who waits
 * for it all the same hears ECONNRESET.
 */
void osreq_epoch_lost(struct osdev *dev, bool undeclared);
void osreq_requeue(struct osdev *dev);		/* again what was kept */
void osreq_fail_all(struct osdev *dev, int err);

#endif
