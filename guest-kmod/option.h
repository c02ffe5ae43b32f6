/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Socket options, between the files that know them: option.c (the table and the calls),
 * option_hook.c (what single options do), option_info.c (TCP_INFO), option_host.c (to the host, and
 * to a native twin).
 *
 * A value has a slot in os->opt, and a bit in os->opt_set once a program has set it. The first
 * slots are the host's options, by their number in the ABI.
 */
#ifndef OUTSOCK_OPTION_H
#define OUTSOCK_OPTION_H

#include "sock.h"

enum osopt_kind { OSOPT_VALUE, OSOPT_QUERY, OSOPT_TEXT, OSOPT_REFUSED };

struct osopt {
	int level;
	int name;
	enum osopt_kind kind;
	u32 slot;
	u32 dflt;
	u32 first;
	u32 last;
	int (*hook)(struct osk *os, int *val);		/* a negative error, or 0 */
	int (*get)(struct osk *os, void *buf);		/* bytes put into @buf */
	int (*set)(struct osk *os, const char *text);	/* OSOPT_TEXT */
};

#define OSOPT_BUF_MAX sizeof(struct tcp_info)
#define OSOPT_MSS_MIN 88
#define OSOPT_MSS_MAX 32767	/* stands for none: no link of ours carries more */

/* NULL: there is none (on this kind of socket), or it is refused. */
const struct osopt *osopt_find(const struct osk *os, int level, int name);
const struct osopt *osopt_at(unsigned int i);	/* NULL: the table ends before */

/* lock held: the value of a slot, or @dflt */
static inline u32 osopt_value(const struct osk *os, u32 slot, u32 dflt)
{
	return os->opt_set & BIT(slot) ? os->opt[slot] : dflt;
}

/* one that is on */
static inline bool osopt_kept(const struct osk *os, u32 slot)
{
	return READ_ONCE(os->opt_set) & BIT(slot) && READ_ONCE(os->opt[slot]);
}

/* option_host.c */
void osopt_store(struct osk *os, u32 slot, u32 val);	/* lock held; forwards a host's option */
void osk_copy_option(struct osk *os, const struct osopt *opt);	/* to a twin, if there is one */

/* option_hook.c */
int osopt_maxseg(struct osk *os, int *val);
int osopt_tos(struct osk *os, int *val);
int osopt_tclass(struct osk *os, int *val);
int osopt_defer(struct osk *os, int *val);
int osopt_recverr(struct osk *os, int *val);
int osopt_pmtudisc(struct osk *os, int *val);
int osopt_freebind(struct osk *os, int *val);
int osopt_pktinfo(struct osk *os, int *val);	/* sock_cmsg.c */
int osopt_v6only(struct osk *os, int *val);
int osopt_set_congestion(struct osk *os, const char *text);
int osopt_get_congestion(struct osk *os, void *buf);

/* option_info.c */
int osopt_get_maxseg(struct osk *os, void *buf);
int osopt_get_info(struct osk *os, void *buf);

#endif
