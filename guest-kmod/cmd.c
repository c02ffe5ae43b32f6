// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/slab.h>
#include "cmd.h"
#include "dev.h"
#include "mib.h"
#include "sock.h"

#define OSREQ_TIMEOUT (15 * HZ)

static void osreq_free(struct osreq *req)
{
	if (req->os)
		sock_put(osk_sk(req->os));
	kfree(req);
}

void osreq_put(struct osreq *req)
{
	if (req && refcount_dec_and_test(&req->ref))
		osreq_free(req);
}

struct osreq *osreq_new(struct oring *q, struct osk *os, u8 op, gfp_t gfp)
{
	struct osdev *dev = q->dev;
	struct osreq *req;

	if (READ_ONCE(dev->gone))
		return NULL;
	req = kzalloc(sizeof(*req), gfp | __GFP_NOWARN);
	if (!req)
		return NULL;
	INIT_LIST_HEAD(&req->node);
	refcount_set(&req->ref, 2);	/* the table's and the caller's */
	init_completion(&req->done);
	req->q = q;
	req->op = op;
	req->sock = OUTSOCK_ID_NONE;
	if (xa_alloc_cyclic(&dev->reqs, &req->cookie, req, xa_limit_32b, &dev->next_cookie,
			    gfp | __GFP_NOWARN) < 0) {
		kfree(req);
		return NULL;
	}
	if (os) {
		sock_hold(osk_sk(os));
		req->os = os;
		req->sock = os->id;
	}
	return req;
}

/* Before it is queued, by a caller with a reference of its own: the request keeps the id only. */
void osreq_forget_sock(struct osreq *req)
{
	sock_put(osk_sk(req->os));
	req->os = NULL;
}

void osreq_body(struct osreq *req, const void *body, u32 len)
{
	if (WARN_ON_ONCE(len > sizeof(req->body)))
		return;
	memcpy(req->body, body, len);
	req->len = len;
}

bool osreq_flush(struct oring *q)
{
	struct osreq *req, *next;

	lockdep_assert_held(&q->tx_lock);
	if (!q->open)
		return false;
	list_for_each_entry_safe(req, next, &q->req_out, node) {
		struct osmsg msg = {
			.op = req->op, .flags = req->flags, .sock = req->sock,
			.off = req->cookie, .pos = req->pos,
			.body = req->body, .body_len = req->len,
		};

		if (oring_put(q, &msg))
			return false;
		list_del_init(&req->node);
		req->state = OSREQ_SENT;
	}
	return true;
}

/* Out of the ring's queue, for good: osreq_requeue() leaves it alone from now on. */
static void osreq_unlist(struct osreq *req)
{
	oring_lock(req->q);
	list_del_init(&req->node);
	req->state = OSREQ_DONE;
	oring_unlock(req->q);
}

/* Out of the table: whoever takes it out owns the table's reference. */
static bool osreq_take(struct osreq *req)
{
	struct osdev *dev = req->q->dev;
	bool mine;

	xa_lock(&dev->reqs);
	mine = xa_load(&dev->reqs, req->cookie) == req;
	if (mine)
		__xa_erase(&dev->reqs, req->cookie);
	xa_unlock(&dev->reqs);
	if (mine)
		osreq_unlist(req);
	return mine;
}

void osreq_cancel(struct osreq *req)
{
	if (!req)
		return;
	if (osreq_take(req))
		osreq_put(req);
	osreq_put(req);
}

static void osreq_finish(struct osreq *req, int status, const void *body, u32 len)
{
	req->status = status;
	req->reply_len = min_t(u32, len, sizeof(req->reply));
	memcpy(req->reply, body, req->reply_len);
	if (status)
		OSMIB_INC(request_failed);
	if (req->fn && req->os)
		req->fn(req->os, req->sock, status, body, len);
	complete_all(&req->done);
	osreq_put(req);
}

/* Under tx_lock. After `gone` osdev_session_stop() takes that once, before osreq_fail_all(). */
static bool osreq_list(struct osreq *req, u8 state)
{
	if (READ_ONCE(req->q->dev->gone))
		return false;
	if (state == OSREQ_QUEUED)
		list_add_tail(&req->node, &req->q->req_out);
	req->state = state;
	return true;
}

/* Not by fn: it would take a lock that the caller may hold. */
void osreq_refuse(struct osreq *req, int status)
{
	req->fn = NULL;
	if (osreq_take(req))
		osreq_finish(req, status, NULL, 0);
}

void osreq_queue(struct osreq *req)
{
	struct oring *q = req->q;
	bool listed, sent;

	oring_lock(q);
	listed = osreq_list(req, OSREQ_QUEUED);
	sent = osreq_flush(q);
	oring_unlock(q);
	if (!listed)
		osreq_refuse(req, ENETDOWN);	/* the device has gone */
	else if (!sent)
		oring_wake(q);
}

void osreq_keep(struct osreq *req)
{
	bool listed;

	oring_lock(req->q);
	listed = osreq_list(req, OSREQ_SENT);
	oring_unlock(req->q);
	if (!listed)
		osreq_refuse(req, ENETDOWN);	/* the device has gone */
}

/*
 * Nothing is held over this wait but the socket's ctl mutex, and only a fatal signal ends it: a
 * bind() that is half done cannot be restarted.
 */
int osreq_wait(struct osreq *req)
{
	return osreq_wait_for(req, OSREQ_TIMEOUT);
}

int osreq_wait_for(struct osreq *req, long timeout)
{
	long left = wait_for_completion_killable_timeout(&req->done, timeout);

	if (left > 0)
		return -req->status;
	if (!left)
		OSMIB_INC(request_timeout);
	if (osreq_take(req)) {
		osreq_put(req);
		return left ? -EINTR : -ETIMEDOUT;
	}
	/* The reply is being delivered at this moment. */
	wait_for_completion(&req->done);
	return -req->status;
}

static struct osreq *osreq_find(struct oring *q, const struct outsock_hdr *hdr)
{
	u64 cookie = le64_to_cpu(hdr->off);
	struct osdev *dev = q->dev;
	struct osreq *req;

	if (cookie > U32_MAX)
		return NULL;
	xa_lock(&dev->reqs);
	req = xa_load(&dev->reqs, cookie);
	/* One that waits to be sent again may be answered, too. */
	if (req && (req->q != q || req->op != hdr->op || READ_ONCE(req->state) == OSREQ_IDLE))
		req = NULL;
	if (req)
		__xa_erase(&dev->reqs, cookie);
	xa_unlock(&dev->reqs);
	return req;
}

void osreq_reply(struct oring *q, const struct outsock_hdr *hdr, const void *body, u32 len)
{
	struct osreq *req = osreq_find(q, hdr);
	int status = le16_to_cpu(hdr->status);

	if (!req) {
		OSMIB_INC(rx_bad_cookie);
		return;
	}
	osreq_unlist(req);
	osreq_finish(req, min(status, MAX_ERRNO), body, len);
}

/* The next request from @cookie on, with a reference. */
static struct osreq *osreq_next(struct osdev *dev, unsigned long *cookie)
{
	struct osreq *req;

	xa_lock(&dev->reqs);
	req = xa_find(&dev->reqs, cookie, U32_MAX, XA_PRESENT);
	if (req)
		refcount_inc(&req->ref);
	xa_unlock(&dev->reqs);
	return req;
}

/* An idle request (one kept for a close that must not fail) is nobody's message yet. */
static bool osreq_unqueue(struct osreq *req)
{
	bool active;

	oring_lock(req->q);
	active = req->state == OSREQ_QUEUED || req->state == OSREQ_SENT;
	list_del_init(&req->node);
	if (active && req->waited)
		req->state = OSREQ_SENT;	/* to be queued again, never lost */
	oring_unlock(req->q);
	return active;
}

void osreq_epoch_lost(struct osdev *dev, bool undeclared)
{
	unsigned long cookie = 0;
	struct osreq *req;

	for (; (req = osreq_next(dev, &cookie)); cookie++) {
		bool lost = !undeclared || (req->os && !READ_ONCE(req->os->declared));

		if (lost && osreq_unqueue(req) && !req->waited && osreq_take(req)) {
			req->status = ECONNRESET;
			complete_all(&req->done);
			osreq_put(req);
		}
		osreq_put(req);
	}
}

/* Its socket could not be declared again: nothing may name it. */
static bool osreq_orphaned(struct osreq *req)
{
	if (READ_ONCE(req->os->declared))
		return false;
	if (osreq_unqueue(req) && osreq_take(req))
		osreq_finish(req, READ_ONCE(req->os->refused) ?: ENETDOWN, NULL, 0);
	return true;
}

void osreq_requeue(struct osdev *dev)
{
	unsigned long cookie = 0;
	struct osreq *req;

	for (; (req = osreq_next(dev, &cookie)); cookie++) {
		if (req->os && req->waited && osreq_orphaned(req)) {
			osreq_put(req);
			continue;
		}
		oring_lock(req->q);
		if (req->state == OSREQ_SENT) {
			if (req->os)
				req->sock = READ_ONCE(req->os->id);
			list_add_tail(&req->node, &req->q->req_out);
			req->state = OSREQ_QUEUED;
		}
		oring_unlock(req->q);
		oring_wake(req->q);
		osreq_put(req);
	}
}

void osreq_fail_all(struct osdev *dev, int err)
{
	unsigned long cookie = 0;
	struct osreq *req;

	for (; (req = osreq_next(dev, &cookie)); cookie++) {
		if (osreq_unqueue(req) && osreq_take(req))
			osreq_finish(req, err, NULL, 0);
		osreq_put(req);
	}
}
