/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is served in a turn: fairness, priority, the floor, debts. Guests are made of numbers. */
#include "lcore/share.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N      8
#define ALWAYS 1000000000

/* A guest has @msgs of @size bytes to do; @done, @bytes: what it got. @last: the turn of that. */
struct load {
	struct share s;
	int32_t msgs, size;
	int64_t done, bytes;
	unsigned int last, longest;
};

struct fix {
	struct share_set set;
	struct load g[N];
	unsigned int n, turn;
	int64_t turn_msgs, turn_bytes;
	struct load *order[64]; /* of the last turn */
	unsigned int n_order;
};

static const struct share_amount quantum = { 16, 16384 };

static void begin(struct fix *f, unsigned int n)
{
	memset(f, 0, sizeof(*f));
	share_set_init(&f->set);
	f->n = n;
	for (unsigned int i = 0; i < n; i++) {
		share_init(&f->g[i].s, 0);
		f->g[i].s.quantum = quantum;
		f->g[i].size = 64;
	}
}

/* As a guest does: message by message while its grant lasts. */
static struct share_amount serve(struct load *l, const struct share_amount *grant)
{
	struct share_amount used = { 0 };

	while (l->msgs && used.msgs < grant->msgs && used.bytes < grant->bytes) {
		used.msgs++;
		used.bytes += l->size;
		l->msgs--;
	}
	l->done += used.msgs;
	l->bytes += used.bytes;
	return used;
}

static void turn(struct fix *f, int32_t msgs, int32_t bytes)
{
	const struct share_amount budget = { msgs, bytes };
	struct share_amount grant, used;
	struct share *s;

	f->turn++;
	f->turn_msgs = f->turn_bytes = 0;
	f->n_order = 0;
	share_turn(&f->set, &budget);
	for (unsigned int i = 0; i < f->n; i++)
		if (f->g[i].msgs)
			share_want(&f->set, &f->g[i].s);
	while ((s = share_next(&f->set, &grant))) {
		struct load *l = container_of(s, struct load, s);
		unsigned int gap = f->turn - l->last;

		assert_true(grant.msgs > 0 && grant.bytes > 0);
		used = serve(l, &grant);
		share_used(&f->set, s, &used);
		f->turn_msgs += used.msgs;
		f->turn_bytes += used.bytes;
		f->order[f->n_order++] = l;
		l->longest = gap > l->longest ? gap : l->longest;
		l->last = f->turn;
		assert_in_range(f->n_order, 1, f->n + 1);
	}
}

/* Equals who flood get the same, within a quantum, whatever the size of their messages. */
static void test_equals(void **state)
{
	static const int32_t sizes[] = { 64, 1500, 20000, 64, 9000 };
	struct fix f;
	int64_t least = INT64_MAX, most = 0;

	begin(&f, 5);
	for (unsigned int i = 0; i < f.n; i++) {
		f.g[i].msgs = ALWAYS;
		f.g[i].size = sizes[i];
	}
	for (unsigned int t = 0; t < 1000; t++) {
		turn(&f, 40, 50000);
		assert_in_range(f.turn_msgs, 1, 40);
		assert_in_range(f.turn_bytes, 1, 50000 + 20000);
	}
	/* Large messages use up their bytes, small ones their messages. */
	for (unsigned int i = 1; i < f.n; i++) {
		if (sizes[i] * quantum.msgs < quantum.bytes)
			continue;
		least = f.g[i].bytes < least ? f.g[i].bytes : least;
		most = f.g[i].bytes > most ? f.g[i].bytes : most;
	}
	assert_true(most - least <= quantum.bytes + 20000);
	assert_in_range(f.g[0].done - f.g[3].done + quantum.msgs, 0, 2 * quantum.msgs);
	assert_true(f.g[0].done >= f.g[1].done);
}

/* What comes beside a flood waits for one quantum of each of the others. */
static void test_flood_delays_by_a_quantum(void **state)
{
	struct fix f;

	begin(&f, 3);
	f.g[0].msgs = f.g[1].msgs = ALWAYS;
	for (unsigned int t = 0; t < 100; t++) {
		int64_t before = f.g[0].done + f.g[1].done, got;

		f.g[2].msgs = 1;
		got = f.g[2].done;
		for (unsigned int i = 0; f.g[2].done == got; i++) {
			assert_in_range(i, 0, 2);
			turn(&f, 20, 1 << 20);
		}
		assert_in_range(f.g[0].done + f.g[1].done - before, 0, 3 * quantum.msgs);
	}
}

/* Where the budget ends in the middle of a quantum, the next turn goes on there. */
static void test_cut_short(void **state)
{
	struct fix f;

	begin(&f, 2);
	f.g[0].msgs = f.g[1].msgs = ALWAYS;
	turn(&f, 10, 1 << 20);
	assert_int_equal(f.g[0].done, 10);
	assert_int_equal(f.g[1].done, 0);
	turn(&f, 10, 1 << 20);
	assert_int_equal(f.g[0].done, 16);
	assert_int_equal(f.g[1].done, 4);
}

/* An overdraft is paid in the next round; one who has nothing left keeps neither debt nor rest. */
static void test_debt(void **state)
{
	struct fix f;

	begin(&f, 2);
	f.g[0].msgs = f.g[1].msgs = ALWAYS;
	f.g[0].size = 3 * quantum.bytes; /* three rounds each */
	f.g[1].size = quantum.bytes;
	for (unsigned int t = 0; t < 300; t++)
		turn(&f, 1000, 1 << 24);
	assert_in_range(f.g[0].done, 99, 101);
	assert_int_equal(f.g[1].done, 300);
	f.g[0].msgs = 0;
	turn(&f, 1000, 1 << 24);
	turn(&f, 1000, 1 << 24);
	turn(&f, 1000, 1 << 24);
	assert_int_equal(f.g[0].s.deficit.bytes, 0);
	assert_int_equal(f.g[0].s.deficit.msgs, 0);
	assert_true(list_empty(&f.g[0].s.wait));
}

/* The higher one is first, and has all but the floor; the lower ones have that, in turn. */
static void test_priority(void **state)
{
	struct fix f;

	begin(&f, 4);
	f.g[3].s.priority = 7;
	f.g[3].s.quantum = (struct share_amount){ 100000, 1 << 30 };
	for (unsigned int i = 0; i < f.n; i++)
		f.g[i].msgs = ALWAYS;
	for (unsigned int t = 0; t < 90; t++) {
		turn(&f, 80, 1 << 20);
		assert_ptr_equal(f.order[0], &f.g[3]);
		assert_int_equal(f.turn_msgs, 80);
	}
	assert_int_equal(f.g[3].done, 90 * 70);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(f.g[i].done, 90 * 10 / 3);
		assert_in_range(f.g[i].longest, 1, 3);
	}
	/* Alone in its priority, and nobody else: there is no floor. */
	for (unsigned int i = 0; i < 3; i++)
		f.g[i].msgs = 0;
	for (unsigned int t = 0; t < 3; t++)
		turn(&f, 80, 1 << 20);
	assert_int_equal(f.turn_msgs, 80);
	assert_ptr_equal(f.order[0], &f.g[3]);
	assert_int_equal(f.n_order, 1);
}

/* One of the higher priority waits for nobody. */
static void test_no_inversion(void **state)
{
	struct fix f;

	begin(&f, N);
	for (unsigned int i = 0; i + 1 < N; i++)
		f.g[i].msgs = ALWAYS;
	f.g[N - 1].s.priority = 1;
	for (unsigned int t = 0; t < 50; t++) {
		f.g[N - 1].msgs = 1;
		turn(&f, 20, 1 << 20);
		assert_ptr_equal(f.order[0], &f.g[N - 1]);
		assert_int_equal(f.g[N - 1].msgs, 0);
	}
}

/* Whatever comes and goes: budgets hold, and nobody waits longer than there are guests. */
static void test_random(void **state)
{
	struct rng rng = { .state = 7 };
	struct fix f;

	begin(&f, N);
	for (unsigned int i = 0; i < N; i++)
		f.g[i].s.priority = (uint8_t)(i / 2);
	for (unsigned int t = 0; t < 20000; t++) {
		struct load *l = &f.g[rng_below(&rng, N)];
		int32_t msgs = 1 + (int32_t)rng_below(&rng, 60);

		l->size = 1 + (int32_t)rng_below(&rng, 30000);
		l->msgs = rng_below(&rng, 4) ? (int32_t)rng_below(&rng, 400) : 0;
		if (!rng_below(&rng, 50))
			share_leave(&f.set, &l->s);
		for (unsigned int i = 0; i < N; i++)
			if (!f.g[i].msgs)
				f.g[i].last = f.turn;
		turn(&f, msgs, 65536);
		assert_in_range(f.turn_msgs, 0, msgs + 1);
		assert_in_range(f.turn_bytes, 0, 65536 + 2 * 30000);
		for (unsigned int i = 0; i < N; i++)
			assert_in_range(f.turn + (f.g[i].msgs > 0) - f.g[i].last, 0, 3 * N);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals),	  cmocka_unit_test(test_flood_delays_by_a_quantum),
		cmocka_unit_test(test_cut_short), cmocka_unit_test(test_debt),
		cmocka_unit_test(test_priority),  cmocka_unit_test(test_no_inversion),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
