// What libcurl and jansson free has been wiped before. free is wrapped, and looks.
#include "etcd/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LEN = 100 };

static const void *watched;      // LEN octets at it are to be zero when it is freed
static unsigned n_freed, n_left; // how often it was freed, and was not zero

void __real_free(void *at);
void __wrap_free(void *at);
void __wrap_free(void *at)
{
    static const uint8_t zeros[LEN];
    if (at != NULL && at == watched) {
        n_freed++;
        n_left += memcmp(at, zeros, LEN) != 0;
    }
    __real_free(at);
}

static void *filled(void)
{
    void *at = malloc(LEN);
    assert_non_null(at);
    memset(at, 0x5a, LEN);
    return at;
}

static void freed_memory_is_wiped(void **state)
{
    (void)state;
    heap_free(NULL);
    n_freed = n_left = 0;
    void *at = filled();
    watched = at;
    heap_free(at);
    watched = NULL;
    assert_int_equal(n_freed, 1);
    assert_int_equal(n_left, 0);
}

static void so_is_what_was_too_short(void **state)
{
    (void)state;
    n_freed = n_left = 0;
    uint8_t *at = filled();
    watched = at;
    uint8_t *longer = heap_realloc(at, 3 * LEN);
    watched = NULL;
    assert_int_equal(n_freed, 1);
    assert_int_equal(n_left, 0);
    for (size_t i = 0; i < LEN; i++)
        assert_int_equal(longer[i], 0x5a);
    longer = heap_realloc(longer, 1);
    assert_int_equal(longer[0], 0x5a);
    heap_free(longer);
    heap_free(heap_realloc(NULL, LEN));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freed_memory_is_wiped),
        cmocka_unit_test(so_is_what_was_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
