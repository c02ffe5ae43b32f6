// SPDX-License-Identifier: GPL-2.0
/* IPPROTO 253: stream and datagram, in both families. */
#include "compat.h"
#include <net/protocol.h>
#include <net/transp_v6.h>
#include "sock.h"

static int osk_stream_create(struct sock *sk)
{
	return osk_create(sk, true);
}

static int osk_dgram_create(struct sock *sk)
{
	return osk_create(sk, false);
}

/* struct socket's operations do the work; the rest is what core code calls unconditionally. */
#define OSK_PROTO(label, create)                                                                   \
	{                                                                                          \
		.name = label, .owner = THIS_MODULE, .init = create, .unhash = osk_unhash,         \
		.keepalive = osk_keepalive, .obj_size = OSK_OBJ_SIZE,                              \
		OS_PINFO_OFFSET(offsetof(struct osk, inet6))                                       \
	}

struct proto osk_stream_prot = OSK_PROTO("OUTSOCK-TCP", osk_stream_create);
struct proto osk_stream6_prot = OSK_PROTO("OUTSOCK-TCP6", osk_stream_create);
struct proto osk_dgram_prot = OSK_PROTO("OUTSOCK-UDP", osk_dgram_create);
struct proto osk_dgram6_prot = OSK_PROTO("OUTSOCK-UDP6", osk_dgram_create);

#define OSK_SW(kind, p, o) { .type = kind, .protocol = IPPROTO_OUTSOCK, .prot = &p, .ops = &o }

static struct inet_protosw osk_stream_sw = OSK_SW(SOCK_STREAM, osk_stream_prot, osk_stream_ops);
static struct inet_protosw osk_stream6_sw = OSK_SW(SOCK_STREAM, osk_stream6_prot, osk_stream6_ops);
static struct inet_protosw osk_dgram_sw = OSK_SW(SOCK_DGRAM, osk_dgram_prot, osk_dgram_ops);
static struct inet_protosw osk_dgram6_sw = OSK_SW(SOCK_DGRAM, osk_dgram6_prot, osk_dgram6_ops);

static struct proto *const osk_protos[] = {
	&osk_stream_prot, &osk_stream6_prot, &osk_dgram_prot, &osk_dgram6_prot,
};

static void osk_protos_unregister(unsigned int n)
{
	while (n--)
		proto_unregister(osk_protos[n]);
}

int osk_proto_init(void)
{
	unsigned int i;
	int err;

	BUILD_BUG_ON(offsetof(struct osk, tcp) || offsetof(struct osk, udp));
	for (i = 0; i < ARRAY_SIZE(osk_protos); i++) {
		err = proto_register(osk_protos[i], 1);
		if (err)
			goto unregister;
	}
	inet_register_protosw(&osk_stream_sw);
	inet_register_protosw(&osk_dgram_sw);
	err = inet6_register_protosw(&osk_stream6_sw);
	if (err)
		goto unregister_v4;
	err = inet6_register_protosw(&osk_dgram6_sw);
	if (err)
		goto unregister_stream6;
	return 0;
unregister_stream6:
	inet6_unregister_protosw(&osk_stream6_sw);
unregister_v4:
	inet_unregister_protosw(&osk_dgram_sw);
	inet_unregister_protosw(&osk_stream_sw);
unregister:
	osk_protos_unregister(i);
	return err;
}

void osk_proto_exit(void)
{
	inet6_unregister_protosw(&osk_dgram6_sw);
	inet6_unregister_protosw(&osk_stream6_sw);
	inet_unregister_protosw(&osk_dgram_sw);
	inet_unregister_protosw(&osk_stream_sw);
	rcu_barrier();	/* sockets are freed by RCU */
	osk_protos_unregister(ARRAY_SIZE(osk_protos));
}
