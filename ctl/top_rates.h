// What noonmarkctl top shows, of two answers of the server: an object whose names noonmarkctl(1)
// documents. Pure.
#pragma once

#include <jansson.h>

// The server's objects at one moment.
struct top_sample {
    json_t *status;
    json_t *clock;
    double at_s; // when they came, of any clock
};

// The caller owns the result; NULL when memory runs out.
json_t *top_rates(const struct top_sample *before, const struct top_sample *now);
