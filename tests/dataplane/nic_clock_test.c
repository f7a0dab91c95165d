// The clock of a port's device as a line: a clock that runs evenly has one, a step, a stop and a
// jump of its rate end it at the next reading, and it comes back by itself.
#include "dataplane/nic_clock.h"

#include "base/ntp_time.h"
#include "board/stamp_line.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#define TICKS_PER_NS 2.6

static struct world {
    struct board_port port;
    struct nic_clock nic;
    struct stamp_line_view view;
    struct clock_word word;
    double now_ns;   // true time
    double clock_ns; // the device's, from 10^18 on
    double rate;     // of the device's clock, to the true time
} w;

static int nothing(void *self, struct time_sample *sample)
{
    (void)self;
    (void)sample;
    return -EIO;
}

static const struct port_clock clock_of_test = {.name = "a clock", .read = nothing};

static int open(void **unused)
{
    (void)unused;
    w = (struct world){.rate = 1.0001};
    nic_clock_open(&w.nic, &clock_of_test, &w.port);
    return 0;
}

static void pass(double ns)
{
    w.now_ns += ns;
    w.clock_ns += ns * w.rate;
}

static bool has_line(void)
{
    stamp_line_refresh(&w.port.own_clock, &w.view);
    return w.view.line.until != 0;
}

// A reading that takes 300 ns, every 50 ms.
static void read_once(void)
{
    pass(CLOCK_READER_MS * 1e6);
    w.word.n++;
    w.word.fault = 0;
    w.word.sample = (struct time_sample){
        .tsc = (uint64_t)(1e12 + w.now_ns * TICKS_PER_NS),
        .width = (uint64_t)(300 * TICKS_PER_NS),
        .ns = 1000000000000000000 + (int64_t)w.clock_ns,
    };
    nic_clock_take(&w.nic, &w.word);
}

static void read_n(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        read_once();
}

// How far the published line is from the device's clock now.
static double error_ns(void)
{
    const struct stamp_line *line = &w.view.line;
    const double ticks = 1e12 + w.now_ns * TICKS_PER_NS - (double)line->tsc_base;
    const double rate = (double)line->rate / (double)(UINT64_C(1) << STAMP_RATE_SHIFT);
    return ticks / rate - (w.clock_ns - (double)(int64_t)(line->stamp_base - 1000000000000000000));
}

static void an_even_clock_has_a_line(void **unused)
{
    (void)unused;
    read_n(TIME_FIT_FRESH - 1);
    assert_false(has_line());
    read_n(100);
    assert_true(has_line());
    assert_true(w.view.line.bound_ns <= 155); // half of what one reading says
    assert_true(error_ns() < w.view.line.bound_ns && error_ns() > -(double)w.view.line.bound_ns);
}

static void expect_an_end(void)
{
    read_n(2); // 100 ms
    assert_false(has_line());
}

static void expect_a_return(void)
{
    read_n(TIME_FIT_FRESH);
    assert_true(has_line());
    assert_true(error_ns() < 1000 && error_ns() > -1000);
}

static void a_step_ends_it(void **unused)
{
    (void)unused;
    static const double steps[] = {1000, -1000, 37e9, -37e9, -1e18};
    read_n(100);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        w.clock_ns += steps[i];
        expect_an_end();
        expect_a_return();
        read_n(100);
    }
}

static void a_clock_that_stands_still_has_none(void **unused)
{
    (void)unused;
    read_n(100);
    w.rate = 0;
    expect_an_end();
    read_n(100);
    assert_false(has_line());
    w.rate = 0.9999;
    expect_a_return();
}

static void a_jump_of_the_rate_ends_it(void **unused)
{
    (void)unused;
    read_n(100);
    w.rate = 0.9999; // 10 us in 50 ms
    expect_an_end();
    expect_a_return();
}

static void what_cannot_be_read_ends_by_its_age(void **unused)
{
    (void)unused;
    read_n(100);
    assert_true(has_line());
    const uint64_t until = w.view.line.until;
    for (unsigned i = 0; i < 50; i++) {
        pass(CLOCK_READER_MS * 1e6);
        w.word.fault = -EIO;
        nic_clock_take(&w.nic, &w.word);
    }
    assert_true(has_line());
    assert_int_equal(w.view.line.until, until);
    assert_true((double)until < 1e12 + w.now_ns * TICKS_PER_NS);
    read_n(2);
    assert_true(has_line() && w.view.line.until > until);
}

// A predecessor's line is void at once, and at the end, too.
static void nobody_reads_nobody_believes(void **unused)
{
    (void)unused;
    read_n(100);
    nic_clock_close(&w.nic);
    assert_false(has_line());
    read_n(100);
    nic_clock_open(&w.nic, &clock_of_test, &w.port);
    assert_false(has_line());
}

static int count(void *self, struct time_sample *sample)
{
    *sample = (struct time_sample){.tsc = ++*(uint64_t *)self};
    return 0;
}

static void a_thread_reads_it(void **unused)
{
    (void)unused;
    uint64_t n = 0;
    const struct port_clock clock = {.name = "counted", .self = &n, .read = count};
    nic_clock_open(&w.nic, &clock, &w.port);
    assert_int_equal(nic_clock_start(&w.nic), 0);
    while (w.nic.n < 3) {
        nic_clock_turn(&w.nic);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    nic_clock_close(&w.nic);
    assert_true(n >= 3);
}

// What a device promises is held against what comes.
static void count_requests(uint64_t stamped, uint64_t hardware, uint64_t believed)
{
    atomic_fetch_add(&w.port.stamped, stamped);
    atomic_fetch_add(&w.port.hardware, hardware);
    atomic_fetch_add(&w.port.believed, believed);
    nic_clock_turn(&w.nic);
}

static void stamps_are_looked_for(void **unused)
{
    (void)unused;
    read_n(100);
    count_requests(99, 0, 0); // too few to say anything
    assert_false(w.nic.said_none);
    count_requests(1, 0, 0);
    assert_true(w.nic.said_none && !w.nic.said_good && !w.nic.strange);
    count_requests(50, 50, 20);
    assert_true(w.nic.said_good);
}

static void stamps_of_another_clock_are_noticed(void **unused)
{
    (void)unused;
    count_requests(200, 200, 0); // it has no line yet
    assert_false(w.nic.strange || w.nic.said_none);
    read_n(100);
    count_requests(200, 200, 0);
    assert_true(w.nic.strange && !w.nic.said_good && !w.nic.said_none);
    count_requests(200, 200, 199);
    assert_true(w.nic.said_good && !w.nic.strange);
}

// What a dataplane that has died counted is nothing that its successor has seen.
static void a_predecessors_counts_are_none(void **unused)
{
    (void)unused;
    atomic_store(&w.port.stamped, 5000);
    atomic_store(&w.port.hardware, 5000);
    nic_clock_open(&w.nic, &clock_of_test, &w.port);
    read_n(100);
    nic_clock_turn(&w.nic);
    atomic_store(&w.port.stamped, 40);
    atomic_store(&w.port.hardware, 40);
    nic_clock_turn(&w.nic);
    assert_false(w.nic.strange || w.nic.said_none || w.nic.said_good);
    count_requests(200, 200, 0);
    assert_true(w.nic.strange);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_even_clock_has_a_line, open),
        cmocka_unit_test_setup(a_step_ends_it, open),
        cmocka_unit_test_setup(a_clock_that_stands_still_has_none, open),
        cmocka_unit_test_setup(a_jump_of_the_rate_ends_it, open),
        cmocka_unit_test_setup(what_cannot_be_read_ends_by_its_age, open),
        cmocka_unit_test_setup(nobody_reads_nobody_believes, open),
        cmocka_unit_test_setup(stamps_are_looked_for, open),
        cmocka_unit_test_setup(stamps_of_another_clock_are_noticed, open),
        cmocka_unit_test_setup(a_predecessors_counts_are_none, open),
        cmocka_unit_test_setup(a_thread_reads_it, open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
