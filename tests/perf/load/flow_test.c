// The choice between flows: over any stretch each has its share, but for a request or two.
#include "perf/load/flow.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PICKS = 20000 };

static struct flow flow[FLOWS_MAX];
static unsigned so_far[PICKS + 1][FLOWS_MAX];

static void pick_all(const double *weight, unsigned n)
{
    memset(flow, 0, sizeof flow);
    for (unsigned i = 0; i < n; i++)
        flow[i].weight = weight[i];
    memset(so_far[0], 0, sizeof so_far[0]);
    for (unsigned p = 0; p < PICKS; p++) {
        unsigned picked = flow_pick(flow, n);
        assert_true(picked < n);
        memcpy(so_far[p + 1], so_far[p], sizeof so_far[p]);
        so_far[p + 1][picked]++;
    }
}

static void shares_hold_over_any_stretch(void **state)
{
    (void)state;
    static const double weights[][8] = {
        {1},
        {1, 1},
        {3, 1},
        {0.7, 0.2, 0.1},
        {1e6, 1, 1},
        {1e-3, 1e-3, 5e-3, 1e-3},
        {13, 7, 5, 3, 2, 1, 1, 1},
        {0.3333, 0.6667},
    };
    static const unsigned counts[] = {1, 2, 2, 3, 3, 4, 8, 2};
    for (unsigned w = 0; w < sizeof counts / sizeof *counts; w++) {
        unsigned n = counts[w];
        double total = 0;
        for (unsigned i = 0; i < n; i++)
            total += weights[w][i];
        pick_all(weights[w], n);
        for (unsigned stretch = 0; stretch < 20000; stretch++) {
            unsigned from = (unsigned)rand() % PICKS;
            unsigned to = from + (unsigned)rand() % (PICKS - from + 1);
            for (unsigned i = 0; i < n; i++) {
                double wanted = (to - from) * weights[w][i] / total;
                double got = so_far[to][i] - so_far[from][i];
                assert_true(fabs(got - wanted) <= 2.01 + n / 4.0);
            }
        }
    }
}

static void nothing_without_weight(void **state)
{
    (void)state;
    static const double weights[] = {0, 2, 0, 1, 0};
    pick_all(weights, 5);
    assert_int_equal(so_far[PICKS][0] + so_far[PICKS][2] + so_far[PICKS][4], 0);
}

static void the_table_says_what_flows_hope(void **state)
{
    (void)state;
    for (unsigned k = 0; k < FLOW_KINDS; k++) {
        assert_non_null(flow_rows[k].name);
        assert_non_null(flow_rows[k].text);
        assert_true(!flow_rows[k].honest || flow_rows[k].hope == HOPE_TIME);
        assert_true(flow_rows[k].hope != HOPE_NAK || flow_rows[k].nts);
    }
    assert_true((unsigned)FLOW_KINDS <= (unsigned)FLOWS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_hold_over_any_stretch),
        cmocka_unit_test(nothing_without_weight),
        cmocka_unit_test(the_table_says_what_flows_hope),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
