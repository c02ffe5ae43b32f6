/* SPDX-License-Identifier: BSD-3-Clause */
/* The timing wheel: never early, at most a tick late, in any distance, within its budget. */
#include "base/rng.h"
#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TICK  (1ull << WHEEL_TICK_SHIFT)
#define START (1000 * TICK + 12345)
#define ALL   1000000u

static struct wheel wheel;
static struct wheel_timer t[8];

static int setup(void **state)
{
	wheel_init(&wheel, START);
	for (unsigned int i = 0; i < 8; i++)
		wheel_timer_init(&t[i]);
	return 0;
}

/* Number of timers that fire up to @now; the last one in *@ret_last. */
static unsigned int fired(uint64_t now, struct wheel_timer **ret_last)
{
	unsigned int n = 0;
	struct wheel_timer *timer;

	wheel_advance(&wheel, now, ALL);
	for (; (timer = wheel_expired(&wheel)); n++)
		*ret_last = timer;
	return n;
}

static void test_nothing_armed(void **state)
{
	struct wheel_timer *last;

	assert_int_equal(wheel_next(&wheel), UINT64_MAX);
	assert_int_equal(fired(START + 1000000 * TICK, &last), 0);
	assert_false(wheel_armed(&t[0]));
}

static void test_fires_at_its_tick(void **state)
{
	struct wheel_timer *last = NULL;
	uint64_t deadline = START + 10 * TICK;
	uint64_t due = (deadline / TICK + 1) * TICK;

	wheel_arm(&wheel, &t[0], deadline);
	assert_true(wheel_armed(&t[0]));
	assert_int_equal(wheel.n_armed, 1);
	assert_int_equal(wheel_next(&wheel), due);
	assert_int_equal(fired(due - 1, &last), 0);
	assert_int_equal(fired(due, &last), 1);
	assert_ptr_equal(last, &t[0]);
	assert_false(wheel_armed(&t[0]));
	assert_int_equal(wheel.n_armed, 0);
	assert_int_equal(wheel_next(&wheel), UINT64_MAX);
}

static void test_deadline_on_a_tick_is_not_rounded(void **state)
{
	struct wheel_timer *last;

	wheel_arm(&wheel, &t[0], 1003 * TICK);
	assert_int_equal(fired(1003 * TICK - 1, &last), 0);
	assert_int_equal(fired(1003 * TICK, &last), 1);
}

static void test_past_deadline_fires_at_the_next_tick(void **state)
{
	struct wheel_timer *last;

	wheel_arm(&wheel, &t[0], 0);
	assert_null(wheel_expired(&wheel));
	assert_int_equal(fired(START, &last), 0);
	assert_int_equal(fired(1001 * TICK, &last), 1);
}

static void test_disarm(void **state)
{
	struct wheel_timer *last = NULL;

	wheel_arm(&wheel, &t[0], START + 5 * TICK);
	wheel_arm(&wheel, &t[1], START + 5 * TICK);
	wheel_arm(&wheel, &t[2], START + 5000 * TICK);
	wheel_disarm(&wheel, &t[0]);
	wheel_disarm(&wheel, &t[0]);
	wheel_disarm(&wheel, &t[2]);
	assert_int_equal(wheel.n_armed, 1);
	assert_int_equal(fired(START + 10000 * TICK, &last), 1);
	assert_ptr_equal(last, &t[1]);
}

/* The bit of a slot goes with its last timer: nobody is woken for nothing. */
static void test_disarm_clears_the_slot(void **state)
{
	wheel_arm(&wheel, &t[0], START + 5 * TICK);
	wheel_arm(&wheel, &t[1], START + 300 * TICK);
	wheel_disarm(&wheel, &t[0]);
	wheel_disarm(&wheel, &t[1]);
	assert_int_equal(wheel_next(&wheel), UINT64_MAX);
}

static void test_arm_again_moves(void **state)
{
	struct wheel_timer *last;

	wheel_arm(&wheel, &t[0], START + 5 * TICK);
	wheel_arm(&wheel, &t[0], START + 9 * TICK);
	assert_int_equal(wheel.n_armed, 1);
	assert_int_equal(fired(START + 8 * TICK, &last), 0);
	assert_int_equal(fired(START + 10 * TICK, &last), 1);
}

/* Fired, but not handed out: still ours to disarm. */
static void test_disarm_when_due(void **state)
{
	wheel_arm(&wheel, &t[0], START + TICK);
	wheel_advance(&wheel, START + 5 * TICK, ALL);
	assert_true(wheel_armed(&t[0]));
	assert_int_equal(wheel_next(&wheel), wheel.tick * TICK);
	wheel_disarm(&wheel, &t[0]);
	assert_null(wheel_expired(&wheel));
	assert_int_equal(wheel.n_armed, 0);
}

/* A handler that arms its timer for now comes back a tick later, not in the same loop. */
static void test_arm_in_handler(void **state)
{
	uint64_t now = START + 3 * TICK;
	struct wheel_timer *last;

	wheel_arm(&wheel, &t[0], START);
	wheel_advance(&wheel, now, ALL);
	assert_ptr_equal(wheel_expired(&wheel), &t[0]);
	wheel_arm(&wheel, &t[0], now);
	assert_null(wheel_expired(&wheel));
	assert_int_equal(fired(now, &last), 0);
	assert_int_equal(fired(now + TICK, &last), 1);
}

/* On each level's first and last distances, and around them, timers fire at their own tick. */
static void test_exact_at_every_level(void **state)
{
	for (unsigned int bits = 0; bits <= 29; bits++) {
		for (int d = -1; d <= 1; d++) {
			uint64_t ticks = (1ull << bits) + (uint64_t)(int64_t)d;
			uint64_t due = (1000 + ticks) * TICK;
			struct wheel_timer *last;

			if (!ticks)
				continue;
			setup(state);
			wheel_arm(&wheel, &t[0], due);
			assert_true(wheel_next(&wheel) <= due);
			assert_int_equal(fired(due - 1, &last), 0);
			assert_true(wheel_next(&wheel) == due);
			assert_int_equal(fired(due, &last), 1);
		}
	}
}

static void test_too_far_is_cut(void **state)
{
	struct wheel_timer *last;
	uint64_t max = (1ull << (WHEEL_LEVELS * WHEEL_SLOT_BITS)) - 1;

	wheel_arm(&wheel, &t[0], UINT64_MAX);
	assert_int_equal(fired((1000 + max) * TICK - 1, &last), 0);
	assert_int_equal(fired((1000 + max) * TICK, &last), 1);
}

/* The budget bounds a call; what is left comes in the next ones, and nothing is lost. */
static void test_budget_of_a_cascade(void **state)
{
	enum { N = 1000 };
	struct wheel_timer *many = calloc(N, sizeof(*many));
	unsigned int n = 0, calls = 0;

	for (unsigned int i = 0; i < N; i++) {
		wheel_timer_init(&many[i]);
		wheel_arm(&wheel, &many[i], 1088 * TICK);
	}
	while (n < N) {
		wheel_advance(&wheel, 1088 * TICK, 64);
		calls++;
		while (wheel_expired(&wheel))
			n++;
		assert_true(calls <= N / 64 + 2);
	}
	/* 1088 is a multiple of 64: one level to cascade, 64 at a time. */
	assert_int_equal(calls, N / 64 + 1);
	assert_int_equal(wheel.n_armed, 0);
	free(many);
}

static void test_zero_budget_moves_nothing(void **state)
{
	wheel_arm(&wheel, &t[0], START + TICK);
	wheel_advance(&wheel, START + 10 * TICK, 0);
	assert_null(wheel_expired(&wheel));
	wheel_advance(&wheel, START + 10 * TICK, 1);
	assert_ptr_equal(wheel_expired(&wheel), &t[0]);
}

/* Against a plain array: random arming, disarming, steps of time and small budgets. */
struct model {
	struct wheel_timer timer;
	uint64_t deadline; /* 0: not armed */
};

static void random_op(struct rng *rng, struct model *m, uint64_t now)
{
	if (rng_below(rng, 4) == 0) {
		wheel_disarm(&wheel, &m->timer);
		m->deadline = 0;
	} else {
		m->deadline = now + 1 + rng_next(rng) % (TICK << rng_below(rng, 20));
		wheel_arm(&wheel, &m->timer, m->deadline);
	}
}

static void test_against_a_model(void **state)
{
	enum { N = 500, STEPS = 20000 };
	struct model *models = calloc(N, sizeof(*models));
	struct rng rng = { 42 };
	uint64_t now = START;
	unsigned int n_fired = 0;

	for (unsigned int i = 0; i < N; i++)
		wheel_timer_init(&models[i].timer);
	for (unsigned int step = 0; step < STEPS; step++) {
		struct wheel_timer *timer;
		bool whole = step % 3 == 0;

		random_op(&rng, &models[rng_below(&rng, N)], now);
		now += rng_next(&rng) % (TICK << rng_below(&rng, 8));
		wheel_advance(&wheel, now, whole ? ALL : 3);
		while ((timer = wheel_expired(&wheel))) {
			struct model *m = container_of(timer, struct model, timer);

			assert_true(m->deadline && m->deadline <= now);
			m->deadline = 0;
			n_fired++;
		}
		for (unsigned int i = 0; whole && i < N; i++)
			assert_true(!models[i].deadline || models[i].deadline + TICK > now);
		assert_true(wheel_next(&wheel) == UINT64_MAX || wheel.n_armed);
	}
	assert_true(n_fired > STEPS / 10);
	free(models);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_armed, setup),
		cmocka_unit_test_setup(test_fires_at_its_tick, setup),
		cmocka_unit_test_setup(test_deadline_on_a_tick_is_not_rounded, setup),
		cmocka_unit_test_setup(test_past_deadline_fires_at_the_next_tick, setup),
		cmocka_unit_test_setup(test_disarm, setup),
		cmocka_unit_test_setup(test_disarm_clears_the_slot, setup),
		cmocka_unit_test_setup(test_arm_again_moves, setup),
		cmocka_unit_test_setup(test_disarm_when_due, setup),
		cmocka_unit_test_setup(test_arm_in_handler, setup),
		cmocka_unit_test_setup(test_exact_at_every_level, setup),
		cmocka_unit_test_setup(test_too_far_is_cut, setup),
		cmocka_unit_test_setup(test_budget_of_a_cascade, setup),
		cmocka_unit_test_setup(test_zero_budget_moves_nothing, setup),
		cmocka_unit_test_setup(test_against_a_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
