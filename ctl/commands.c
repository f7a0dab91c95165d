// The table, and finding a command in it.
#include "ctl/command.h"

#include "ctl/every.h"

#include <string.h>

// In the order in which --help shows them. A row is a line, so that branches add rows without
// conflicts.
const struct command *const commands[] = {
    &command_status,

    &command_clock,

    &command_ports,

    &command_keys,

    &command_ke,

    &command_top,

    &command_reload,

    &command_doctor,

    &command_drain,
};
const size_t commands_n = sizeof commands / sizeof commands[0];

enum {
    NAME_MAX_LEN = 15, // longer words are like no command
    TYPOS_MAX = 2,
};

const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < commands_n; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

// The least number of letters to insert, remove, replace, or exchange with the next one.
static unsigned typos(const char *a, const char *b)
{
    const size_t a_len = strlen(a), b_len = strlen(b);
    unsigned n[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1]; // between the first i of a and the first k of b
    if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t i = 0; i <= a_len; i++)
        for (size_t k = 0; k <= b_len; k++) {
            if (i == 0 || k == 0) {
                n[i][k] = (unsigned)(i + k);
                continue;
            }
            n[i][k] = least(n[i - 1][k - 1] + (a[i - 1] != b[k - 1]),
                            least(n[i - 1][k], n[i][k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                n[i][k] = least(n[i][k], n[i - 2][k - 2] + 1);
        }
    return n[a_len][b_len];
}

// A command of two letters is not like every other word of two: a third of the letters may differ.
const struct command *command_nearest(const char *name)
{
    const struct command *nearest = NULL;
    unsigned fewest = TYPOS_MAX + 1;
    for (size_t i = 0; i < commands_n; i++) {
        const unsigned n = typos(name, commands[i]->name);
        if (n < fewest && n <= (strlen(commands[i]->name) + 1) / 3) {
            nearest = commands[i];
            fewest = n;
        }
    }
    return nearest;
}

bool command_lists(const char *words, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = words != NULL ? words : ""; *at != '\0';) {
        const size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, word, n) == 0)
            return true;
        at += n + strspn(at + n, " ");
    }
    return false;
}
