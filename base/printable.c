// UTF-8 is decoded only as far as needed to find control characters.
#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Returns the length of the sequence that begins at `at` and sets *code to its code point; 0: not
// UTF-8 (RFC 3629).
static size_t decode(const uint8_t *at, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t first = at[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    const size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || n > len)
        return 0;
    uint32_t value = first & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return n;
}

static bool is_obeyed(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } obeyed[] = {
        {0x00, 0x1f},     // C0
        {0x7f, 0x9f},     // DEL, C1
        {0x61c, 0x61c},   // direction
        {0x200e, 0x200f}, // likewise
        {0x2028, 0x202e}, // line and paragraph ends, direction
        {0x2066, 0x2069}, // direction
    };
    for (size_t i = 0; i < sizeof obeyed / sizeof obeyed[0]; i++)
        if (code >= obeyed[i].first && code <= obeyed[i].last)
            return true;
    return false;
}

void printable(char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t n = decode((const uint8_t *)text + i, len - i, &code);
        if (n == 0 || is_obeyed(code)) {
            n += n == 0;
            memset(text + i, ' ', n);
        }
        i += n;
    }
}
