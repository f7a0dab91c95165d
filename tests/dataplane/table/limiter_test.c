// The limiter's table: who is refused and when, and above all who is not. All time is simulated.
#include "dataplane/table/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BURST = 256, LINES_LOG2 = 13, NOW = 1000 };

static const uint64_t secret[LIMITER_SECRETS] = {
    UINT64_C(0x1d872b41a90e55c3), UINT64_C(0xc2b2ae3d27d4eb4f), UINT64_C(0x27d4eb2f165667c5)};

static struct limiter *open_table(uint64_t random)
{
    struct limiter *limiter = malloc(sizeof *limiter);
    void *memory = aligned_alloc(64, limiter_len(LINES_LOG2));
    assert_true(limiter != NULL && memory != NULL);
    memset(memory, 0, limiter_len(LINES_LOG2));
    limiter_open(limiter, memory, LINES_LOG2);
    limiter_set_secret(limiter, secret, random);
    return limiter;
}

static void close_table(struct limiter *limiter)
{
    free(limiter->line);
    free(limiter);
}

static struct limiter_place place_of(const struct limiter *limiter, uint64_t network, uint64_t host)
{
    struct limiter_place place;
    limiter_find(limiter, network, host, &place);
    return place;
}

static struct limiter_place place_of_key(const struct limiter *limiter, uint64_t key)
{
    struct limiter_place place;
    limiter_find_key(limiter, key, &place);
    return place;
}

static enum limiter_verdict send(struct limiter *limiter, struct limiter_place place, uint32_t now)
{
    return limiter_charge(limiter, &place, limiter_price_of(BURST), now);
}

// Packets until the source has an account, that one included.
static unsigned enter(struct limiter *limiter, struct limiter_place place, uint32_t now)
{
    unsigned n = 0;
    while (send(limiter, place, now) == LIMITER_UNKNOWN)
        n++;
    return n; // the next one found it
}

// Packets that are still admitted.
static unsigned exhaust(struct limiter *limiter, struct limiter_place place, uint32_t now)
{
    unsigned n = 0;
    while (send(limiter, place, now) != LIMITER_OVER)
        n++;
    return n;
}

static void one_source_gets_its_burst_and_its_rate(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(1);
    const struct limiter_place place = place_of_key(limiter, 7);
    enter(limiter, place,
          NOW); // two packets are charged then: that which made it, that which found it
    assert_int_equal(exhaust(limiter, place, NOW), BURST - 2);
    assert_int_equal(exhaust(limiter, place, NOW), 0);

    enum { STEPS = 6400 };
    unsigned n = 0;
    for (uint32_t step = 1; step <= STEPS; step++)
        n += exhaust(limiter, place, NOW + step);
    const unsigned steady = STEPS * BURST / LIMITER_STEPS;
    assert_in_range(n, steady * 97 / 100, steady * 103 / 100);
    close_table(limiter);
}

static void an_elephant_is_held_soon(void **state)
{
    (void)state;
    enum { SOURCES = 4000, SOON = 71 };
    struct limiter *limiter = open_table(2);
    uint64_t sum = 0;
    unsigned late = 0;
    for (uint64_t i = 0; i < SOURCES; i++) {
        const unsigned n = enter(limiter, place_of(limiter, i, 1), (uint32_t)(NOW + 16 * i));
        sum += n;
        late += n > SOON;
    }
    assert_in_range(sum, 14 * SOURCES, 18 * SOURCES);
    assert_in_range(late, 0, SOURCES / 50);
    close_table(limiter);
}

// 10 M/s of random sources, 64/s a host: a step is 1/16 s. One host of each family of addresses
// sends once a step beside them, which is 16/s.
static void a_flood_of_random_sources_refuses_nobody(void **state)
{
    (void)state;
    enum { PACKETS = 4000000, A_STEP = 625000 };
    struct limiter *limiter = open_table(3);
    uint64_t random = 5;
    uint32_t now = NOW;
    unsigned refused = 0;
    for (unsigned i = 0; i < PACKETS; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        now += i % A_STEP == 0;
        if (send(limiter, place_of(limiter, random >> 40, random >> 32 & 0xff), now) ==
            LIMITER_OVER)
            refused++;
    }
    assert_int_equal(refused, 0);
    // A new source finds its line full of other sources, and still has its whole burst.
    for (uint64_t i = 0; i < 100; i++) {
        const struct limiter_place place = place_of(limiter, UINT64_C(1) << 63 | i, 1);
        enter(limiter, place, now);
        assert_true(exhaust(limiter, place, now) >= BURST - 2);
    }
    close_table(limiter);
}

static void a_new_account_does_not_pay_for_the_one_it_replaces(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(4);
    struct limiter_place place[LIMITER_HOST_ACCOUNTS + 1];
    for (unsigned i = 0; i <= LIMITER_HOST_ACCOUNTS; i++) {
        place[i] = place_of_key(limiter, i);
        place[i].line = limiter->line;
        place[i].host = (uint16_t)(i + 1);
    }
    for (unsigned i = 0; i < LIMITER_HOST_ACCOUNTS; i++) {
        enter(limiter, place[i], NOW);
        exhaust(limiter, place[i], NOW); // all are at their limit
    }
    for (unsigned i = 0; i < LIMITER_HOST_ACCOUNTS; i++)
        assert_int_equal(send(limiter, place[i], NOW), LIMITER_OVER);
    enter(limiter, place[LIMITER_HOST_ACCOUNTS], NOW);
    assert_true(exhaust(limiter, place[LIMITER_HOST_ACCOUNTS], NOW) >= BURST - 2);
    assert_int_equal(send(limiter, place[LIMITER_HOST_ACCOUNTS], NOW), LIMITER_OVER);
    close_table(limiter);
}

// Its error decays, too: otherwise it would keep its account for ever.
static void an_inherited_load_decays(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(8);
    struct limiter_place place = place_of_key(limiter, 1);
    for (unsigned i = 0; i < LIMITER_ACCOUNTS; i++) {
        place.line->tag[i] = (uint16_t)(place.host ^ 1); // of another source
        place.line->spent[i] = LIMITER_FULL - 1;
    }
    place.line->stamp = NOW;
    enter(limiter, place, NOW);
    assert_int_equal(exhaust(limiter, place, NOW), BURST - 2);
    unsigned n = 0;
    for (uint32_t step = 1; step <= 10 * LIMITER_STEPS; step++)
        n += exhaust(limiter, place, NOW + step);
    assert_in_range(n, 10 * BURST * 97 / 100, 10 * BURST * 103 / 100);
    for (unsigned i = 0; i < LIMITER_ACCOUNTS; i++)
        assert_in_range(place.line->error[i], 0, LIMITER_FULL / 1000);
    close_table(limiter);
}

static void the_smallest_account_is_replaced(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(5);
    struct limiter_place heavy = place_of_key(limiter, 1);
    enter(limiter, heavy, NOW);
    exhaust(limiter, heavy, NOW);
    for (uint64_t i = 2; i < 100; i++) { // all of that line
        struct limiter_place place = place_of_key(limiter, i);
        place.line = heavy.line;
        if (place.host != heavy.host)
            enter(limiter, place, NOW);
    }
    assert_int_equal(send(limiter, heavy, NOW), LIMITER_OVER);
    close_table(limiter);
}

// 4 s to 1/e: a step is 1/16 s. The step's number wraps in between.
static void loads_decay_over_any_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t steps;
        unsigned least, most; // packets admitted again, of BURST
    } cases[] = {
        {1, 3, 5},
        {LIMITER_STEPS / 2, 98, 104},
        {LIMITER_STEPS, 158, 165},
        {3 * LIMITER_STEPS + 17, 240, 249},
        {9 * LIMITER_STEPS, 255, 256},
        {11 * LIMITER_STEPS, BURST, BURST},
        {16 * 3600 * 12, BURST, BURST}, // 12 hours
        {UINT32_MAX, BURST, BURST},     // eight years; or the operator has changed the rate
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct limiter *limiter = open_table(6 + i);
        const struct limiter_place place = place_of_key(limiter, 7);
        const uint32_t start = UINT32_MAX - 20;
        enter(limiter, place, start);
        exhaust(limiter, place, start);
        assert_in_range(exhaust(limiter, place, start + cases[i].steps), cases[i].least,
                        cases[i].most);
        close_table(limiter);
    }
}

// Small loads must not vanish just because their line is touched in each step.
static void frequent_decay_is_right_in_the_mean(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(20);
    const struct limiter_place place = place_of_key(limiter, 7);
    enter(limiter, place, NOW);
    exhaust(limiter, place, NOW);
    uint32_t now = NOW;
    for (unsigned i = 0; i < 2 * LIMITER_STEPS; i++) { // another source of that line
        struct limiter_place other = place;
        other.host ^= 1;
        send(limiter, other, ++now);
    }
    assert_in_range(exhaust(limiter, place, now), BURST * 84 / 100, BURST * 89 / 100);
    close_table(limiter);
}

static void a_network_has_a_limit_of_its_own(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(30);
    unsigned n = 0;
    bool host_over = false;
    for (unsigned round = 0; round < 200; round++) // 50 packets of each host of the network
        for (unsigned host = 0; host < 200; host++) {
            if (send(limiter, place_of(limiter, 77, host), NOW) == LIMITER_OVER)
                host_over = true;
            else
                n++;
        }
    assert_true(host_over);
    assert_in_range(n, LIMITER_HOSTS * BURST * 98 / 100, LIMITER_HOSTS * BURST * 103 / 100);
    // Another network is not touched by that, nor is a host of the same number in it.
    assert_int_not_equal(send(limiter, place_of(limiter, 78, 5), NOW), LIMITER_OVER);
    close_table(limiter);
}

static void a_host_over_its_limit_leaves_its_network_alone(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(31);
    const struct limiter_place bad = place_of(limiter, 77, 1);
    const struct limiter_place good = place_of(limiter, 77, 2);
    assert_int_not_equal(bad.host, good.host);
    assert_ptr_equal(bad.line, good.line);
    for (unsigned i = 0; i < 100000; i++)
        send(limiter, bad, NOW);
    assert_int_equal(send(limiter, bad, NOW), LIMITER_OVER);
    for (unsigned i = 0; i < BURST / 2; i++)
        assert_int_not_equal(send(limiter, good, NOW), LIMITER_OVER);
    close_table(limiter);
}

static void other_secrets_choose_other_places(void **state)
{
    (void)state;
    struct limiter *limiter = open_table(40);
    unsigned same_line = 0;
    struct limiter_place before[64];
    for (uint64_t i = 0; i < 64; i++)
        before[i] = place_of(limiter, i, 0);
    limiter_set_secret(limiter, (uint64_t[]){secret[0] ^ 1, secret[1], secret[2]}, 1);
    for (uint64_t i = 0; i < 64; i++)
        same_line += place_of(limiter, i, 0).line == before[i].line;
    assert_in_range(same_line, 0, 2);
    close_table(limiter);
}

// Hashes of neighbours: each line has its share, and tags are as good as random.
static void places_are_spread(void **state)
{
    (void)state;
    enum { KEYS = 80000, LINES = 1 << LINES_LOG2 };
    struct limiter *limiter = open_table(41);
    static unsigned n[LINES];
    unsigned most = 0, equal_tags = 0, last = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        const struct limiter_place place = place_of(limiter, i << 8, i);
        const unsigned line = (unsigned)(place.line - limiter->line);
        n[line]++;
        most = n[line] > most ? n[line] : most;
        equal_tags += place.host == last;
        last = place.host;
        assert_true(place.network != 0);
    }
    assert_in_range(most, 10, 35); // the mean is 9.8
    assert_in_range(equal_tags, 0, 8);
    close_table(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_gets_its_burst_and_its_rate),
        cmocka_unit_test(an_elephant_is_held_soon),
        cmocka_unit_test(a_flood_of_random_sources_refuses_nobody),
        cmocka_unit_test(a_new_account_does_not_pay_for_the_one_it_replaces),
        cmocka_unit_test(an_inherited_load_decays),
        cmocka_unit_test(the_smallest_account_is_replaced),
        cmocka_unit_test(loads_decay_over_any_time),
        cmocka_unit_test(frequent_decay_is_right_in_the_mean),
        cmocka_unit_test(a_network_has_a_limit_of_its_own),
        cmocka_unit_test(a_host_over_its_limit_leaves_its_network_alone),
        cmocka_unit_test(other_secrets_choose_other_places),
        cmocka_unit_test(places_are_spread),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
