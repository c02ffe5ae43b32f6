/* SPDX-License-Identifier: BSD-3-Clause */
/* simguest_sock.c towards simguest.c. */
#ifndef OUTSOCK_TEST_SIMGUEST_SOCK_H
#define OUTSOCK_TEST_SIMGUEST_SOCK_H

#include "simguest_private.h"

int sg_socks_init(struct simguest *sg);
void sg_socks_fini(struct simguest *sg);
/* Everything but EPOCH and HELLO. */
void sg_on_message(struct simguest *sg, unsigned int pair, const struct outsock_hdr *h,
		   const void *body);
/* CREDIT for sockets whose window has moved and that no DATA has told. */
void sg_send_credits(struct simguest *sg);
/* It is to be looked at by sg_send_credits(). */
void sg_owe(struct sg_sock *s);
/* DATA at tx_cur, as much as the ring takes; FIN. */
uint32_t sg_pieces(struct sg_sock *s, const uint8_t *p, uint32_t len);
int sg_put_fin(struct sg_sock *s);

/* ---- simguest_keep.c ---- */
/* Keeps bytes that begin at tx_off. False: no memory. */
bool sg_keep(struct sg_sock *s, const void *p, uint32_t n);
/* The host has dropped what we sent from @off on. */
void sg_rewound(struct sg_sock *s, uint64_t off);
/* -EAGAIN: the ring is full, there is more. */
int sg_resend(struct sg_sock *s);

#endif
