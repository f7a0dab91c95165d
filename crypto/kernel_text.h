// Writing a plaintext of cookies as blocks in registers, over the vocabulary that the includer has
// chosen (lanes_*.h): what comes is whole blocks, and halves between them. Pure; any thread.
#pragma once

#include "crypto/hot_inline.h"

#include <stdbool.h>
#include <stdint.h>

// Where the plaintext is written. Cookies have half a block too many: every second one starts in
// the middle of a block, behind the half that is still to be written.
struct kernel_text {
    struct block *next;
    struct block before; // its octets 8 to 15 are to be written
    bool halved;         // is that so
};

hot_inline void kernel_text_put(struct kernel_text *text, struct block b)
{
    *text->next++ = text->halved ? block_splice(text->before, b) : b;
    text->before = b;
}

// A cookie begins: lead and id are half a block, which head holds twice.
hot_inline void kernel_text_begin(struct kernel_text *text, struct block head)
{
    if (text->halved)
        *text->next++ = block_splice(text->before, head);
    text->before = head;
    text->halved = !text->halved;
}

// Half a block at the end is padded as CMAC pads it.
hot_inline void kernel_text_end(struct kernel_text *text)
{
    static const uint8_t padding[16] = {0x80};
    if (text->halved)
        *text->next = block_splice(text->before, block_broadcast(padding));
}
