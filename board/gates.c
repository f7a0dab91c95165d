// The polygon of lines, by its two extreme slopes.
#include "board/gates.h"

#include <math.h>
#include <stdbool.h>

// A line with slope b goes through all gates if some value a at the base fulfils
//
//     low[i] - b * after[i] <= a <= high[k] - b * before[k]   for all i and k.
//
// Without a: each older gate i and newer gate k bound the slope by
//
//     b >= (low[k] - high[i]) / (after[k] - before[i])
//     b <= (high[k] - low[i]) / (before[k] - after[i])
//
// and where the least of the upper bounds is not below the greatest of the lower ones, there is
// such an a. So two loops over pairs find both slopes exactly; hulls would need fewer steps, but 64
// gates have only 2,016 pairs.

// Narrows the slopes by the pairs of gate `at` with all newer ones.
static void narrow(const struct gate *gate, uint32_t at, struct gate_lines *lines)
{
    const struct gate *old = &gate[at];
    for (uint32_t k = 0; k < at; k++) {
        // Products instead of quotients: few pairs narrow anything.
        double most = gate[k].high - old->low, most_dx = gate[k].before - old->after;
        double least = gate[k].low - old->high, least_dx = gate[k].after - old->before;
        if (most < lines->steep * most_dx)
            lines->steep = most / most_dx;
        if (least > lines->flat * least_dx)
            lines->flat = least / least_dx;
    }
}

// The values at the base. No gate is later than the base, so the upper limit rises with the slope,
// and so does the lower one.
static void set_values(const struct gate *gate, struct gate_lines *lines)
{
    lines->high = INFINITY;
    lines->low = -INFINITY;
    for (uint32_t i = 0; i < lines->n; i++) {
        lines->high = fmin(lines->high, gate[i].high - lines->steep * gate[i].before);
        lines->low = fmax(lines->low, gate[i].low - lines->flat * gate[i].after);
    }
}

struct gate_lines gates_lines(const struct gate *gate, uint32_t n, double flat, double steep)
{
    struct gate_lines best = {0}, lines = {.flat = flat, .steep = steep};
    for (lines.n = 2; lines.n <= n; lines.n++) {
        narrow(gate, lines.n - 1, &lines);
        if (lines.flat > lines.steep)
            break;
        bool is_power = (lines.n & (lines.n - 1)) == 0;
        if (is_power || lines.n == n)
            best = lines;
    }
    if (best.n != 0)
        set_values(gate, &best);
    return best;
}
