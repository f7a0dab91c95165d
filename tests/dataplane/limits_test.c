// The limits in a whole core: who is refused, who is not, and what is counted. Time stands still,
// so no account decays; what time does to them is in table/limiter_test.c.
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A source has an account after 71 packets in 99 of 100 cases; after 400 in all but 10^-11.
enum { BURST = 64, ENTERS_WITHIN = 400, KISSES = ADMIT_KISSES_A_SECOND / 10 };

static const struct admit_settings both = {
    .on = true, .plain = {16, BURST}, .session = {16, BURST}};

struct limited {
    struct rig *rig;
    struct admit admit;
    struct admit_tables *tables;
    struct limited_sources limited;
    struct policy policy;
    struct policy_place place;
};

static unsigned exchanges; // lanes that came to the crypto
static const struct exchange_variant *counted;

static lane_set count_run(struct exchange *x, lane_set which)
{
    exchanges += lane_count(which);
    return counted->run(x, which);
}

static bool always(void)
{
    return true;
}

static const struct exchange_variant counting = {"counting", always, count_run};

static struct limited *open_limited(struct admit_settings settings)
{
    struct limited *l = aligned_alloc(64, (sizeof *l + 63) / 64 * 64);
    assert_non_null(l);
    memset(l, 0, sizeof *l);
    l->rig = rig_open("auto", NULL);
    l->tables = aligned_alloc(64, sizeof *l->tables);
    assert_non_null(l->tables);
    memset(l->tables, 0, sizeof *l->tables);
    admit_open(&l->admit, l->tables, &l->limited);
    l->policy = (struct policy){.udp_port = 123, .limits = settings};
    atomic_store(&l->place.now, &l->policy);
    l->rig->core.is.policy = &l->place;
    l->rig->core.is.admit = &l->admit;
    policy_take(&l->place, &l->rig->core.policy);
    counted = l->rig->core.is.kernels.of[AEAD_SIV_CMAC_256];
    l->rig->core.work.kernels.of[AEAD_SIV_CMAC_256] = &counting;
    exchanges = 0;
    return l;
}

static void close_limited(struct limited *l)
{
    rig_close(l->rig);
    free(l->tables);
    free(l);
}

static struct frame_shape from(uint8_t network, uint8_t host)
{
    struct frame_shape shape = frame_default;
    shape.source[1] = network;
    shape.source[3] = host;
    return shape;
}

static uint8_t reply[PACKET_MAX];

static uint32_t ask(struct limited *l, const struct packet *ntp, struct frame_shape shape)
{
    return rig_ask_in(l->rig, &shape, ntp, reply);
}

static unsigned ask_often(struct limited *l, const struct packet *ntp, struct frame_shape shape,
                          unsigned n)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < n; i++)
        answered += ask(l, ntp, shape) != 0;
    return answered;
}

static struct client client_of(struct limited *l, uint32_t number)
{
    return client_new(number, &l->rig->ring.entry[l->rig->ring.current]);
}

static void a_host_gets_its_burst_and_no_more(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct packet ntp = packet_ntp(4, 3);
    const unsigned n = ask_often(l, &ntp, from(0, 1), 2000);
    assert_in_range(n, BURST, BURST + ENTERS_WITHIN);
    assert_int_equal(ask_often(l, &ntp, from(0, 1), 100), 0);
    assert_int_equal(rig_count(l->rig, DROPPED_PLAIN_LIMIT), 2100 - n);
    assert_int_equal(rig_count(l->rig, ANSWERED_PLAIN), n);
    assert_int_equal(ask_often(l, &ntp, from(0, 2), 10), 10); // of the same network
    assert_int_equal(ask_often(l, &ntp, from(9, 1), 10), 10); // of another
    close_limited(l);
}

static void lanes_of_one_burst_are_charged_each(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct packet ntp = packet_ntp(4, 3);
    const struct frame_shape shape = from(0, 1);
    const struct packet frame = frame_around(&shape, ntp.at, ntp.len);
    for (unsigned i = 0; i < 1024; i++)
        assert_true(memory_port_push(l->rig->port, frame.at, frame.len));
    for (unsigned i = 0; i < 1024 / LANES; i++)
        assert_true(core_turn(&l->rig->core));
    assert_in_range(rig_count(l->rig, ANSWERED_PLAIN), BURST, BURST + ENTERS_WITHIN);
    assert_true(rig_sums_agree(l->rig));
    close_limited(l);
}

static void a_share_leaks(void **state)
{
    (void)state;
    struct admit_settings settings = both;
    settings.leak = ADMIT_LEAK_ONE / 4;
    struct limited *l = open_limited(settings);
    const struct packet ntp = packet_ntp(4, 3);
    ask_often(l, &ntp, from(0, 1), 1000);
    const uint64_t before = l->rig->counters.leaked_plain;
    const unsigned n = ask_often(l, &ntp, from(0, 1), 4000);
    assert_in_range(n, 850, 1150);
    assert_int_equal(l->rig->counters.leaked_plain - before, n);
    close_limited(l);
}

// NTP-5, NTP-6: RFC 5905, section 7.4.
static void some_get_a_kiss(void **state)
{
    (void)state;
    struct admit_settings settings = both;
    settings.kod = true;
    struct limited *l = open_limited(settings);
    const struct packet ntp = packet_ntp(3, 3);
    const unsigned n = ask_often(l, &ntp, from(0, 1), 1000);
    assert_int_equal(rig_count(l->rig, ANSWERED_KISS), KISSES); // the budget
    assert_int_equal(n, rig_count(l->rig, ANSWERED_PLAIN) + KISSES);
    assert_int_equal(rig_count(l->rig, DROPPED_PLAIN_LIMIT), 1000 - n);

    l->admit.kisses.empty -= UINT64_MAX / 8; // much later
    assert_int_equal(ask(l, &ntp, from(0, 1)), ntp.len);
    assert_int_equal(reply[0], 3 << 6 | 3 << 3 | 4);
    assert_int_equal(reply[1], 0);
    assert_true((int8_t)reply[2] >= 6);
    assert_memory_equal(reply + 12, "RATE", 4);
    assert_memory_equal(reply + 24, ntp.at + 40, 8); // else the client does not believe it
    // A source below its limit gets none.
    assert_int_equal(ask(l, &ntp, from(0, 2)), ntp.len);
    assert_int_equal(reply[1], 1);
    close_limited(l);
}

// F22: the request of one session, from a million addresses.
static void a_replay_from_everywhere_is_one_session(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct client client = client_of(l, 1);
    const struct packet ntp = client_request(&client, &request_default);
    unsigned n = 0;
    for (unsigned i = 0; i < 4000; i++)
        n += ask(l, &ntp, from((uint8_t)(i >> 8), (uint8_t)(1 + i % 250))) != 0;
    assert_in_range(n, BURST, BURST + ENTERS_WITHIN);
    assert_int_equal(rig_count(l->rig, DROPPED_SESSION_LIMIT), 4000 - n);
    assert_int_equal(rig_count(l->rig, ANSWERED_NAK), 0);
    assert_int_equal(exchanges, n + 1); // from then on its cookie was hot: no crypto
    // No other client is refused, whatever its address is.
    const struct client other = client_of(l, 2);
    const struct packet good = client_request(&other, &request_default);
    assert_int_equal(ask_often(l, &good, from(0, 1), 10), 10);
    close_limited(l);
}

static void all_cookies_of_a_session_share_its_account(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    struct client client = client_of(l, 1);
    const struct packet first = client_request(&client, &request_default);
    uint8_t cookies[8][100];
    const uint32_t len = ask(l, &first, from(0, 1));
    assert_int_equal(client_open(&client, &first, reply, len, cookies), 1);
    ask_often(l, &first, from(0, 1), 1000);
    const unsigned before = exchanges;

    memcpy(client.cookie, cookies[0], 100);
    const struct packet second = client_request(&client, &request_default);
    assert_int_equal(ask_often(l, &second, from(0, 2), 3), 0);
    assert_int_equal(exchanges, before + 1);
    // A request of unusual shape is handled by other code, and is limited, too.
    struct request_shape shape = request_default;
    shape.nonce_len = 20;
    client = client_of(l, 1);
    ask(l, &first, from(0, 1));
    memcpy(client.cookie, cookies[0], 100);
    l->admit.hot = memset(l->admit.hot, 0, sizeof l->tables->hot);
    const struct packet third = client_request(&client, &shape);
    const uint64_t slow = l->rig->counters.slow_path;
    assert_int_equal(ask_often(l, &third, from(0, 3), 1), 0);
    assert_int_equal(l->rig->counters.slow_path, slow + 1);
    close_limited(l);
}

static void a_hot_cookie_cools_down(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct client client = client_of(l, 1);
    const struct packet ntp = client_request(&client, &request_default);
    ask_often(l, &ntp, from(0, 1), 1000);
    const unsigned before = exchanges;
    ask(l, &ntp, from(0, 1));
    assert_int_equal(exchanges, before);
    // As if the steps had gone by.
    for (unsigned i = 0; i < ADMIT_HOT; i++)
        l->admit.hot[i].until -= ADMIT_HOT_STEPS;
    ask(l, &ntp, from(0, 1));
    assert_int_equal(exchanges, before + 1);
    close_limited(l);
}

static void a_forged_address_does_not_stop_its_nts(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct packet plain = packet_ntp(4, 3);
    const struct client client = client_of(l, 1);
    const struct packet nts = client_request(&client, &request_default);
    ask_often(l, &plain, from(0, 1), 5000);
    assert_int_equal(ask_often(l, &plain, from(0, 1), 10), 0);
    assert_int_equal(ask_often(l, &nts, from(0, 1), BURST), BURST);
    close_limited(l);
}

static void naks_have_a_budget(void **state)
{
    (void)state;
    enum { A_SECOND = 1000, AT_ONCE = A_SECOND / 10, N = 20000 };
    struct limited *l = open_limited(
        (struct admit_settings){.on = true, .limits_naks = true, .naks_per_second = A_SECOND});
    const struct client client = client_of(l, 1);
    struct packet ntp = client_request(&client, &request_default);
    ntp.at[ntp.len - 1] ^= 1;
    const unsigned n = ask_often(l, &ntp, from(0, 1), N);
    assert_int_equal(n, AT_ONCE); // and no leak beyond it
    assert_int_equal(rig_count(l->rig, ANSWERED_NAK), n);
    assert_int_equal(rig_count(l->rig, DROPPED_NAK_LIMIT), N - n);
    // Genuine requests have no part in it.
    const struct packet good = client_request(&client, &request_default);
    assert_int_equal(ask_often(l, &good, from(0, 1), 10), 10);
    close_limited(l);
}

// One source cannot have the budget for itself.
static void a_host_above_its_limit_gets_few_naks(void **state)
{
    (void)state;
    struct admit_settings settings = both;
    settings.limits_naks = true;
    settings.naks_per_second = 1000000;
    struct limited *l = open_limited(settings);
    const struct client client = client_of(l, 1);
    struct packet ntp = client_request(&client, &request_default);
    ntp.at[ntp.len - 1] ^= 1;
    ask_often(l, &ntp, from(0, 1), 1000);
    const uint64_t leaked = l->rig->counters.leaked_nak;
    const unsigned n = ask_often(l, &ntp, from(0, 1), 1000);
    assert_int_equal(n, l->rig->counters.leaked_nak - leaked);
    assert_int_equal(ask_often(l, &ntp, from(0, 2), 10), 10);
    close_limited(l);
}

static void a_dry_run_only_counts(void **state)
{
    (void)state;
    struct admit_settings settings = both;
    settings.dry_run = settings.kod = settings.limits_naks = true;
    settings.naks_per_second = 1000;
    struct limited *l = open_limited(settings);
    const struct packet plain = packet_ntp(4, 3);
    const struct client client = client_of(l, 1);
    const struct packet nts = client_request(&client, &request_default);
    const struct client other = client_of(l, 2); // the cookie of the first one becomes hot
    struct packet bad = client_request(&other, &request_default);
    bad.at[bad.len - 1] ^= 1;
    assert_int_equal(ask_often(l, &plain, from(0, 1), 1000), 1000);
    assert_int_equal(ask_often(l, &nts, from(0, 1), 1000), 1000);
    assert_int_equal(ask_often(l, &bad, from(0, 1), 1000), 1000);
    const struct core_counters *counters = &l->rig->counters;
    assert_in_range(counters->dry_plain, 1000 - BURST - ENTERS_WITHIN, 1000 - BURST);
    assert_in_range(counters->dry_session, 1000 - BURST - ENTERS_WITHIN, 1000 - BURST);
    assert_in_range(counters->dry_nak, 800, 1000);
    assert_int_equal(counters->leaked_plain + counters->leaked_nak, 0);
    assert_int_equal(rig_count(l->rig, ANSWERED_KISS), 0);
    close_limited(l);
}

static struct frame_shape from_v6(uint8_t network, uint8_t subnet, uint8_t host)
{
    struct frame_shape shape = frame_default_v6;
    shape.source[5] = network; // the last octet of the /48
    shape.source[7] = subnet;  // the last one of the /64
    shape.source[15] = host;
    return shape;
}

static void a_host_of_ipv6_has_a_whole_64(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct packet ntp = packet_ntp(4, 3);
    unsigned n = 0;
    for (unsigned i = 0; i < 2000; i++)
        n += ask(l, &ntp, from_v6(1, 1, (uint8_t)i)) != 0;
    assert_in_range(n, BURST, BURST + ENTERS_WITHIN);
    assert_int_equal(ask_often(l, &ntp, from_v6(1, 1, 77), 100), 0);
    assert_int_equal(ask_often(l, &ntp, from_v6(1, 2, 77), 10), 10);
    assert_int_equal(ask_often(l, &ntp, from_v6(2, 1, 77), 10), 10);

    // A /48 may have as much as 32 of them.
    n = 0;
    for (unsigned i = 0; i < 100 * BURST; i++)
        n += ask(l, &ntp, from_v6(3, (uint8_t)i, 1)) != 0;
    assert_in_range(n, 30 * BURST, 32 * BURST + 32 * ENTERS_WITHIN / 2);
    assert_int_equal(ask_often(l, &ntp, from_v6(3, 255, 1), 100), 0);
    close_limited(l);
}

static void before_the_seed_nothing_is_limited(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    rng_init(&l->rig->core.rng);
    const struct packet ntp = packet_ntp(4, 3);
    assert_int_equal(ask_often(l, &ntp, from(0, 1), 1000), 1000);
    rig_seed(l->rig);
    assert_in_range(ask_often(l, &ntp, from(0, 1), 1000), BURST, BURST + ENTERS_WITHIN);
    close_limited(l);
}

static void nothing_that_names_a_session_stays(void **state)
{
    (void)state;
    struct limited *l = open_limited(both);
    const struct client client = client_of(l, 1);
    const struct packet ntp = client_request(&client, &request_default);
    static const uint8_t zeros[sizeof l->admit.sessions.name];
    assert_int_equal(ask_often(l, &ntp, from(0, 1), 1), 1);
    assert_memory_equal(l->admit.sessions.name, zeros, sizeof zeros);
    // A genuine cookie, and a request that is not: nobody is charged.
    struct packet forged = ntp;
    forged.at[forged.len - 1] ^= 1;
    assert_int_equal(ask_often(l, &forged, from(0, 1), 1), 1); // a NAK
    assert_int_equal(rig_count(l->rig, ANSWERED_NAK), 1);
    assert_memory_equal(l->admit.sessions.name, zeros, sizeof zeros);
    close_limited(l);
}

static void without_limits_nothing_is_touched(void **state)
{
    (void)state;
    struct limited *l = open_limited((struct admit_settings){0});
    const struct packet ntp = packet_ntp(4, 3);
    const struct client client = client_of(l, 1);
    const struct packet nts = client_request(&client, &request_default);
    assert_int_equal(ask_often(l, &ntp, from(0, 1), 1000), 1000);
    assert_int_equal(ask_often(l, &nts, from(0, 1), 1000), 1000);
    for (size_t i = 0; i < sizeof *l->tables; i++)
        assert_int_equal(((const uint8_t *)l->tables)[i], 0);
    close_limited(l);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_gets_its_burst_and_no_more),
        cmocka_unit_test(lanes_of_one_burst_are_charged_each),
        cmocka_unit_test(a_share_leaks),
        cmocka_unit_test(some_get_a_kiss),
        cmocka_unit_test(a_replay_from_everywhere_is_one_session),
        cmocka_unit_test(all_cookies_of_a_session_share_its_account),
        cmocka_unit_test(a_hot_cookie_cools_down),
        cmocka_unit_test(a_forged_address_does_not_stop_its_nts),
        cmocka_unit_test(naks_have_a_budget),
        cmocka_unit_test(a_host_above_its_limit_gets_few_naks),
        cmocka_unit_test(a_dry_run_only_counts),
        cmocka_unit_test(a_host_of_ipv6_has_a_whole_64),
        cmocka_unit_test(before_the_seed_nothing_is_limited),
        cmocka_unit_test(nothing_that_names_a_session_stays),
        cmocka_unit_test(without_limits_nothing_is_touched),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
