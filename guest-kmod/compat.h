/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel API differences, and nothing else: the other files are written for 6.1 and name a macro
 * of this file where a later kernel wants something else. Every file of the module includes it
 * first.
 */
#ifndef OUTSOCK_COMPAT_H
#define OUTSOCK_COMPAT_H

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/net.h>
#include <linux/sysctl.h>
#include <linux/virtio_config.h>
#include <net/sock.h>

#undef pr_fmt
#define pr_fmt(fmt) "outsock: " fmt

/* 6.5: sendpage has gone; sendmsg with MSG_SPLICE_PAGES took its place (we copy then). */
#define OS_HAVE_SENDPAGE (LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0))

/* 6.5: the place of ipv6_pinfo is named; until then it is the end of the object. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define OS_PINFO_OFFSET(off) .ipv6_pinfo_offset = (off),
#else
#define OS_PINFO_OFFSET(off)
#endif

/* 6.6: bits of struct inet_sock became flags. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define os_freebind(sk)		 inet_test_bit(FREEBIND, sk)
#define os_set_freebind(sk, val) inet_assign_bit(FREEBIND, sk, val)
#else
#define os_freebind(sk)		 (inet_sk(sk)->freebind)
#define os_set_freebind(sk, val) (inet_sk(sk)->freebind = (val))
#endif

/* 6.10: accept takes a structure. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define OS_ACCEPT_ARG	      struct proto_accept_arg *arg
#define OS_ACCEPT_FLAGS	      (arg->flags)
#define os_accept(sock, newsock, nonblock)                                                         \
	({                                                                                         \
		struct proto_accept_arg __a = { .flags = (nonblock), .kern = false };              \
		READ_ONCE((sock)->ops)->accept(sock, newsock, &__a);                               \
	})
#else
#define OS_ACCEPT_ARG	      int flags, bool kern
#define OS_ACCEPT_FLAGS	      (flags)
#define os_accept(sock, newsock, nonblock)                                                         \
	READ_ONCE((sock)->ops)->accept(sock, newsock, nonblock, false)
#endif

/* 6.11: sysctl handlers take a const table, and tables end where their array ends. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define OS_CTL_CONST const
#define OS_CTL_END
#else
#define OS_CTL_CONST
#define OS_CTL_END {}
#endif

/* 6.11: find_vqs takes an array of structures. */
static inline int os_find_vqs(struct virtio_device *vdev, unsigned int n, struct virtqueue *vqs[],
			      vq_callback_t *callbacks[], const char *const names[])
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct virtqueue_info *info = kcalloc(n, sizeof(*info), GFP_KERNEL);
	unsigned int i;
	int err;

	if (!info)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		info[i].name = names[i];
		info[i].callback = callbacks[i];
	}
	err = virtio_find_vqs(vdev, n, vqs, info, NULL);
	kfree(info);
	return err;
#else
	return virtio_find_vqs(vdev, n, vqs, callbacks, names, NULL);
#endif
}

#endif
