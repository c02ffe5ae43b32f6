/* SPDX-License-Identifier: BSD-3-Clause */
/* simguest_vu.c (vhost-user), simguest_ring.c (queues), simguest.c and simguest_sock.c (ABI). */
#ifndef OUTSOCK_TEST_SIMGUEST_PRIVATE_H
#define OUTSOCK_TEST_SIMGUEST_PRIVATE_H

#include "simguest.h"

#define SG_HEAD	   (OUTSOCK_NET_HDR_LEN + sizeof(struct outsock_hdr))
#define SG_QUEUES  (2 * OUTSOCK_QUEUE_PAIRS_MAX)
#define SG_REGIONS 3

struct sg_region {
	uint64_t gpa, size, off; /* off: in the memfd */
};

/* Accepted sockets by id: open addressing, at most half full. */
struct sg_hash {
	struct sg_sock **slots;
	uint32_t mask;
};

struct simguest {
	struct simguest_cfg cfg;
	int listen_fd, fd, mem_fd;
	uint8_t *mem;
	size_t mem_size;
	struct sg_region regions[SG_REGIONS];
	unsigned int n_regions;
	bool running;
	uint64_t features;
	struct sg_queue queues[SG_QUEUES];

	uint32_t epoch;
	bool session, hello_due;
	struct outsock_hello_reply hello;
	uint64_t cookie, kicks, odd;
	struct sg_sock **own;
	uint32_t own_next;
	struct sg_hash hosts;
	struct sg_sock *due;
	uint8_t *dgram; /* fragments of the one in progress */
	uint32_t dgram_len;
};

/* ---- simguest_vu.c ---- */
int sg_vu_memory(struct simguest *sg);
void sg_vu_free(struct simguest *sg);
int sg_vu_connect(struct simguest *sg);
int sg_vu_setup(struct simguest *sg);
/* All rings begin at @base[i]. */
int sg_vu_start(struct simguest *sg, const uint16_t *base);
int sg_vu_stop(struct simguest *sg, uint16_t *ret_base);
int sg_vu_mem_table(struct simguest *sg);
/* ms of a monotonic clock */
uint64_t sg_now_ms(void);

/* ---- simguest_ring.c ---- */
void sg_queues_reset(struct simguest *sg);
bool sg_event_idx(const struct simguest *sg);
/* Keeps the event index (VIRTIO 1.2, 2.7.7) out of the used index's way. */
void sg_unask(struct sg_queue *q);
uint16_t sg_used(const struct sg_queue *q);
int sg_send_msg(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h,
		const void *body, uint32_t len);

/* ---- simguest.c ---- */
void sg_forget_all(struct simguest *sg);

#endif
