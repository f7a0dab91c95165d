// The jars: oldest cookie first, each spent once, and the counts of clients that are ready, over
// random operations, compared with a simple model.
#include "perf/load/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 5, LEN = 100 };

static struct clients clients;

// Cookies are numbers, so that each is known.
struct model {
    uint32_t jar[CLIENT_JAR];
    unsigned n;
} model[N];

static uint32_t last_cookie;

static const uint8_t *new_cookie(uint8_t at[LEN])
{
    memset(at, 0x55, LEN);
    last_cookie++;
    memcpy(at, &last_cookie, sizeof last_cookie);
    memcpy(at + LEN - 4, &last_cookie, sizeof last_cookie);
    return at;
}

static uint32_t number_of(const uint8_t *cookie)
{
    uint32_t first, last;
    memcpy(&first, cookie, 4);
    memcpy(&last, cookie + LEN - 4, 4);
    assert_int_equal(first, last);
    return first;
}

static void keep(uint32_t c)
{
    uint8_t cookie[LEN];
    bool room = model[c].n < CLIENT_JAR;
    assert_int_equal(clients_keep(&clients, c, new_cookie(cookie)), room);
    if (room)
        model[c].jar[model[c].n++] = last_cookie;
}

static void spend(uint32_t c)
{
    assert_int_equal(number_of(clients_cookie(&clients, c)), model[c].jar[0]);
    const uint8_t *octets = clients_cookie(&clients, c);
    clients_spend(&clients, c);
    assert_int_equal(number_of(octets), model[c].jar[0]); // they stay where they are
    memmove(model[c].jar, model[c].jar + 1, (CLIENT_JAR - 1) * sizeof *model[c].jar);
    model[c].n--;
}

static void equip(uint32_t c, unsigned n)
{
    uint8_t cookies[CLIENT_JAR + 2][LEN], keys[2][AEAD_KEY_MAX];
    const uint8_t *at[CLIENT_JAR + 2];
    memset(keys[0], (int)c + 1, AEAD_KEY_MAX);
    memset(keys[1], (int)c + 101, AEAD_KEY_MAX);
    uint8_t epoch = clients.client[c].epoch;
    clients.client[c].renewing = true;
    clients.client[c].in_flight = 3;
    model[c].n = 0;
    for (unsigned i = 0; i < n; i++) {
        at[i] = new_cookie(cookies[i]);
        if (i < CLIENT_JAR)
            model[c].jar[model[c].n++] = last_cookie;
    }
    clients_equip(&clients, c, keys[0], keys[1], at, n);
    const struct client *client = &clients.client[c];
    assert_memory_equal(client->c2s, keys[0], AEAD_KEY_MAX);
    assert_memory_equal(client->s2c, keys[1], AEAD_KEY_MAX);
    assert_int_equal(client->epoch, (uint8_t)(epoch + 1));
    assert_false(client->renewing);
    assert_int_equal(client->in_flight, 0);
}

static void check_counts(void)
{
    uint32_t ready = 0;
    for (uint32_t c = 0; c < N; c++) {
        assert_int_equal(clients.client[c].n_cookies, model[c].n);
        ready += model[c].n > 0;
    }
    assert_int_equal(clients.n_ready, ready);
}

static void random_operations(void **state)
{
    (void)state;
    memset(model, 0, sizeof model);
    assert_int_equal(clients_open(&clients, N, LEN, false), 0);
    static uint8_t spent[4000000];
    for (unsigned step = 0; step < 200000; step++) {
        uint32_t c = (uint32_t)rand() % N;
        unsigned what = (unsigned)rand() % 64;
        if (what < 26) {
            keep(c);
        } else if (what == 62) {
            equip(c, (unsigned)rand() % (CLIENT_JAR + 3));
        } else if (what == 63) {
            clients_empty(&clients, c);
            model[c].n = 0;
        } else if (clients.n_ready == 0) {
            assert_false(clients_turn_with_cookie(&clients, &c));
        } else {
            assert_true(clients_turn_with_cookie(&clients, &c));
            assert_true(model[c].n > 0);
            uint32_t number = model[c].jar[0];
            spend(c);
            assert_int_equal(spent[number]++, 0);
        }
        check_counts();
    }
    clients_close(&clients);
    assert_null(clients.client);
}

static void turns_are_fair(void **state)
{
    (void)state;
    memset(model, 0, sizeof model);
    assert_int_equal(clients_open(&clients, N, LEN, false), 0);
    for (uint32_t i = 0; i < 3 * N; i++)
        assert_int_equal(clients_turn(&clients), i % N);
    equip(1, 8);
    equip(3, 8);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t c;
        assert_true(clients_turn_with_cookie(&clients, &c));
        assert_int_equal(c, i % 2 ? 3 : 1);
        spend(c);
    }
    clients_close(&clients);
}

static void a_cookie_that_is_reused_stays(void **state)
{
    (void)state;
    memset(model, 0, sizeof model);
    assert_int_equal(clients_open(&clients, N, LEN, true), 0);
    equip(2, 3);
    uint32_t first = model[2].jar[0];
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(number_of(clients_cookie(&clients, 2)), first);
        clients_spend(&clients, 2);
    }
    check_counts();
    clients_close(&clients);
}

// What a jar lacks when one cookie has been spent, and other requests may bring one each.
static void lack(void **state)
{
    (void)state;
    memset(model, 0, sizeof model);
    assert_int_equal(clients_open(&clients, N, LEN, false), 0);
    for (unsigned in_jar = 0; in_jar <= CLIENT_JAR; in_jar++)
        for (unsigned others = 0; others <= UINT8_MAX; others++) {
            equip(0, in_jar);
            clients.client[0].in_flight = (uint8_t)others;
            unsigned there = in_jar + others + 1; // this request's own
            assert_int_equal(clients_lack(&clients, 0),
                             there < CLIENT_JAR ? CLIENT_JAR - there : 0);
        }
    clients_close(&clients);
}

static void clients_without_cookies(void **state)
{
    (void)state;
    uint32_t c;
    assert_int_equal(clients_open(&clients, 3, 0, false), 0);
    assert_false(clients_turn_with_cookie(&clients, &c));
    assert_int_equal(clients_turn(&clients), 0);
    assert_int_equal(clients_turn(&clients), 1);
    clients_empty(&clients, 1);
    assert_int_equal(clients.n_ready, 0);
    clients_close(&clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(turns_are_fair),
        cmocka_unit_test(a_cookie_that_is_reused_stays),
        cmocka_unit_test(lack),
        cmocka_unit_test(clients_without_cookies),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
