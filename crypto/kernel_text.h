// Writing a plaintext of cookies as blocks in registers, over the vocabulary that the includer has
// chosen (lanes_*.h): the input is whole blocks, and half blocks between them. Pure; any thread.
#pragma once

#include "crypto/hot_inline.h"

#include <stdbool.h>
#include <stdint.h>

// The state of writing. The length of a cookie is not a whole number of blocks but half a block
// more: every second cookie starts in the middle of a block, after the half that is still to be
// written.
struct kernel_text {
    struct block *next;
    struct block before; // its octets 8 to 15 are still to be written
    bool halved;         // before has such a half
};

hot_inline void kernel_text_put(struct kernel_text *text, struct block b)
{
    *text->next++ = text->halved ? block_splice(text->before, b) : b;
    text->before = b;
}

// Begins a cookie: lead and id are half a block; head has them twice.
hot_inline void kernel_text_begin(struct kernel_text *text, struct block head)
{
    if (text->halved)
        *text->next++ = block_splice(text->before, head);
    text->before = head;
    text->halved = !text->halved;
}

// Half a block at the end is padded in CMAC's way.
hot_inline void kernel_text_end(struct kernel_text *text)
{
    static const uint8_t padding[16] = {0x80};
    if (text->halved)
        *text->next = block_splice(text->before, block_broadcast(padding));
}
