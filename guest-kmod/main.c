// SPDX-License-Identifier: GPL-2.0
/* outsock.ko: start and unwind, in the order of this table. */
#include "compat.h"
#include "dev.h"
#include "diag.h"
#include "redirect.h"
#include "seg.h"
#include "sock.h"
#include "twin.h"

static const struct {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
} outsock_parts[] = {
	{ "segments", osseg_init, osseg_exit },
	{ "reaper", NULL, osk_reaper_exit },
	{ "protocol", osk_proto_init, osk_proto_exit },
	{ "listing", osdiag_init, osdiag_exit },
	{ "sysctl", ossysctl_init, ossysctl_exit },
	{ "device", osdev_init, osdev_exit },
	/* ends first: from then on no socket() asks for a module that goes */
	{ "probe", redirect_init, redirect_exit },
};

static void outsock_unwind(unsigned int n)
{
	while (n--)
		outsock_parts[n].exit();
}

static int __init outsock_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(outsock_parts); i++) {
		err = outsock_parts[i].init ? outsock_parts[i].init() : 0;
		if (!err)
			continue;
		pr_err("%s: %d\n", outsock_parts[i].name, err);
		outsock_unwind(i);
		return err;
	}
	return 0;
}

static void __exit outsock_exit(void)
{
	outsock_unwind(ARRAY_SIZE(outsock_parts));
}

module_init(outsock_init);
module_exit(outsock_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sockets outsourced to the host's outsockd");
MODULE_SOFTDEP("pre: virtio_pci");
