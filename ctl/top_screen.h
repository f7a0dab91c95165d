// The view of noonmarkctl top as text.
#pragma once

#include <jansson.h>
#include <stdio.h>

struct top_size {
    int columns;
    int rows; // 0: as many as there are
};

// Writes the view of top_rates as at most size->rows lines of at most size->columns characters,
// each behind line_begin and before line_end. fault: why the server does not answer, or NULL.
void top_draw(const json_t *view, const char *fault, const struct top_size *size,
              const char *line_begin, const char *line_end, FILE *out);
