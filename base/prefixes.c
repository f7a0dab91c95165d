// The prefixes of a family become ranges of addresses that touch each other and are allowed and
// denied in turn, so that a range's number says which. An index by the first 16 bits of an address
// leads to its range: most have one range alone, and then nothing else is read.
#include "base/prefixes.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    INDEX_BITS = 16,
    INDEX_LEN = 1 << INDEX_BITS,
    NESTED_MAX = 129,                  // prefixes of different lengths around one address
    RANGES_MAX = 4 * PREFIXES_MAX + 1, // each prefix begins one and ends one
};
static_assert(RANGES_MAX <= UINT16_MAX, "the index has 16 bits for a range");

// An address. One of IPv4 is in the highest 32 bits.
struct point {
    uint64_t high, low;
};

struct family {
    uint16_t n; // ranges; at least one
    bool first; // is the first range allowed? The others follow in turn
    // The index of the last range that begins at or before the first address with these 16 bits.
    uint16_t index[INDEX_LEN + 1];
    struct point *begin; // of each range
};

struct prefixes {
    struct family v4, v6;
};

// A prefix while ranges are made.
struct span {
    struct point begin, end; // both are in it
    uint8_t len;
    bool allowed;
};

static bool is_before(struct point a, struct point b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static struct span span_of(const struct prefix *prefix, bool allowed)
{
    const unsigned len = prefix->len;
    const uint64_t high = len >= 64 ? 0 : UINT64_MAX >> len; // the bits that the prefix leaves open
    const uint64_t low = len <= 64 ? UINT64_MAX : len == 128 ? 0 : UINT64_MAX >> (len - 64);
    const struct point at = {be64_get(prefix->octets), be64_get(prefix->octets + 8)};
    return (struct span){
        .begin = {at.high & ~high, at.low & ~low},
        .end = {at.high | high, at.low | low},
        .len = prefix->len,
        .allowed = allowed,
    };
}

// A prefix comes before those inside it. Of two equal ones the denied one comes last, and decides.
static int by_begin(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (is_before(x->begin, y->begin) || is_before(y->begin, x->begin))
        return is_before(x->begin, y->begin) ? -1 : 1;
    return x->len != y->len ? (int)x->len - (int)y->len : (int)y->allowed - (int)x->allowed;
}

static bool is_allowed(const struct family *family, unsigned range)
{
    return family->first ^ (range & 1);
}

// From here on addresses are allowed or not, until the next call.
static void go_on(struct family *family, struct point from, bool allowed)
{
    const unsigned last = family->n - 1u;
    if (!is_before(family->begin[last], from)) { // it has no address: it begins here, too
        if (last == 0)
            family->first = allowed;
        else if (is_allowed(family, last) != allowed)
            family->n--; // the range before goes on
        return;
    }
    if (is_allowed(family, last) != allowed)
        family->begin[family->n++] = from;
}

static void end_span(struct family *family, const struct span *ending, bool around)
{
    struct point next = {ending->end.high, ending->end.low + 1};
    if (next.low == 0 && ++next.high == 0)
        return; // no address follows
    go_on(family, next, around);
}

// The spans are in order. Any two of them are apart, or one is in the other.
static void make_ranges(struct family *family, const struct span *span, uint32_t n)
{
    const struct span *open[NESTED_MAX]; // spans around the present address, the outermost first
    unsigned depth = 0;

    family->n = 1;
    family->begin[0] = (struct point){0, 0};
    family->first = false;
    for (uint32_t i = 0; i <= n; i++) {
        while (depth > 0 && (i == n || is_before(open[depth - 1]->end, span[i].begin))) {
            depth--;
            end_span(family, open[depth], depth > 0 && open[depth - 1]->allowed);
        }
        if (i == n)
            break;
        if (depth > 0 && open[depth - 1]->len == span[i].len)
            depth--; // the same prefix again
        open[depth++] = &span[i];
        go_on(family, span[i].begin, span[i].allowed);
    }
}

static void make_index(struct family *family)
{
    unsigned range = 0;
    for (uint32_t i = 0; i < INDEX_LEN; i++) {
        const struct point at = {(uint64_t)i << (64 - INDEX_BITS), 0};
        while (range + 1 < family->n && !is_before(at, family->begin[range + 1]))
            range++;
        family->index[i] = (uint16_t)range;
    }
    family->index[INDEX_LEN] = (uint16_t)(family->n - 1u);
}

static bool make_family(struct family *family, struct span *span, uint32_t n)
{
    family->begin = calloc(2 * (size_t)n + 1, sizeof *family->begin);
    if (family->begin == NULL)
        return false;
    qsort(span, n, sizeof *span, by_begin);
    make_ranges(family, span, n);
    make_index(family);
    return true;
}

static uint32_t take_spans(struct span *span, uint8_t ip_version, const struct prefix *prefix,
                           uint32_t n, bool allowed)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < n; i++)
        if (prefix[i].ip_version == ip_version)
            span[taken++] = span_of(&prefix[i], allowed);
    return taken;
}

struct prefixes *prefixes_make(const struct prefix *allow, uint32_t n_allow,
                               const struct prefix *deny, uint32_t n_deny)
{
    assert(n_allow <= PREFIXES_MAX && n_deny <= PREFIXES_MAX);
    struct prefixes *set = calloc(1, sizeof *set);
    struct span *span = calloc((size_t)n_allow + n_deny + 1, sizeof *span);
    bool made = set != NULL && span != NULL;
    for (uint8_t version = 4; version <= 6 && made; version += 2) {
        uint32_t n = take_spans(span, version, allow, n_allow, true);
        n += take_spans(span + n, version, deny, n_deny, false);
        made = make_family(version == 4 ? &set->v4 : &set->v6, span, n);
    }
    free(span);
    if (made)
        return set;
    prefixes_free(set);
    return NULL;
}

static bool allows(const struct family *family, struct point at)
{
    const unsigned i = (unsigned)(at.high >> (64 - INDEX_BITS));
    unsigned range = family->index[i];
    unsigned last = family->index[i + 1]; // the right one is neither before range nor behind last
    while (range < last) {
        const unsigned middle = (range + last + 1) / 2;
        if (is_before(at, family->begin[middle]))
            last = middle - 1;
        else
            range = middle;
    }
    return is_allowed(family, range);
}

bool prefixes_allow_v4(const struct prefixes *set, const uint8_t address[4])
{
    return allows(&set->v4, (struct point){(uint64_t)be32_get(address) << 32, 0});
}

bool prefixes_allow_v6(const struct prefixes *set, const uint8_t address[16])
{
    enum { MAPPED = 0xffff };
    const struct point at = {be64_get(address), be64_get(address + 8)};
    if (at.high == 0 && at.low >> 32 == MAPPED)
        return allows(&set->v4, (struct point){at.low << 32, 0});
    return allows(&set->v6, at);
}

void prefixes_free(struct prefixes *set)
{
    if (set == NULL)
        return;
    free(set->v4.begin);
    free(set->v6.begin);
    free(set);
}
