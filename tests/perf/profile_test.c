// The traffic profiles: each name means one text, and the text is read as it is written.
#include "perf/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

// Results are compared by these names. A profile whose text changes must get a new name: copy its
// file, raise the number, and add a row here. Never change a row.
static const struct {
    const char *name, *hash;
} released[] = {
    {"public-2026.1", "2a27679a0cbe4c72044b2ba95d4bc976b4ae4679dcb506c2e9cf2759975cb37d"},
};

static void a_name_means_one_text(void **state)
{
    (void)state;
    size_t n;
    const char *const *names = profile_names(&n);
    char hash[PROFILE_HASH_LEN];
    assert_int_equal(n, sizeof released / sizeof *released);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(names[i], released[i].name);
        assert_string_equal(profile_hash(names[i], hash), released[i].hash);
    }
    assert_string_equal(profile_hash("public", hash), "");
}

static void public_2026_1(void **state)
{
    (void)state;
    struct profile p;
    assert_true(profile_find("public-2026.1", &p));
    double sum = 0;
    for (unsigned i = 0; i < FLOW_KINDS; i++)
        sum += p.weight[i];
    assert_true(sum > 99.99 && sum < 100.01);
    assert_true(p.weight[FLOW_ELEPHANT] > 12.9 && p.weight[FLOW_ELEPHANT] < 13.1);
    assert_true(p.poisson);
    assert_true(p.burst_factor > 3.9 && p.burst_factor < 4.1);
    assert_true(p.burst_every_ns == UINT64_C(60000000000) && p.burst_len_ns == 1000000000);
    assert_false(profile_find("public-2026", &p));
}

static void wrong_texts(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "nts",           "nts x",          "ntz 3",    "burst 60s 1s",    "poisson 3",
        "burst 1s 1s 2", "burst 60s 0s 2", "nts 3\nx", "burst 60s 1s 0.5"};
    struct profile p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (profile_read(wrong[i], strlen(wrong[i]), &p))
            fail_msg("'%s' was read", wrong[i]);
    static const char right[] = "# x\n\nnts   3 # many\n  # y\nabout a b";
    assert_true(profile_read(right, sizeof right - 1, &p));
    assert_true(p.weight[FLOW_NTS] > 2.9 && p.burst_every_ns == 0 && !p.poisson);
    assert_string_equal(p.about, "a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_means_one_text),
        cmocka_unit_test(public_2026_1),
        cmocka_unit_test(wrong_texts),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
