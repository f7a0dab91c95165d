// noonmark.yaml(5) against the schema: it has each setting, and says of those that a reload
// changes, and of no others, that it does.
#include "config/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char manual[1 << 18];

static const char live[] = "A reload changes it.";

// Does a tag line (".B name", ".BR one \", \" two") have that word?
static bool has_word(const char *line, const char *word)
{
    const size_t len = strlen(word);
    const char *end = strchr(line, '\n');
    for (const char *at = line; (at = strstr(at, word)) != NULL && at < end; at++)
        if (strchr(" \"", at[-1]) != NULL && strchr(" \"\n", at[len]) != NULL)
            return true;
    return false;
}

// The paragraphs of an entry in a section, up to the next entry; false when there is none.
static bool find(const char *section, const char *name, char out[8192])
{
    char head[140];
    snprintf(head, sizeof head, "\n.SS %s\n", section);
    const char *at = strstr(manual, head);
    if (at == NULL)
        return false;
    const char *end = strstr(at + 1, "\n.S");
    if (end == NULL)
        end = at + strlen(at);
    while ((at = strstr(at, "\n.TP\n.B")) != NULL && at < end) {
        at += strlen("\n.TP\n");
        const char *next = strstr(at, "\n.TP\n");
        if (!has_word(at, name))
            continue;
        const size_t len = (size_t)((next == NULL || next > end ? end : next) - at);
        assert_true(len < 8192);
        memcpy(out, at, len);
        out[len] = '\0';
        return true;
    }
    return false;
}

// What is in no group stands at the top. Settings of a nested group stand in a section of their
// own, or together in one entry.
static bool find_setting(const char *path, char out[8192])
{
    char section[128];
    snprintf(section, sizeof section, "%s", path);
    if (strchr(path, '.') == NULL)
        return find("The host", path, out);
    for (char *dot; (dot = strrchr(section, '.')) != NULL;) {
        *dot = '\0';
        char name[64];
        const char *from = path + (dot - section) + 1;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(from, "."), from);
        if (find(section, name, out))
            return true;
    }
    return false;
}

static void each_setting_is_there(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < schema_n; i++) {
        const struct schema_key *key = &schema[i];
        char entry[8192];
        if (strchr(key->path, '[') != NULL || (key->type == SCHEMA_GROUP && key->list_max == 0))
            continue; // a part of a list's element, or a group
        if (!find_setting(key->path, entry)) {
            print_message("# %s is not in the manual\n", key->path);
            wrong++;
        } else if ((strstr(entry, live) != NULL) != (key->live != 0)) {
            print_message("# %s: the manual must %ssay: %s\n", key->path,
                          key->live != 0 ? "" : "not ", live);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(int n, char **arguments)
{
    FILE *in = n == 2 ? fopen(arguments[1], "r") : NULL;
    if (in == NULL || fread(manual, 1, sizeof manual - 1, in) == 0)
        return EXIT_FAILURE;
    fclose(in);
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_setting_is_there)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config/manual", tests, NULL, NULL);
}
