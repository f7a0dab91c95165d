#include "ctl/keys_changed.h"

#include "ctl/member.h"

#include <inttypes.h>

void keys_show_changed(const char *what, const json_t *answer, FILE *out)
{
    size_t i;
    json_t *id;
    fprintf(out, "%s: %s seals now, %s is the future key, %" PRId64 " keys\n", what,
            member_text(answer, "current"), member_text(answer, "future"),
            member_number(answer, "keys"));
    json_array_foreach(json_object_get(answer, "wiped"), i, id)
        fprintf(out, "%s is wiped: clients whose cookies it sealed get a NAK and repeat NTS-KE\n",
                json_string_value(id) != NULL ? json_string_value(id) : "?");
}
