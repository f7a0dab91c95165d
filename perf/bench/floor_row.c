// Finds the floor of a variant.
#include "perf/bench/floor_row.h"

#include "perf/bench/floors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOORS = 3 };

struct work {
    const struct floors_variant *floor;
    unsigned rounds;
};

static void run(void *with)
{
    const struct work *w = with;
    w->floor->run(w->rounds);
}

const struct bench_row *floor_row_add(struct bench *bench, const char *variant, unsigned cookies)
{
    static const struct floors_variant *const floors[FLOORS] = {&floor_vaes512, &floor_vaes256,
                                                                &floor_aesni};
    for (unsigned i = 0; i < bench->n_rows; i++) { // exists already, from another case
        const struct bench_row *row = &bench->row[i];
        if (row->work == run && row->cookies == cookies && strcmp(row->variant, variant) == 0)
            return row;
    }
    for (unsigned i = 0; i < FLOORS; i++) {
        if (strcmp(floors[i]->name, variant) != 0)
            continue;
        struct work *work = malloc(sizeof *work); // never freed
        if (!work) {
            perror("memory");
            exit(1);
        }
        *work = (struct work){.floor = floors[i], .rounds = floor_rounds(cookies)};
        return bench_add(bench, (struct bench_row){.variant = variant,
                                                   .name = "floor",
                                                   .cookies = cookies,
                                                   .batch = floors[i]->lanes,
                                                   .work = run,
                                                   .with = work});
    }
    return NULL;
}
