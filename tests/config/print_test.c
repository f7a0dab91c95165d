// Printing: the text of --show-config, and of the children's memfd, loads to the same
// configuration.
#include "config/config.h"
#include "config/schema.h"
#include "tests/config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(config_print(config, out), 0);
    fclose(out);
    return text;
}

// claims: does the text make those claims that do not go with `source: chronyd`?
static void round_trip(const char *text, bool claims)
{
    struct config *first = NULL, *second = NULL;
    struct config_error error;

    assert_int_equal(load_text(text, &first, &error), 0);
    char *one = printed(first);
    if (load_text(one, &second, &error) != 0)
        fail_msg("%s in:\n%s", error.text, one);
    char *two = printed(second);
    assert_string_equal(one, two);
    assert_int_equal(first->time.reference_id_word, second->time.reference_id_word);
    for (size_t i = 0; i < schema_n; i++) // nothing is left out
        if (!schema[i].alternative && (claims || !schema[i].has_unless))
            assert_non_null(strstr(
                one, schema[i].path + (strrchr(schema[i].path, '.') == NULL
                                           ? 0
                                           : strrchr(schema[i].path, '.') - schema[i].path + 1)));
    free(one);
    free(two);
    config_free(first);
    config_free(second);
}

static void what_is_printed_loads_again(void **state)
{
    (void)state;
    round_trip(VALID, true);
    round_trip(VALID_PORTS VALID_CONTROL
               "time: {source: chronyd, hook: /a b, on_unhealthy: silent}\n",
               false);
    round_trip("dataplane:\n"
               "  cores: [3, 5]\n"
               "  allow: [192.0.2.0/24, '2001:db8::/32']\n"
               "  deny: [192.0.2.7, '2001:db8::1', '::/1']\n"
               "  ports:\n"
               "    - {interface: 'a:#\"\\b', addresses: [192.0.2.1, '2001:db8::1']}\n"
               "    - {vdev: 'net_x,a=\"b c\",d=\\e # f', addresses: [198.51.100.7]}\n"
               "control:\n"
               "  listen: ['127.0.0.1:4461', '[::1]:4461']\n"
               "  deadline: 1500ms\n"
               "  certificates:\n"
               "    - {chain: '/a: b', key: /a/k}\n"
               "    - {chain: '/\"', key: '/\\'}\n"
               "keys: {rotate: 90s}\n"
               "time: {source: fixed, stratum: 1, reference_id: '\"\\'}\n",
               true);
}

static void a_device_is_a_part_of_its_source(void **state)
{
    (void)state;
    round_trip(VALID "  source: 'phc:/dev/ptp0'\n  phc_accuracy: 1500ns\n  phc_limit: 20us\n",
               true);
    struct config *config = NULL;
    struct config_error error;
    assert_int_equal(
        load_text(VALID "  source: phc:/dev/ptp0\n  phc_accuracy: 1500ns\n", &config, &error), 0);
    char *text = printed(config);
    assert_non_null(strstr(text, "source: \"phc:/dev/ptp0\"\n"));
    assert_non_null(strstr(text, "phc_accuracy: 1500ns\n"));
    assert_non_null(strstr(text, "phc_limit: 1ms\n"));
    free(text);
    config_free(config);
}

static void units_are_the_largest_that_fit(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_error error;
    assert_int_equal(load_text(VALID "keys: {rotate: 5400s}\n", &config, &error), 0);
    char *text = printed(config);
    assert_non_null(strstr(text, "rotate: 90m\n"));
    assert_non_null(strstr(text, "deadline: 5s\n"));
    free(text);
    config_free(config);
}

// The longest lists with the longest prefixes: what is printed is longer than what was read.
static void the_longest_lists_load_again(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    fputs(VALID_PORTS, out);
    for (unsigned list = 0; list < 2; list++) {
        fputs(list == 0 ? "  allow: [" : "  deny: [", out);
        for (unsigned i = 0; i < CONFIG_PREFIXES_MAX; i++)
            fprintf(out, "%s2001:1db8:1db8:1db8:1db8:1db8:1db8:%04x", i == 0 ? "" : ",",
                    0x1000 + i);
        fputs("]\n", out);
    }
    fputs(VALID_CONTROL VALID_TIME, out);
    fclose(out);
    round_trip(text, true);
    free(text);
}

// The manual and the messages need a line of help and an allowed range for every row.
static void every_row_explains_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_n; i++) {
        char allowed[512] = "";
        schema_allowed(&schema[i], allowed, sizeof allowed);
        assert_true(strlen(allowed) > 0 && strlen(allowed) < 160);
        assert_true(strlen(schema[i].help) > 0);
        assert_false(schema[i].required && schema[i].fallback != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_loads_again),
        cmocka_unit_test(a_device_is_a_part_of_its_source),
        cmocka_unit_test(units_are_the_largest_that_fit),
        cmocka_unit_test(the_longest_lists_load_again),
        cmocka_unit_test(every_row_explains_itself),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config/print", tests, NULL, NULL);
}
