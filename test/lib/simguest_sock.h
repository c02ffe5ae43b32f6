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

#endif
