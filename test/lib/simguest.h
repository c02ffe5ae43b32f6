/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated guest: speaks the ABI over vhost-user as a VMM with our module in it would,
 * without either. For tests and benchmarks: no thread, nothing sleeps, and while the daemon
 * polls there is no system call between simguest_create() and simguest_destroy().
 *
 * Events come by callbacks out of simguest_poll(); a callback that is NULL has a plain default
 * (data is kept for sg_recv()). What is sent leaves with the next simguest_poll() or
 * simguest_flush().
 *
 * Everything returns 0 or a negative errno; -EAGAIN: the ring is full, poll and try again.
 */
#ifndef OUTSOCK_TEST_SIMGUEST_H
#define OUTSOCK_TEST_SIMGUEST_H

#include "abi/abi_cmd.h"
#include "abi/abi_data.h"
#include "abi/abi_event.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simguest;
struct sg_sock;

struct sg_ops {
	/* The session is there (HELLO answered), again after each new epoch. */
	void (*session)(struct simguest *sg);
	void (*connected)(struct simguest *sg, struct sg_sock *s);
	void (*accepted)(struct simguest *sg, struct sg_sock *listener, struct sg_sock *s);
	/* All of it is taken: the credit moves on by @len. */
	void (*data)(struct simguest *sg, struct sg_sock *s, const void *data, uint32_t len);
	void (*dgram)(struct simguest *sg, struct sg_sock *s, const struct outsock_addr *from,
		      const void *data, uint32_t len);
	/* More was acknowledged: sg_send() may have room again. */
	void (*acked)(struct simguest *sg, struct sg_sock *s);
	/*
	 * The host had no room from s->tx_off on: the bytes, and a FIN, are to be sent again.
	 * Without this function the library keeps them and does so by itself.
	 */
	void (*rewind)(struct simguest *sg, struct sg_sock *s);
	void (*peer_closed)(struct simguest *sg, struct sg_sock *s);
	void (*error)(struct simguest *sg, struct sg_sock *s, int err, bool fatal);
	/* @s is gone afterwards. */
	void (*closed)(struct simguest *sg, struct sg_sock *s);
	/* Any reply; @s may be NULL. sg_sock has been brought up to date. */
	void (*reply)(struct simguest *sg, struct sg_sock *s, const struct outsock_hdr *h,
		      const void *body);
};

struct simguest_cfg {
	const char *path;   /* vhost-user socket */
	bool listen;	    /* we listen (as QEMU with server=on), the daemon connects */
	unsigned int pairs; /* queue pairs, up to OUTSOCK_QUEUE_PAIRS_MAX */
	uint16_t ring_size;
	uint32_t rx_buf, tx_buf;	/* bytes of a buffer, headers included */
	uint32_t max_socks;		/* that we have at one time, both kinds of id */
	uint32_t rcv_win;		/* receive credit that a socket has ahead */
	uint32_t accept_ahead;		/* accept credit that a listener has ahead */
	bool no_event_idx, no_indirect; /* features that we decline */
	bool scatter;			/* TX messages in several indirect descriptors */
	bool no_hello;			/* EPOCH is not answered: the test does it */
	uint8_t boot_id[16];
	const struct sg_ops *ops;
	void *ctx;
	/* Called while we wait for the other side in the handshake (it may live in this thread). */
	void (*idle)(void *ctx);
	void *idle_ctx;
	unsigned int timeout_ms; /* of any wait */
};

/* Sensible values for all but path. */
void simguest_cfg_defaults(struct simguest_cfg *cfg);

/* Memory, connection, handshake, rings: after this EPOCH is on its way. -ETIMEDOUT, -errno. */
int simguest_create(const struct simguest_cfg *cfg, struct simguest **ret_sg);
void simguest_destroy(struct simguest *sg); /* takes NULL; sockets are just forgotten */
void *simguest_ctx(const struct simguest *sg);

/*
 * Handles up to @budget messages (0: all) of all queues, gives their buffers back, sends what
 * is due. How many messages.
 */
unsigned int simguest_poll(struct simguest *sg, unsigned int budget);
void simguest_flush(struct simguest *sg);
/* Polls until @done says so, or the time is over (-ETIMEDOUT). */
int simguest_until(struct simguest *sg, bool (*done)(void *arg), void *arg);
/* Asks for a notification and waits for one; for programs that should not burn a CPU. */
int simguest_sleep(struct simguest *sg, int timeout_ms);
/* Asks for one, and goes on: who polls all the same sees what notifying costs the daemon. */
void simguest_notify(struct simguest *sg);

bool simguest_session(const struct simguest *sg); /* HELLO is answered */
uint32_t simguest_epoch(const struct simguest *sg);
const struct outsock_hello_reply *simguest_hello_reply(const struct simguest *sg);
uint64_t simguest_kicks(const struct simguest *sg); /* that we made */
uint64_t simguest_odd(const struct simguest *sg);   /* messages we did not understand */

/* ---- life of the device ---- */

int simguest_pause(struct simguest *sg);  /* as the monitor's stop */
int simguest_resume(struct simguest *sg); /* as cont: the rings go on where they were */
/* While paused: the VMM returns what is in the TX ring, unread. As QEMU does with the link down. */
void simguest_eat(struct simguest *sg, unsigned int pair);
int simguest_remap(struct simguest *sg); /* SET_MEM_TABLE while running, with one region more */
int simguest_reboot(struct simguest *sg,
		    const uint8_t boot_id[16]); /* rings from 0, sockets forgotten */
void simguest_disconnect(struct simguest *sg);	/* the connection is lost */
int simguest_reconnect(struct simguest *sg);	/* and made again; rings go on at the used index */
/* The memory goes away: SIGBUS for the daemon, and for us but in simguest_destroy(). */
int simguest_truncate(struct simguest *sg);

/* ---- sockets ---- */

/**
 * struct sg_sock - read it, don't write but @user
 * @replied: bit per request operation (1 << op) that was answered; @status: of the latest
 * @tx_off, @tx_acked, @snd_win: sent; acknowledged; may be between
 * @rx_off, @rx_credit: received; may be received
 */
struct sg_sock {
	struct simguest *sg;
	uint32_t id;
	uint8_t pair, type, family;
	bool listening, connected, peer_closed, dead, closing, fin;
	int err;
	uint32_t replied;
	uint16_t status;
	uint32_t snd_win;
	uint64_t tx_off, tx_acked, rx_off, rx_credit, rx_told, rx_end;
	uint64_t accepted, accept_credit;
	uint32_t opt; /* of the latest GETOPT */
	struct outsock_info info;
	struct outsock_addr local;
	struct outsock_resume record;
	void *user;
	/* Sent, and asked for again by the host. */
	uint64_t tx_cur; /* where the ring is: tx_off, or before it while @resend */
	bool resend;
	unsigned int rewinds;
	uint8_t *keep; /* from keep_off to tx_off */
	size_t keep_size;
	uint64_t keep_off;
	/* sg_recv()'s bytes */
	uint8_t *buf;
	size_t buf_len, buf_size;
	struct sg_sock *due_next; /* list of sockets that owe a CREDIT */
	bool due;
};

/* @family, @type: OUTSOCK_*. NULL: no id or no room in the ring. Freed after CLOSED. */
struct sg_sock *sg_socket(struct simguest *sg, unsigned int pair, uint8_t family, uint8_t type);
int sg_bind(struct sg_sock *s, const struct outsock_addr *addr);
int sg_listen(struct sg_sock *s, uint32_t backlog);
int sg_connect(struct sg_sock *s, const struct outsock_addr *addr);
int sg_setopt(struct sg_sock *s, uint16_t opt, uint32_t value);
int sg_getopt(struct sg_sock *s, uint16_t opt);
int sg_info(struct sg_sock *s);
int sg_close(struct sg_sock *s, uint32_t flags); /* OUTSOCK_CLOSE_* */

/* Bytes of @data that went into the ring: as far as window and ring go. */
uint32_t sg_send(struct sg_sock *s, const void *data, uint32_t len);
int sg_fin(struct sg_sock *s);
/* @to NULL: the connected peer. */
int sg_sendto(struct sg_sock *s, const struct outsock_addr *to, const void *data, uint32_t len);
/* Up to @max bytes that came (only without ops.data); credit moves on by them. */
uint32_t sg_recv(struct sg_sock *s, void *data, uint32_t max);

/* @ip: "10.77.0.11", @port in host order. */
struct outsock_addr sg_addr(const char *ip, uint16_t port);

/* ---- raw, for hostile tests ---- */

/* A virtqueue as its driver sees it. */
struct sg_queue {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *table; /* indirect tables, SG_TABLE entries a slot */
	uint8_t *bufs;
	uint64_t desc_gpa, avail_gpa, used_gpa, table_gpa, bufs_gpa;
	uint16_t size, mask;
	uint32_t buf_size;
	uint16_t avail_idx, used_idx; /* next to make available; next used to take */
	uint16_t avail_out;	      /* made visible */
	int kick_fd, call_fd;
};
#define SG_TABLE 8

struct sg_queue *simguest_queue(struct simguest *sg, unsigned int index); /* 2k: RX, 2k + 1: TX */
/* Guest-physical addresses: of nothing, and of the first byte behind the largest region. */
uint64_t simguest_hole(const struct simguest *sg);
uint64_t simguest_end(const struct simguest *sg);
/* Buffer of the next TX slot, or NULL when the ring is full. */
uint8_t *sg_tx_slot(struct sg_queue *q);
/* Makes that slot available as @len bytes, header included. */
void sg_tx_push(struct sg_queue *q, uint32_t len);
/* A message as it is given, header and all; the caller fills in the epoch. */
int sg_raw(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h, const void *body,
	   uint32_t body_len);
/* Stores the available index and kicks if the other side wants it. */
void sg_queue_publish(struct simguest *sg, struct sg_queue *q);

#endif
