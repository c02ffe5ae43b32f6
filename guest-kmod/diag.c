// SPDX-License-Identifier: GPL-2.0
#include "compat.h"
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include "dev.h"
#include "diag.h"
#include "mib.h"
#include "redirect.h"
#include "sock.h"

static const char *osdiag_state(const struct osk *os)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTAB", [TCP_SYN_SENT] = "SYN-SENT",
		[TCP_FIN_WAIT1] = "FIN-WAIT", [TCP_FIN_WAIT2] = "FIN-WAIT",
		[TCP_CLOSE] = "CLOSE", [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK", [TCP_LISTEN] = "LISTEN", [TCP_CLOSING] = "CLOSING",
	};
	unsigned int state = READ_ONCE(osk_sk(os)->sk_state);

	if (!os->stream)
		return os->peer.family ? "CONN" : "UNCONN";
	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "?";
}

static void osdiag_addr(struct seq_file *seq, const struct outsock_addr *addr)
{
	if (addr->family == OUTSOCK_INET6)
		seq_printf(seq, " [%pI6c]:%u", addr->addr, ntohs(addr->port));
	else
		seq_printf(seq, " %pI4:%u", addr->addr, ntohs(addr->port));
}

static void osdiag_sock(struct seq_file *seq, struct osk *os)
{
	struct sock *sk = osk_sk(os);

	spin_lock(&os->lock);
	seq_printf(seq, "%08x %s%c %-10s", os->id, os->stream ? "tcp" : "udp",
		   sk->sk_family == AF_INET6 ? '6' : '4', osdiag_state(os));
	osdiag_addr(seq, &os->local);
	osdiag_addr(seq, &os->peer);
	seq_printf(seq, " rx=%llu tx=%llu rmem=%d wmem=%d uid=%u queue=%u%s%s\n",
		   os->rcv_nxt - os->rcv_read, os->snd_end - os->snd_una,
		   atomic_read(&sk->sk_rmem_alloc), sk->sk_wmem_queued,
		   from_kuid_munged(seq_user_ns(seq), sk->sk_uid), os->q->idx,
		   sock_flag(sk, SOCK_DEAD) && os->closing ? " orphan" : "",
		   os->twin ? " twin" : "");
	spin_unlock(&os->lock);
}

/* Requests include one for each socket that the host knows: its CLOSE, made ahead. */
static void osdiag_session(struct seq_file *seq, struct osdev *dev)
{
	unsigned int requests = 0, zombies = 0;
	unsigned long i;
	void *entry;

	xa_for_each(&dev->reqs, i, entry)
		requests++;
	xa_for_each(&dev->socks, i, entry)
		zombies += xa_is_value(entry);
	seq_printf(seq, "# epoch=%08x queues=%u orphans=%d requests=%u zombies=%u\n", dev->epoch,
		   dev->nq, atomic_read(&dev->n_orphans), requests, zombies);
}

static int osdiag_show(struct seq_file *seq, void *v)
{
	struct osdev *dev = osdev_get();
	unsigned long id = 0;
	struct osk *os;

	seq_printf(seq, "# session=%s policy=%s redirect=%s\n",
		   dev && READ_ONCE(dev->up) ? "up" : "down", redirect_policy_name(),
		   redirect_is_live() ? "live" : "dead");
	if (!dev)
		return 0;
	osdiag_session(seq, dev);
	for (; (os = osk_next(dev, &id)); id++) {
		osdiag_sock(seq, os);
		sock_put(osk_sk(os));
	}
	osdev_put(dev);
	return 0;
}

static int osdiag_show_stat(struct seq_file *seq, void *v)
{
	osmib_show(seq);
	return 0;
}

int osdiag_init(void)
{
	if (!proc_create_net_single("outsock", 0444, init_net.proc_net, osdiag_show, NULL))
		return -ENOMEM;
	if (!proc_create_net_single("outsock_stat", 0444, init_net.proc_net, osdiag_show_stat,
				    NULL)) {
		remove_proc_entry("outsock", init_net.proc_net);
		return -ENOMEM;
	}
	return 0;
}

void osdiag_exit(void)
{
	remove_proc_entry("outsock_stat", init_net.proc_net);
	remove_proc_entry("outsock", init_net.proc_net);
}
