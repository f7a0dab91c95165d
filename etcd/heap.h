// The heap of libcurl and jansson: what they free is wiped. They copy etcd's password and token
// into buffers of their own, and do not wipe them. Any thread.
#pragma once

#include <stddef.h>

// As free and realloc, for memory of malloc, calloc and strdup.
void heap_free(void *at);
void *heap_realloc(void *at, size_t len);
