// The page of a report, embedded by the build, and the function that writes it. Only the page's
// script interprets the runs.
#pragma once

#include <jansson.h>
#include <stddef.h>

// The page with a marker at the place of the runs.
extern const unsigned char report_page[];
extern const size_t report_page_len;

// Writes the page with the data to path; "-" is stdout. The data may contain any text: it is
// escaped, so it cannot end its element. 0 or -errno. After an error the old file at path is
// unchanged: the new page is written to a temporary file and renamed.
int report_page_write(json_t *data, const char *path);
