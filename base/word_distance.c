#include "base/word_distance.h"

#include <assert.h>
#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b)
{
    enum { MOST = WORD_DISTANCE_MAX_LEN };
    const size_t a_len = strlen(a), b_len = strlen(b);
    size_t n[MOST + 1][MOST + 1]; // between the first i letters of a and the first k of b
    assert(a_len <= MOST && b_len <= MOST);
    for (size_t i = 0; i <= a_len; i++) {
        for (size_t k = 0; k <= b_len; k++) {
            if (i == 0 || k == 0) {
                n[i][k] = i + k;
                continue;
            }
            n[i][k] = least(n[i - 1][k - 1] + (a[i - 1] != b[k - 1]),
                            least(n[i - 1][k], n[i][k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                n[i][k] = least(n[i][k], n[i - 2][k - 2] + 1);
        }
    }
    return n[a_len][b_len];
}
