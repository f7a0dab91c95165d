// The command line: each option of each command with right and wrong values, options that exclude
// each other, and a help that lists exactly the existing options.
#include "perf/load/load.h"
#include "perf/options_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char said[16384];
static struct plan plan;

// In the type of argv. The options do not write to it.
static char *as_argument(const char *text)
{
    return (char *)(uintptr_t)text;
}

// Runs options_read with a stream caught in said.
static int read_caught(int stream, enum command command, int argc, char **argv)
{
    FILE *file = tmpfile();
    fflush(NULL);
    int kept = dup(stream);
    dup2(fileno(file), stream);
    int got = options_read(&plan, command, argc, argv);
    fflush(NULL);
    dup2(kept, stream);
    close(kept);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return got;
}

// words: options, separated by blanks, without the server.
static int read_words(enum command command, const char *words)
{
    static char copy[512];
    char *argv[32] = {as_argument(command_names[command])};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc++] = as_argument("192.168.0.1");
    return read_caught(STDERR_FILENO, command, argc, argv);
}

static int read_option(enum command command, const char *name, const char *value)
{
    char option[80];
    snprintf(option, sizeof option, "--%s", name);
    char *argv[] = {as_argument(command_names[command]), option, as_argument("192.168.0.1"), NULL,
                    NULL};
    if (value) {
        argv[2] = as_argument(value);
        argv[3] = as_argument("192.168.0.1");
    }
    return read_caught(STDERR_FILENO, command, value ? 4 : 3, argv);
}

// Values of a kind, right ones and wrong ones, each list ended by NULL.
struct values {
    const char *right[6];
    const char *wrong[12];
};

static const struct values values[] = {
    [RATE] = {{"5", "1.5M", "0.001", "1e9"},
              {"0", "-1", "nan", "1e400", "10x", "2e9", "0.0001", "1e308M", ""}},
    [WEIGHT] = {{"0", "5", "0.25"}, {"-1", "x", "inf", "nan", "1e308M", ""}},
    [SPAN] = {{"1ns", "10ms", "24h", "3"}, {"0", "-1s", "10x", "nan", "1e400", "0.1ns", ""}},
    [SHARE] = {{"0", "0.1%", "100%"}, {"101%", "-1%", "x", "1.1", "nan", ""}},
    [COUNT] = {{"1"}, {"-1", "1.5", "x", "nan", "1e400", "4294967297", ""}},
    [PORT] = {{"1", "65535"}, {"0", "65536", "x", "-1", "1.5", ""}},
    [TEXT] = {{"x", "-"}, {""}},
    [PREFIX] = {{"192.168.0.0/16", "fd00::/64", "10.0.0.1"}, {"10.0.0.0/33", "x", "1", ""}},
    [MAC] = {{"02:00:00:00:00:01"}, {"02:00:00:00:00", "-1:00:00:00:00:01", "x", ""}},
    [TAGS] = {{"0", "5", "4094", "5,6"},
              {"4095", "5,4095", "5,", ",5", "5,6,7", "5x", "5,6x", "-1", "4294967297", " 5", ""}},
    [ONE_IN] = {{"1/1", "1/1000"}, {"1/0", "2/3", "1", "1/1000001", "1/", "1/1.5", ""}},
    [JAR] = {{"0", "7", "auto"}, {"8", "-1", "Auto", "1.5", ""}},
    [STEPS] = {{"1:2:x2", "1:2:+1", "10k:10k:x1.5", "1:1M:+5k"},
               {"1:2", "1:2:3", "2:1:x2", "0:1:x2", "1:2:x1", "1:2:+0", "1:2:x2:3", "1:1e300:x2",
                "1:2:", "1:2:+nan", "1e-300:2:x2", ""}},
    [RAMP] = {{"1:2", "1M:1k"},
              {"1", "1:2:x2", "0:5", "5:0", "1:1e300", "1e-300:5", "1e308M:5", ":", ""}},
};

static bool has_values(enum option_kind kind)
{
    return kind < sizeof values / sizeof *values && values[kind].right[0];
}

static bool needs_port(const struct option_row *row)
{
    return strcmp(row->name, "spoof") == 0 || strcmp(row->name, "server-mac") == 0;
}

// Its values are the names of profiles, which profile_test.c has.
static bool is_profile(const struct option_row *row)
{
    return strcmp(row->name, "profile") == 0;
}

static void right_values_are_taken(void **state)
{
    (void)state;
    for (const struct option_row *row = option_rows; row->name; row++)
        for (enum command c = 0; c < COMMANDS; c++) {
            if (!option_is_of(row, c) || !has_values(row->kind) || is_profile(row))
                continue;
            const char *const *text = values[row->kind].right;
            for (; *text; text++) {
                // What another option has to stand beside.
                char words[160];
                snprintf(words, sizeof words, "--%s %s%s", row->name, *text,
                         needs_port(row) ? " --port x" : "");
                if (read_words(c, words) != OPTIONS_GO)
                    fail_msg("%s --%s %s: %s", command_names[c], row->name, *text, said);
                assert_string_equal(said, "");
                assert_string_equal(plan.server, "192.168.0.1");
                assert_int_equal(plan.command, c);
            }
        }
}

static void wrong_values_are_refused(void **state)
{
    (void)state;
    for (const struct option_row *row = option_rows; row->name; row++)
        for (enum command c = 0; c < COMMANDS; c++) {
            if (!option_is_of(row, c) || !has_values(row->kind))
                continue;
            for (const char *const *text = values[row->kind].wrong; *text; text++) {
                if (read_option(c, row->name, *text) != 2)
                    fail_msg("%s --%s '%s' is taken", command_names[c], row->name, *text);
                char option[80];
                snprintf(option, sizeof option, "--%s", row->name);
                assert_non_null(strstr(said, option)); // which one
                assert_non_null(strstr(said, "; "));   // and what to do
                assert_int_equal(strchr(said, '\n') - said, strlen(said) - 1);
            }
        }
}

static void counts_end_where_they_say(void **state)
{
    (void)state;
    for (const struct option_row *row = option_rows; row->name; row++)
        for (enum command c = 0; c < COMMANDS; c++) {
            if (!option_is_of(row, c) || row->kind != COUNT)
                continue;
            char text[4][32];
            snprintf(text[0], 32, "%.0f", row->low);
            snprintf(text[1], 32, "%.0f", row->high);
            snprintf(text[2], 32, "%.0f", row->low - 1);
            snprintf(text[3], 32, "%.0f", row->high + 1);
            for (unsigned i = 0; i < 4; i++)
                assert_int_equal(read_option(c, row->name, text[i]), i < 2 ? OPTIONS_GO : 2);
            assert_non_null(strstr(said, text[1])); // the advice has the limit
        }
}

// An option of another command, one without its value, one with a value that it does not take.
static void what_is_no_option(void **state)
{
    (void)state;
    for (const struct option_row *row = option_rows; row->name; row++)
        for (enum command c = 0; c < COMMANDS; c++) {
            char option[80];
            snprintf(option, sizeof option, "--%s", row->name);
            char *name = as_argument(command_names[c]);
            char *argv[] = {name, as_argument("host"), option, NULL};
            if (row->kind == HEADING || row->kind == HELP)
                continue;
            bool takes = row->argument != NULL && row->kind != OUTPUT;
            if (option_is_of(row, c) && !takes)
                continue;
            assert_int_equal(read_caught(STDERR_FILENO, c, 3, argv), 2);
            assert_non_null(strstr(said, option));
            assert_non_null(strstr(said, "; "));
        }
    static const char *const words[] = {"--quiet=5", "--nonsense", "--nonsense=5", "-x", "-xy"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        assert_int_equal(read_words(COMMAND_NTS, words[i]), 2);
        char start[16] = "";
        strncat(start, words[i], words[i][1] == '-' ? 7 : 2);
        assert_non_null(strstr(said, start));
    }
    assert_int_equal(read_words(COMMAND_NTS, "--quiet"), OPTIONS_GO); // nothing is left behind
}

static void exclusions(void **state)
{
    (void)state;
    static const struct {
        enum command command;
        const char *words;
        const char *named;
    } rows[] = {
        {COMMAND_NTS, "--search --step 1:2:x2", "--step"},
        {COMMAND_NTS, "--search --ramp 1:2", "--ramp"},
        {COMMAND_NTP, "--step 1:2:x2 --ramp 1:2", "--ramp"},
        {COMMAND_KE, "--search --step 1:2:x2", "--search"},
        {COMMAND_NTS, "--sockets --port x", "--port"},
        {COMMAND_NTS, "--step 1:1M:+1k", "--step"},
        {COMMAND_NTS, "--same-clock --port x", "--same-clock"},
        {COMMAND_NTS, "--server-mac 02:00:00:00:00:01", "--server-mac"},
        {COMMAND_MIX, "--flood 1 --spoof 10.0.0.0/8", "--spoof"},
        {COMMAND_NTS, "--ipv4 --ipv6", "--ipv6"},
        {COMMAND_NTS, "--json --csv", "--csv"},
        {COMMAND_NTS, "--json=", "--json"},
        {COMMAND_NTS, "--search --rate 2M --max-rate 1M", "--max-rate"},
        {COMMAND_NTS, "another.example", "SERVER"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_words(rows[i].command, rows[i].words) != 2)
            fail_msg("taken: %s", rows[i].words);
        assert_non_null(strstr(said, rows[i].named));
        assert_non_null(strstr(said, "; "));
    }
    assert_int_equal(read_words(COMMAND_NTS, "--json --csv=x"), OPTIONS_GO);
    assert_true(plan.json.wanted && !plan.json.file && plan.csv.wanted);
    assert_string_equal(plan.csv.file, "x");
    assert_int_equal(read_words(COMMAND_NTS, "--rate 2M --max-rate 1M"), OPTIONS_GO);
    char *alone[] = {as_argument("nts"), NULL};
    assert_int_equal(read_caught(STDERR_FILENO, COMMAND_NTS, 1, alone), 2);
    assert_non_null(strstr(said, "SERVER"));
}

static void servers(void **state)
{
    (void)state;
    static char long_name[400];
    memset(long_name, 'x', sizeof long_name - 1);
    static const char *const rows[][2] = {
        {"ntp.example", "ntp.example"},
        {"2001:db8::1", "2001:db8::1"},
        {"[::1]", "::1"},
        {"[]", "[]"},
        {"", NULL},
        {long_name, NULL},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *argv[] = {as_argument("nts"), as_argument(rows[i][0]), NULL};
        int got = read_caught(STDERR_FILENO, COMMAND_NTS, 2, argv);
        assert_int_equal(got, rows[i][1] ? OPTIONS_GO : 2);
        if (rows[i][1])
            assert_string_equal(plan.server, rows[i][1]);
    }
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(read_words(COMMAND_NTS, ""), OPTIONS_GO);
    assert_true(plan.rate == 100 && plan.loss > 1 && plan.p99_ns == 0);
    assert_true(plan.duration_ns == 10000000000 && plan.timeout_ns == 1000000000);
    assert_true(plan.verify == 1 && plan.placeholders == LOAD_AUTO && plan.clients == 64);
    assert_true(plan.core == -1 && plan.ke_port == 4460 && plan.udp_port == 0 && !plan.own_server);
    assert_true(plan.max_rate == 20e6 && plan.step.from == 0 && plan.ramp.from == 0);
    assert_string_equal(plan.crypto, "auto");
    assert_int_equal(plan.bunch, 1);
    assert_int_equal(read_words(COMMAND_NTP, "--bunch 64"), OPTIONS_GO);
    assert_int_equal(plan.bunch, 64);
    assert_true(!plan.same_clock);
    assert_int_equal(read_words(COMMAND_NTP, "--same-clock --sockets"), OPTIONS_GO);
    assert_true(plan.same_clock);
    assert_int_equal(read_words(COMMAND_KE, ""), OPTIONS_GO);
    assert_true(plan.rate == 20 && plan.timeout_ns == 5000000000 && plan.threads == 1);
    assert_int_equal(read_words(COMMAND_NTS, "--search"), OPTIONS_GO);
    assert_true(plan.rate == 1000 && plan.duration_ns == 2000000000 && plan.loss == 0.001);
    assert_int_equal(read_words(COMMAND_KE, "--search"), OPTIONS_GO);
    assert_true(plan.loss == 0.001 && plan.p99_ns == 500000000);
    assert_int_equal(read_words(COMMAND_KE, "--search --loss 1%"), OPTIONS_GO);
    assert_true(plan.loss == 0.01 && plan.p99_ns == 0);
    assert_int_equal(read_words(COMMAND_NTS, "--search --p99 1ms"), OPTIONS_GO);
    assert_true(plan.loss > 1);
    assert_int_equal(read_words(COMMAND_NTS, "--search --loss 0"), OPTIONS_GO);
    assert_true(plan.loss == 0);
    assert_int_equal(read_words(COMMAND_NTS, "--rate 100k"), OPTIONS_GO);
    assert_int_equal(plan.clients, 2000);
    assert_int_equal(read_words(COMMAND_NTS, "--rate 10M"), OPTIONS_GO);
    assert_int_equal(plan.clients, 4096);
    assert_int_equal(read_words(COMMAND_MIX, ""), OPTIONS_GO);
    assert_true(plan.weight[FLOW_NTS] == 1);
    assert_int_equal(read_words(COMMAND_MIX, "--plain 3"), OPTIONS_GO);
    assert_true(plan.weight[FLOW_NTS] == 0 && plan.weight[FLOW_PLAIN] == 3);
    assert_int_equal(read_words(COMMAND_NTS, "--vlan 5,6 --port x --server-mac 02:00:00:00:00:07"),
                     OPTIONS_GO);
    assert_true(plan.n_tags == 2 && plan.tag[0] == 5 && plan.tag[1] == 6);
    assert_true(plan.has_mac && plan.mac[5] == 7);
    assert_int_equal(read_words(COMMAND_NTS, "--step 1k:8k:x2"), OPTIONS_GO);
    assert_true(plan.step.from == 1000 && plan.step.to == 8000 && plan.step.factor == 2);
    assert_true(plan.step.add == 0 && plan.clients == 1024);
}

static void help_lists_what_there_is(void **state)
{
    (void)state;
    char *const asks[] = {as_argument("--help"), as_argument("-h")};
    for (enum command c = 0; c < COMMANDS; c++)
        for (unsigned a = 0; a < 2; a++) {
            char *argv[] = {as_argument(command_names[c]), asks[a], NULL};
            assert_int_equal(read_caught(STDOUT_FILENO, c, 2, argv), 0);
            for (const struct option_row *row = option_rows; row->name; row++) {
                char line[80];
                unsigned found = 0;
                snprintf(line, sizeof line, "\n  --%s", row->name);
                size_t len = strlen(line);
                for (const char *at = said; (at = strstr(at, line)); at++)
                    found += at[len] == ' ' || at[len] == '[';
                if (row->kind != HEADING)
                    assert_int_equal(found, option_is_of(row, c));
            }
            for (const char *at = said; *at; at += strcspn(at, "\n") + 1) // it fits a terminal
                assert_true(strcspn(at, "\n") <= 100);
        }
}

static void profiles(void **state)
{
    (void)state;
    assert_int_equal(read_words(COMMAND_MIX, "--profile public-2026.1"), OPTIONS_GO);
    assert_true(plan.weight[FLOW_PLAIN] > 65 && plan.weight[FLOW_ELEPHANT] > 12);
    assert_true(plan.poisson && plan.burst_factor > 3);
    assert_int_equal(read_words(COMMAND_MIX, "--profile publik-2026.1"), 2);
    assert_non_null(strstr(said, "did you mean public-2026.1?"));
    // A profile is one mix: nobody may change it under its name.
    assert_int_equal(read_words(COMMAND_MIX, "--profile public-2026.1 --nts 1"), 2);
    assert_int_equal(read_words(COMMAND_MIX, "--profile public-2026.1 --victim-rate 10"),
                     OPTIONS_GO);
}

static void a_mistyped_option_gets_a_suggestion(void **state)
{
    (void)state;
    assert_int_equal(read_words(COMMAND_NTS, "--serach"), 2);
    assert_non_null(strstr(said, "--serach: there is no such option"));
    assert_non_null(strstr(said, "did you mean --search?"));
    // Not an option of another command.
    assert_int_equal(read_words(COMMAND_NTP, "--unknwon-key 1"), 2);
    assert_null(strstr(said, "did you mean"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_values_are_taken),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(counts_end_where_they_say),
        cmocka_unit_test(what_is_no_option),
        cmocka_unit_test(exclusions),
        cmocka_unit_test(servers),
        cmocka_unit_test(defaults),
        cmocka_unit_test(help_lists_what_there_is),
        cmocka_unit_test(profiles),
        cmocka_unit_test(a_mistyped_option_gets_a_suggestion),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
