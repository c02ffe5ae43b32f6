/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/guest_mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define SLOTS_MAX 256 /* guests */

/*
 * What the handler looks at. Slots are never freed, so that it may look at any time; @addr is 0
 * while the rest changes.
 */
struct map {
	uintptr_t addr;
	size_t size;
};

static struct slot {
	bool taken; /* under the mutex */
	uint32_t fault;
	struct map maps[VRING_MEM_REGIONS];
} slots[SLOTS_MAX];

uint32_t guest_mem_faults;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool installed;

/* Zero pages instead of the mapping that failed. True: it was one of ours. */
static bool replace_map(struct slot *s, uintptr_t at)
{
	for (unsigned int i = 0; i < VRING_MEM_REGIONS; i++) {
		uintptr_t addr = __atomic_load_n(&s->maps[i].addr, __ATOMIC_ACQUIRE);

		if (!addr || at - addr >= s->maps[i].size)
			continue;
		if (mmap((void *)addr, s->maps[i].size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) == MAP_FAILED)
			return false;
		__atomic_store_n(&s->fault, 1, __ATOMIC_RELEASE);
		__atomic_fetch_add(&guest_mem_faults, 1, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	for (unsigned int i = 0; i < SLOTS_MAX; i++) {
		if (replace_map(&slots[i], (uintptr_t)info->si_addr)) {
			errno = saved;
			return;
		}
	}
	/* Not guest memory: the fault comes again, and ends the process as it should. */
	signal(sig, SIG_DFL);
}

static int install(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	if (installed)
		return 0;
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, NULL) < 0)
		return -errno;
	installed = true;
	return 0;
}

int guest_mem_init(struct guest_mem *m)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->slot = -1;
	pthread_mutex_lock(&lock);
	rc = install();
	for (int i = 0; !rc && i < SLOTS_MAX && m->slot < 0; i++) {
		if (slots[i].taken)
			continue;
		slots[i].taken = true;
		m->slot = i;
	}
	pthread_mutex_unlock(&lock);
	return rc ? rc : m->slot < 0 ? -ENOSPC : 0;
}

void guest_mem_fini(struct guest_mem *m)
{
	if (m->slot < 0)
		return;
	guest_mem_clear(m);
	pthread_mutex_lock(&lock);
	slots[m->slot].taken = false;
	pthread_mutex_unlock(&lock);
	m->slot = -1;
}

void guest_mem_thread(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

const uint32_t *guest_mem_fault(const struct guest_mem *m)
{
	return &slots[m->slot].fault;
}

void guest_mem_clear(struct guest_mem *m)
{
	struct slot *s = &slots[m->slot];

	m->valid = false;
	m->vring.n = 0;
	for (unsigned int i = 0; i < VRING_MEM_REGIONS; i++)
		__atomic_store_n(&s->maps[i].addr, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&s->fault, 0, __ATOMIC_RELEASE);
}

/* Most buffers are in the largest region: it is looked at first. */
static int by_size(const void *a, const void *b)
{
	const struct vring_region *x = a, *y = b;

	return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

int guest_mem_set(struct guest_mem *m, const struct guest_mem_map *maps, uint32_t n, bool populate)
{
	struct slot *s = &slots[m->slot];

	guest_mem_clear(m);
	if (n > VRING_MEM_REGIONS)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		m->vring.regions[i] = maps[i].region;
		s->maps[i].size = maps[i].size;
		__atomic_store_n(&s->maps[i].addr, (uintptr_t)maps[i].addr, __ATOMIC_RELEASE);
		/* What can't be had now comes by faults later, as without it. */
		if (populate)
			madvise(maps[i].addr, maps[i].size, MADV_POPULATE_WRITE);
	}
	m->vring.n = n;
	qsort(m->vring.regions, m->vring.n, sizeof(m->vring.regions[0]), by_size);
	m->valid = true;
	return 0;
}

void guest_mem_populate(const struct guest_mem *m)
{
	const struct slot *s = &slots[m->slot];

	for (unsigned int i = 0; i < VRING_MEM_REGIONS; i++) {
		uintptr_t addr = __atomic_load_n(&s->maps[i].addr, __ATOMIC_ACQUIRE);

		if (addr)
			madvise((void *)addr, s->maps[i].size, MADV_POPULATE_WRITE);
	}
}

unsigned int guest_mem_pages(const struct guest_mem *m, void **ret_pages, unsigned int max)
{
	const struct slot *s = &slots[m->slot];
	struct map maps[VRING_MEM_REGIONS];
	unsigned int n_maps = 0, n = 0;

	for (unsigned int i = 0; i < VRING_MEM_REGIONS; i++) {
		maps[n_maps].addr = __atomic_load_n(&s->maps[i].addr, __ATOMIC_ACQUIRE);
		maps[n_maps].size = s->maps[i].size;
		n_maps += maps[n_maps].addr != 0;
	}
	for (unsigned int i = 0; i < n_maps; i++)
		for (unsigned int each = max / n_maps, k = 0; k < each; k++)
			ret_pages[n++] = (void *)(maps[i].addr + maps[i].size / each * k);
	return n;
}

bool guest_mem_contains(const struct guest_mem *m, const void *p, size_t len)
{
	for (uint32_t i = 0; i < m->vring.n; i++) {
		const struct vring_region *r = &m->vring.regions[i];
		uintptr_t off = (uintptr_t)p - (uintptr_t)r->host;

		if (off < r->size && len <= r->size - off)
			return true;
	}
	return false;
}
