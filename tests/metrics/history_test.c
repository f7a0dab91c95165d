// The last hour for the status page: a point every ten seconds, an hour and no more.
#include "base/now.h"
#include "metrics/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct board_facts facts;
static struct board_dataplane dataplane;
static struct board_ke ke;
static struct board_metrics exporter;
static struct board_etcd etcd = {.starts = 1};
static const struct exposition_sources sources = {
    .facts = &facts, .dataplane = &dataplane, .ke = &ke, .metrics = &exporter, .etcd = &etcd};
static const uint64_t step = HISTORY_STEP_S * 1000 * (uint64_t)NOW_NS_PER_MS, begin = 1000;

static void expect(const struct history *history, const char *part, bool is_there)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    history_write(history, out);
    fclose(out);
    if ((strstr(text, part) != NULL) != is_there)
        fail_msg("%s: %s in %.400s", part, is_there ? "is not" : "is", text);
    free(text);
}

static void set_frames(uint64_t core_0, uint64_t core_1)
{
    atomic_store(&dataplane.core[0].frames_received, core_0);
    atomic_store(&dataplane.core[1].frames_received, core_1);
}

static void points_are_sums_of_their_time(void **state)
{
    (void)state;
    struct history *h = history_make();
    atomic_store(&dataplane.n_cores, 2);
    set_frames(1, 2);
    assert_int_equal(history_turn(h, &sources, begin), begin + step);
    expect(h, "\"points\":1,", true);
    expect(h, "\"frames_received\":[3]", true);
    set_frames(10, 20);
    assert_int_equal(history_turn(h, &sources, begin + step - 1), begin + step); // not due
    expect(h, "\"frames_received\":[3]", true);
    assert_int_equal(history_turn(h, &sources, begin + step + 5), begin + 2 * step);
    expect(h, "\"frames_received\":[3,30]", true);
    expect(h, "dropped_runt", false); // always 0
    expect(h, "\"error_bound_ns\":[null,null]", true);

    const struct control_facts known = {.error_bound_ns = 17, .source_offset_ns = -4};
    snapshot_publish(&facts.facts, &known, sizeof known);
    // A pause of the machine: the points go on from here.
    assert_int_equal(history_turn(h, &sources, begin + 90 * step), begin + 91 * step);
    expect(h, "\"error_bound_ns\":[null,null,17]", true);
    expect(h, "\"noonmark_clock_source_offset_seconds\":[null,null,-4]", true);
    free(h);
}

static void an_hour_is_kept(void **state)
{
    (void)state;
    struct history *h = history_make();
    for (unsigned i = 0; i < HISTORY_POINTS + 3; i++) {
        set_frames(5000 + i, 0);
        history_turn(h, &sources, begin + i * step);
    }
    expect(h, "\"points\":361,", true);
    expect(h, "\"frames_received\":[5003,5004,", true);
    expect(h, ",5362,5363]", true);
    free(h);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_sums_of_their_time),
        cmocka_unit_test(an_hour_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
