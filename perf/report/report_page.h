// The page of a report (perf/report/), as the build embedded it, and how it is written. Knows
// nothing of what the runs say; the page's script does.
#pragma once

#include <jansson.h>
#include <stddef.h>

// The page with a marker where the runs go.
extern const unsigned char report_page[];
extern const size_t report_page_len;

// Writes the page with the data in it to path, "-" is stdout. The data may hold any text: none of
// it can end the element that it stands in. 0 or -errno, and then what was at path before is still
// there: the page is written beside it and takes its place at once.
int report_page_write(json_t *data, const char *path);
