// The whole engine over a path of memory: what it sends, keeps and measures while the server is
// honest, and what it does when replies, cookies or the path are missing.
#include "tests/perf/load/lab.h"

#include "base/now.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NTSN = 0x4e54534e, AT_A_COOKIE = 48 + 36 + 24 + 16 + 20 };

static uint64_t unsent(const struct lab *lab)
{
    return tally_sum(&lab->flow[0].tally, TALLY_OF_UNSENT);
}

static unsigned cookies_in_jars(const struct lab *lab)
{
    unsigned n = 0;
    for (uint32_t c = 0; c < lab->clients.n; c++)
        n += lab->clients.client[c].n_cookies;
    return n;
}

static void all_is_answered(const struct lab *lab)
{
    assert_true(lab_count(lab, TALLY_SENT) > 0);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
    assert_int_equal(tally_sum(&lab->load.stray, TALLY_OF_WRONG), 0);
}

static void an_honest_server(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 4, 100);
    lab_run(lab, 20000, 200, 200);
    const struct tally *t = &lab->flow[0].tally;
    all_is_answered(lab);
    assert_int_equal(lab_count(lab, TALLY_SENT), lab->n_nts);
    assert_int_equal(lab_count(lab, TALLY_VERIFIED), lab->n_nts);
    assert_int_equal(lab_count(lab, TALLY_COOKIES), lab->n_nts);
    assert_int_equal(lab->n_placeholders, 0); // nothing was missing
    assert_int_equal(cookies_in_jars(lab), 64 * CLIENT_JAR);
    assert_int_equal(t->latency.n, lab->n_nts);
    assert_int_equal(t->processing.n, lab->n_nts);
    assert_true(t->processing.min >= 940 && t->processing.max <= 960); // 4096 units of 2^-32 s
    assert_int_equal(spread_n(&t->offset), lab->n_nts);
    int64_t offset = spread_quantile(&t->offset, 0.5);
    assert_true(offset > -1000000 && offset < 1000000);
    assert_true(lab->load.self.span_ns >= 199000000);
    assert_true(lab->load.self.idle_ns <= lab->load.self.span_ns);
    for (uint32_t c = 0; c < 64; c++)
        assert_int_equal(lab->clients.client[c].in_flight, 0);
    lab_close(lab);
}

static void a_bunch_leaves_in_one_piece(void **state)
{
    (void)state;
    static const unsigned sizes[] = {2, 5, 48, 64};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct lab *lab = lab_open(128, 1, 0);
        lab->load.plan.bunch = sizes[i];
        lab_run(lab, 200000, 50, 200); // several are due within what is prepared at once
        assert_true(lab_count(lab, TALLY_SENT) > 0);
        assert_int_equal(unsent(lab), 0);
        assert_int_equal(lab->n_split, 0);
        assert_int_equal(lab->n_requests % sizes[i], 0);
        lab_close(lab);
    }
}

// A server on our clock, whose replies take 100 us.
static struct lab *same_clock_lab(uint32_t cookie_len)
{
    struct lab *lab = lab_open(64, 4, cookie_len);
    lab->load.plan.same_clock = true;
    lab->delay_ns = 100000;
    return lab;
}

static void time_on_the_same_clock(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct lab *lab = same_clock_lab(i % 2 ? 100 : 0);
        lab->stamps_twice = i > 1; // of a request that was sent again the first one counts
        lab_run(lab, 5000, 200, 200);
        const struct same_clock *s = &lab->load.same_clock;
        all_is_answered(lab);
        assert_int_equal(s->judged, lab->n_requests);
        assert_int_equal(s->unjudged, 0);
        assert_int_equal(s->broken, 0);
        assert_int_equal(spread_n(&s->receive), s->judged);
        assert_true(spread_min(&s->receive) >= 0 && spread_max(&s->transmit) <= 0);
        lab_close(lab);
    }
}

static void what_has_no_stamp_is_not_judged(void **state)
{
    (void)state;
    struct lab *lab = same_clock_lab(100);
    lab->lose_stamps = 3;
    lab_run(lab, 5000, 200, 200);
    const struct same_clock *s = &lab->load.same_clock;
    assert_int_equal(s->unjudged, lab->n_requests / 3);
    assert_int_equal(s->judged + s->unjudged, lab_count(lab, TALLY_ANSWERED));
    lab_close(lab);

    lab = same_clock_lab(100);
    lab->lose_arrivals = true;
    lab_run(lab, 5000, 100, 200);
    assert_int_equal(lab->load.same_clock.judged, 0);
    assert_int_equal(lab->load.same_clock.unjudged, lab_count(lab, TALLY_ANSWERED));
    lab_close(lab);

    lab = same_clock_lab(0);
    lab->load.plan.interleaved = true;
    lab->grants_interleaved = true;
    lab_run(lab, 5000, 100, 200);
    s = &lab->load.same_clock;
    assert_true(lab_count(lab, TALLY_INTERLEAVED) > 0);
    assert_int_equal(s->unjudged, lab_count(lab, TALLY_INTERLEAVED));
    assert_int_equal(s->judged + s->unjudged, lab_count(lab, TALLY_ANSWERED));
    assert_int_equal(s->broken, 0);
    lab_close(lab);
}

static void lies_about_the_time_are_found(void **state)
{
    (void)state;
    static const struct {
        enum lie lie;
        enum same_clock_error error;
    } lies[] = {{LIE_EARLY, SAME_CLOCK_RECEIVE},
                {LIE_AHEAD, SAME_CLOCK_TRANSMIT},
                {LIE_BACKWARDS, SAME_CLOCK_ORDER}};
    for (unsigned i = 0; i < 6; i++) {
        struct lab *lab = same_clock_lab(i % 2 ? 100 : 0);
        lab->lie = lies[i / 2].lie;
        lab->every = 7;
        lab_run(lab, 5000, 200, 200);
        const struct same_clock *s = &lab->load.same_clock;
        enum same_clock_error error = lies[i / 2].error;
        assert_true(lab->n_lies > 0);
        assert_int_equal(s->judged, lab->n_requests);
        assert_int_equal(s->errors[error], lab->n_lies);
        assert_int_equal(s->broken, lab->n_lies);
        assert_int_equal(s->uncovered, lab->n_lies);
        assert_int_equal(s->worst, error);
        bool wrong = error == SAME_CLOCK_ORDER; // by its own timestamps
        assert_int_equal(s->beyond_half_delay, wrong ? 0 : lab->n_lies);
        assert_int_equal(lab_count(lab, TALLY_WRONG_TIME), wrong ? lab->n_lies : 0);
        lab_close(lab);
    }
}

static void rows_add_up(void **state)
{
    (void)state;
    struct lab *lab = lab_open(16, 1, 0);
    lab_run(lab, 2000, 2300, 200);
    unsigned n = atomic_load(&lab->load.rows);
    uint64_t sent = 0, answered = 0;
    double span = 0;
    for (unsigned i = 0; i < n; i++) {
        sent += lab->row[i].sent;
        answered += lab->row[i].answered;
        span += lab->row[i].span_s;
        assert_true(lab->row[i].p50 > 0 && lab->row[i].p99 >= lab->row[i].p50);
    }
    assert_int_equal(n, 3);
    assert_int_equal(sent, lab_count(lab, TALLY_SENT));
    assert_int_equal(answered, lab_count(lab, TALLY_ANSWERED));
    assert_true(span > 2.2 && span < 2.4);
    lab_close(lab);
}

static void other_shapes_of_honesty(void **state)
{
    (void)state;
    static const uint32_t lens[] = {16, 64, 100, 104, 164};
    for (unsigned i = 0; i < sizeof lens / sizeof *lens; i++)
        for (unsigned nonce = 16; nonce <= 24; nonce += 8) {
            struct lab *lab = lab_open(32, 2, lens[i]);
            lab->load.plan.placeholders = nonce > 16; // room for a longer nonce (NTS-5)
            lab->load.plan.poisson = true;
            lab->nonce_len = nonce;
            lab->cookies_max = 1;
            lab_run(lab, 5000, 40, 100);
            all_is_answered(lab);
            assert_int_equal(lab_count(lab, TALLY_VERIFIED), lab->n_nts);
            lab_close(lab);
        }
}

static void placeholders(void **state)
{
    (void)state;
    for (int n = 0; n < CLIENT_JAR; n++) {
        struct lab *lab = lab_open(32, 2, 100);
        lab->load.plan.placeholders = n;
        lab_run(lab, 5000, 40, 100);
        all_is_answered(lab);
        assert_int_equal(lab->n_placeholders, (unsigned)n * lab->n_nts);
        assert_int_equal(lab_count(lab, TALLY_COOKIES), lab->n_nts); // a jar holds eight
        assert_int_equal(cookies_in_jars(lab), 32 * CLIENT_JAR);
        lab_close(lab);
    }
}

static void a_sample_is_verified(void **state)
{
    (void)state;
    static const uint32_t samples[] = {1, 2, 3, 7, 64, 1000, 1000000};
    for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct lab *lab = lab_open(64, 1, 100);
        lab->load.plan.verify = samples[i];
        lab_run(lab, 20000, 60, 100);
        all_is_answered(lab);
        assert_int_equal(lab_count(lab, TALLY_VERIFIED), lab->n_nts / samples[i]);
        assert_int_equal(lab_count(lab, TALLY_COOKIES), lab->n_nts);
        lab_close(lab);
    }
}

static void cookies_may_be_reused(void **state)
{
    (void)state;
    struct lab *lab = lab_open(8, 1, 100);
    lab->clients.reuse = true;
    lab->lie = LIE_SILENCE;
    lab_run(lab, 5000, 100, 20);
    assert_int_equal(lab->n_twice, lab->n_nts - 8); // each client's first one for ever
    assert_int_equal(cookies_in_jars(lab), 8 * CLIENT_JAR);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab->n_nts - lab->n_lies);
    lab_close(lab);
}

static void interleaved(void **state)
{
    (void)state;
    for (unsigned granted = 0; granted < 2; granted++) {
        struct lab *lab = lab_open(16, 2, 0);
        lab->load.plan.interleaved = true;
        lab->grants_interleaved = granted;
        lab_run(lab, 5000, 100, 100);
        all_is_answered(lab);
        // All but those that left before their client's first reply had come.
        assert_in_range(lab->n_asked_interleaved, lab->n_plain / 2, lab->n_plain - 16);
        assert_int_equal(lab_count(lab, TALLY_INTERLEAVED), granted ? lab->n_asked_interleaved : 0);
        // Its timestamps are of two exchanges.
        assert_int_equal(lab->flow[0].tally.processing.n,
                         lab_count(lab, TALLY_ANSWERED) - lab_count(lab, TALLY_INTERLEAVED));
        lab_close(lab);
    }
}

// An interleaved reply to who did not ask for one: that origin was never sent.
static void interleaved_unasked(void **state)
{
    (void)state;
    for (unsigned nts = 0; nts < 2; nts++) {
        struct lab *lab = lab_open(4096 / 64, 2, nts ? 100 : 0);
        lab->load.plan.interleaved = true;
        lab->lie = LIE_FLIP;
        lab->octet = 24 + 2; // of the origin: bit 40
        lab->every = 1;
        lab->until = 64;
        lab_run(lab, 5000, 100, 20);
        assert_int_equal(lab->n_lies, 64);
        assert_int_equal(lab->load.stray.count[TALLY_WRONG_ORIGIN], 64);
        assert_int_equal(lab_count(lab, TALLY_LOST), 64);
        lab_close(lab);
    }
}

static void a_narrow_path(void **state)
{
    (void)state;
    static const unsigned takes[] = {1, 5, 32, 63};
    for (unsigned i = 0; i < sizeof takes / sizeof *takes; i++) {
        struct lab *lab = lab_open(64, 3, 100);
        lab->take = takes[i];
        lab_run(lab, 20000, 60, 100);
        all_is_answered(lab);
        assert_int_equal(lab_count(lab, TALLY_UNSENT_PATH), 0);
        lab_close(lab);
    }
}

// Coordinated omission: what was due while the path stood still counts from when it was due.
static void a_path_that_stands_still(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 3, 100);
    lab->shut_ns = 20000000;
    lab->open_ns = 80000000;
    lab_run(lab, 10000, 200, 1000);
    const struct histogram *latency = &lab->flow[0].tally.latency;
    all_is_answered(lab);
    assert_int_equal(unsent(lab), 0); // 60 ms can be made up for
    assert_true(latency->max >= 59000000);
    // 60 of 200 ms, evenly: a quarter of all waited for 10 ms and more.
    assert_true(histogram_quantile(latency, 0.77) >= 9000000);
    assert_true(histogram_quantile(latency, 0.9) >= 38000000);
    assert_true(lab->load.self.sent_late >= 550);
    lab_close(lab);
}

static void a_path_that_stands_still_for_long(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 3, 100);
    lab->shut_ns = 20000000;
    lab->open_ns = 270000000;
    lab_run(lab, 10000, 400, 1000);
    all_is_answered(lab);
    assert_true(lab_count(lab, TALLY_UNSENT_BEHIND) > 1000); // and none is lost
    assert_int_equal(lab_count(lab, TALLY_UNSENT_PATH), 0);
    lab_close(lab);
}

static void the_stop(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 1, 100);
    lab->lie = LIE_SILENCE;
    lab->every = 1;
    lab->stop_at = 200;
    lab_run(lab, 20000, 10000, 5000);
    assert_true(lab->n_after_stop <= 1); // it ends within the turn
    assert_in_range(lab_count(lab, TALLY_SENT), 200, 200 + LANES);
    assert_int_equal(lab_count(lab, TALLY_OPEN), lab_count(lab, TALLY_SENT));
    assert_int_equal(lab_count(lab, TALLY_LOST), 0);
    assert_int_equal(unsent(lab), 0); // what was not due yet is not missing
    assert_true(lab->load.self.span_ns < 5000000000);
    lab_close(lab);
}

static const struct client_variant *fast;
static uint64_t slow_ns;

static void slow_seal(struct client_lanes *s, lane_set which)
{
    uint64_t from = now_ns();
    while (now_ns() < from + 600000) // not so long that it is a stall
        ;
    slow_ns += now_ns() - from;
    fast->seal(s, which);
}

// Making requests is no idleness, whether they leave in the same turn or not.
static void idleness(void **state)
{
    (void)state;
    struct client_variant slow = *client_variant_named(AEAD_SIV_CMAC_256, "auto");
    fast = client_variant_named(AEAD_SIV_CMAC_256, "auto");
    slow.seal = slow_seal;
    slow_ns = 0;
    struct lab *lab = lab_open(64, 1, 100);
    lab->load.crypto = &slow;
    lab_run(lab, 600, 500, 100);
    all_is_answered(lab);
    assert_true(slow_ns > 100000000);
    assert_true(lab->load.self.idle_ns <= lab->load.self.span_ns - slow_ns);
    lab_close(lab);
}

// Everything at once: each request still ends once (lab_run looks).
static void a_mixture(void **state)
{
    (void)state;
    static const enum lie lies[] = {LIE_AGAIN,     LIE_SILENCE,   LIE_LATE,
                                    LIE_KISS,      LIE_FLIP,      LIE_AGAIN_LATER,
                                    LIE_NO_COOKIE, LIE_WRONG_KEY, LIE_ASTRAY};
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct lab *lab = lab_open(64, 1 + i % 3, 100);
        for (enum flow_kind k = FLOW_PLAIN; k < FLOW_FLOOD; k++)
            if (k != FLOW_REPLAY)
                lab_flow(lab, k, 0.2 + k % 3);
        lab->lie = lab->path.n_endpoints == 1 && lies[i] == LIE_ASTRAY ? LIE_NONE : lies[i];
        lab->kiss = i % 2 ? NTSN : 0x52415445;
        lab->octet = AT_A_COOKIE;
        lab->load.plan.poisson = true;
        lab->load.plan.interleaved = lab->grants_interleaved = true;
        lab->load.plan.storm_ns = 60000000;
        lab->load.plan.verify = 1 + i % 2;
        lab->supply_room = 40;
        lab->supply_ns = 2000000;
        lab->delay_ns = 1000000;
        lab_run(lab, 10000, 150, 20);
        assert_int_equal(lab->n_requested_twice, 0);
        lab_close(lab);
    }
}

static void elephants_are_ten_clients(void **state)
{
    (void)state;
    struct lab *lab = lab_open(100, 4, 0);
    lab->flow[0].kind = FLOW_ELEPHANT;
    lab_run(lab, 5000, 100, 200);
    all_is_answered(lab);
    for (uint32_t c = 0; c < 100; c++)
        assert_int_equal(lab->clients.client[c].server_receive != 0, c % 10 == 0);
    lab_close(lab);
    // There may be fewer clients than elephants.
    lab = lab_open(3, 1, 0);
    lab->flow[0].kind = FLOW_ELEPHANT;
    lab_run(lab, 5000, 50, 200);
    all_is_answered(lab);
    lab_close(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_server),
        cmocka_unit_test(elephants_are_ten_clients),
        cmocka_unit_test(a_bunch_leaves_in_one_piece),
        cmocka_unit_test(time_on_the_same_clock),
        cmocka_unit_test(what_has_no_stamp_is_not_judged),
        cmocka_unit_test(lies_about_the_time_are_found),
        cmocka_unit_test(rows_add_up),
        cmocka_unit_test(other_shapes_of_honesty),
        cmocka_unit_test(placeholders),
        cmocka_unit_test(a_sample_is_verified),
        cmocka_unit_test(cookies_may_be_reused),
        cmocka_unit_test(interleaved),
        cmocka_unit_test(interleaved_unasked),
        cmocka_unit_test(a_narrow_path),
        cmocka_unit_test(a_path_that_stands_still),
        cmocka_unit_test(a_path_that_stands_still_for_long),
        cmocka_unit_test(the_stop),
        cmocka_unit_test(idleness),
        cmocka_unit_test(a_mixture),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
