// The answer to a reload that is applied: each setting by its result. Single-threaded.
#pragma once

#include "supervisor/reload.h"

// Writes the answer's text into r->answer, and logs it.
void reload_answer(struct reload *r);
