/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of the module: one list. They are shown by /proc/net/outsock_stat. */
#ifndef OUTSOCK_MIB_H
#define OUTSOCK_MIB_H

#include <linux/percpu.h>

struct seq_file;

#define OSMIB_LIST(X)                                                                              \
	X(sockets_created)    /* sockets of user programs that became ours */                      \
	X(redirected)	      /* socket() calls whose protocol the probe rewrote */                \
	X(went_native)	      /* sockets swapped for a native one (local address) */               \
	X(accepted)	      /* connections handed over by the host */                            \
	X(accepted_native)    /* connections that a listener's twin accepted */                    \
	X(accept_failed)      /* ACCEPTED refused: no memory or no listener any more */            \
	X(rx_messages)                                                                             \
	X(rx_bytes)	      /* stream and datagram payload */                                    \
	X(rx_copied)	      /* payloads copied together instead of keeping their page */         \
	X(rx_bad_length)      /* messages too short, or longer than their buffer */                \
	X(rx_bad_epoch)       /* messages of another epoch */                                      \
	X(rx_bad_op)                                                                               \
	X(rx_bad_sock)	      /* unknown id, or on another queue than the socket's */              \
	X(rx_bad_offset)      /* stream data that contradicts what was agreed */                   \
	X(rx_bad_position)    /* more acknowledged than was ever sent */                           \
	X(rx_rewinds)	      /* the host asks again for bytes that it had no room for */          \
	X(rx_bad_cookie)      /* replies to no request */                                          \
	X(rx_no_memory)                                                                            \
	X(interrupts)	      /* callbacks of queues: each wakes a ring thread */                  \
	X(busy_polls)	      /* receives that looked at the ring themselves (busy.c) ... */       \
	X(busy_hits)	      /* ... and found what they waited for */                             \
	X(rx_dgram_dropped)   /* datagrams beyond the credit, broken, or without a socket */       \
	X(tx_messages)                                                                             \
	X(tx_bytes)                                                                                \
	X(tx_ring_full)	      /* a sender had to wait for the ring */                              \
	X(tx_credits)	      /* CREDIT messages of their own */                                   \
	X(request_failed)     /* requests answered with an error */                                \
	X(request_timeout)                                                                         \
	X(option_failed)      /* options the host refused after we had accepted them */            \
	X(sessions)	      /* HELLO exchanges completed */                                      \
	X(epochs)	      /* new epochs seen */                                                \
	X(ring_restarts)      /* the same epoch announced again */                                 \
	X(conn_lost)	      /* connections reset since the host forgot them */                   \
	X(orphans)	      /* connections closed by the program with bytes on their way */      \
	X(orphans_aborted)

enum osmib {
#define OSMIB_ENUM(name) OSMIB_##name,
	OSMIB_LIST(OSMIB_ENUM)
#undef OSMIB_ENUM
	OSMIB_MAX
};

struct osmib_cpu {
	unsigned long count[OSMIB_MAX];
};

DECLARE_PER_CPU(struct osmib_cpu, osmib_cpu);

#define OSMIB_INC(name)	     this_cpu_inc(osmib_cpu.count[OSMIB_##name])
#define OSMIB_ADD(name, n)   this_cpu_add(osmib_cpu.count[OSMIB_##name], n)

unsigned long osmib_read(enum osmib which);
void osmib_show(struct seq_file *seq);

#endif
