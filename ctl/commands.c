// The table, and finding a command in it.
#include "ctl/command.h"

#include "base/word_distance.h"
#include "ctl/every.h"

#include <string.h>

// In the order in which --help shows them.
const struct command *const commands[] = {
    &command_status, &command_clock, &command_ports,  &command_keys,   &command_ke,
    &command_limits, &command_top,   &command_reload, &command_doctor, &command_drain,
};
const size_t commands_n = sizeof commands / sizeof commands[0];

enum { TYPOS_MAX = 2 };

const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < commands_n; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

// A command of two letters is not like every other word of two: a third of the letters may differ.
const struct command *command_nearest(const char *name)
{
    const struct command *nearest = NULL;
    size_t fewest = TYPOS_MAX + 1;
    if (strlen(name) > WORD_DISTANCE_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < commands_n; i++) {
        const size_t n = word_distance(name, commands[i]->name);
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
