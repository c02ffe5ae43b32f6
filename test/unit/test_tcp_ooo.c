/* SPDX-License-Identifier: BSD-3-Clause */
/* Reassembly as a pure structure: by hand, and against a byte map with random segments. */
#include "tcp/tcp_ooo.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct item {
	struct item *next;
	uint32_t seq, len;
};

static void chain(void *a, void *b)
{
	((struct item *)a)->next = b;
}

/* Puts [seq, seq + len); the item, or NULL when nothing of it was kept. */
static struct item *put(struct tcp_ooo *o, struct item *it, uint32_t seq, uint32_t len)
{
	struct tcp_ooo_fit fit;

	if (!tcp_ooo_fit(o, seq, len, &fit) || !fit.len)
		return NULL;
	*it = (struct item){ .seq = seq + fit.skip, .len = fit.len };
	tcp_ooo_put(o, seq, &fit, it, 1 + fit.len % 3, chain);
	return it;
}

static void range_is(const struct tcp_ooo *o, uint32_t i, uint32_t start, uint32_t end)
{
	const struct item *it = o->r[i].head;
	uint32_t at = start, items = 0, cost = 0;

	assert_true(i < o->n);
	assert_int_equal(o->r[i].start, start);
	assert_int_equal(o->r[i].end, end);
	for (; it; it = it->next) {
		assert_int_equal(it->seq, at);
		at += it->len;
		items++;
		cost += 1 + it->len % 3;
		if (!it->next)
			assert_ptr_equal(it, o->r[i].tail);
	}
	assert_int_equal(at, end);
	assert_int_equal(o->r[i].items, items);
	assert_int_equal(o->r[i].cost, cost);
}

/* The first range that begins at or before @nxt, or NULL. */
static struct item *pop(struct tcp_ooo *o, uint32_t nxt, uint32_t *ret_end)
{
	struct tcp_ooo_range r;

	if (!tcp_ooo_pop(o, nxt, &r))
		return NULL;
	*ret_end = r.end;
	return r.head;
}

static void t_grow_and_join(void **state)
{
	struct item it[8];
	struct tcp_ooo o;

	tcp_ooo_init(&o);
	assert_non_null(put(&o, &it[0], 200, 50));
	assert_non_null(put(&o, &it[1], 250, 50)); /* behind */
	assert_non_null(put(&o, &it[2], 150, 50)); /* before */
	assert_int_equal(o.n, 1);
	range_is(&o, 0, 150, 300);
	assert_non_null(put(&o, &it[3], 400, 10));
	assert_int_equal(o.n, 2);
	assert_non_null(put(&o, &it[4], 300, 100)); /* closes the hole */
	assert_int_equal(o.n, 1);
	range_is(&o, 0, 150, 410);
}

static void t_overlap_is_cut(void **state)
{
	struct item it[8];
	struct tcp_ooo o;

	tcp_ooo_init(&o);
	put(&o, &it[0], 100, 100);
	assert_null(put(&o, &it[1], 120, 50));	    /* inside */
	assert_null(put(&o, &it[1], 100, 100));	    /* the same */
	assert_non_null(put(&o, &it[1], 150, 100)); /* its second half is new */
	assert_int_equal(it[1].seq, 200);
	assert_int_equal(it[1].len, 50);
	assert_non_null(put(&o, &it[2], 50, 400)); /* up to what is there; the rest comes again */
	assert_int_equal(it[2].seq, 50);
	assert_int_equal(it[2].len, 50);
	range_is(&o, 0, 50, 250);
}

static void t_pop(void **state)
{
	struct item it[8];
	struct tcp_ooo_range r;
	struct tcp_ooo o;
	uint32_t end;

	tcp_ooo_init(&o);
	put(&o, &it[0], 100, 10);
	put(&o, &it[1], 200, 10);
	assert_null(pop(&o, 99, &end));
	assert_ptr_equal(pop(&o, 100, &end), &it[0]);
	assert_int_equal(end, 110);
	assert_null(pop(&o, 110, &end));
	assert_ptr_equal(pop(&o, 500, &end), &it[1]); /* overtaken by in-order text */
	assert_int_equal(o.n, 0);
	assert_null(pop(&o, 1000, &end));
	put(&o, &it[0], 100, 10);
	assert_true(tcp_ooo_pop_last(&o, &r));
	assert_ptr_equal(r.head, &it[0]);
	assert_int_equal(r.items, 1);
	assert_int_equal(o.cost, 0);
	assert_false(tcp_ooo_pop_last(&o, &r));
}

static void t_wraps(void **state)
{
	struct item it[4];
	struct tcp_ooo o;
	uint32_t end;

	tcp_ooo_init(&o);
	put(&o, &it[0], 20, 10);
	put(&o, &it[1], UINT32_MAX - 9, 10);
	put(&o, &it[2], 0, 20);
	assert_int_equal(o.n, 1);
	range_is(&o, 0, UINT32_MAX - 9, 30);
	assert_ptr_equal(pop(&o, UINT32_MAX - 9, &end), &it[1]);
	assert_int_equal(end, 30);
}

static void t_bounded(void **state)
{
	static struct item it[TCP_OOO_RANGES + 2];
	struct tcp_ooo_fit fit;
	struct tcp_ooo o;

	tcp_ooo_init(&o);
	for (uint32_t i = 0; i < TCP_OOO_RANGES; i++)
		assert_non_null(put(&o, &it[i], 1000 + i * 20, 10));
	assert_int_equal(o.n, TCP_OOO_RANGES);
	assert_false(tcp_ooo_fit(&o, 5000, 10, &fit));
	/* What extends a range needs no further one. */
	assert_non_null(put(&o, &it[TCP_OOO_RANGES], 1010, 10));
	assert_int_equal(o.n, TCP_OOO_RANGES - 1);
	range_is(&o, 0, 1000, 1030);
}

#define SPAN 600u

/* Every byte is held once, in the place that its number says, and only bytes that were put in. */
static void check_against(const struct tcp_ooo *o, const bool *sent, uint32_t base)
{
	uint32_t cost = 0;

	for (uint32_t i = 0; i < o->n; i++) {
		range_is(o, i, o->r[i].start, o->r[i].end);
		cost += o->r[i].cost;
		if (i)
			assert_true(seq_gt(o->r[i].start, o->r[i - 1].end));
		for (uint32_t s = o->r[i].start; s != o->r[i].end; s++)
			assert_true(sent[s - base]);
	}
	assert_int_equal(o->cost, cost);
}

static void t_random(void **state)
{
	struct rng rng = { 7 };

	for (unsigned int round = 0; round < 2000; round++) {
		static struct item it[200];
		bool sent[SPAN + 64] = { false };
		uint32_t base = (uint32_t)rng_next(&rng), nxt = base, end;
		struct tcp_ooo o;

		tcp_ooo_init(&o);
		for (unsigned int i = 0; i < 60; i++) {
			uint32_t off = rng_below(&rng, SPAN), len = 1 + rng_below(&rng, 60);

			put(&o, &it[i], base + off, len);
			memset(&sent[off], true, len);
			check_against(&o, sent, base);
		}
		while (pop(&o, nxt, &end))
			nxt = seq_max(nxt, end) + rng_below(&rng, 30);
		check_against(&o, sent, base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_grow_and_join), cmocka_unit_test(t_overlap_is_cut),
		cmocka_unit_test(t_pop),	   cmocka_unit_test(t_wraps),
		cmocka_unit_test(t_bounded),	   cmocka_unit_test(t_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
