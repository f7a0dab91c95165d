#include "ctl/member.h"

const char *member_text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL ? value : "?";
}

int64_t member_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

double member_real(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

bool member_yes(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}
