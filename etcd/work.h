// The mover's work, step by step: reads the document from etcd, puts it into the file that control
// watches, appends the next span when it is due. Blocks for as long as etcd and the disk do, so it
// belongs to a thread that nobody waits for.
#pragma once

#include "board/board.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct work;

// All outlive it. facts: control's, read-only. board: the mover's own side. NULL: no memory.
struct work *work_open(const struct config *config, const struct board_facts *facts,
                       struct board_etcd *board);

// Does what is due now (monotonic). Returns when it is to be called again, at the latest.
uint64_t work_turn(struct work *work, uint64_t now_ns);

// There is a good document in the file.
bool work_has_document(const struct work *work);

// May be NULL.
void work_close(struct work *work);
