#include "control/ke/client_hello.h"

#include "base/bytes.h"

enum { HANDSHAKE = 22, APPLICATION_DATA = 23 };

// Follows the next n octets of handshake messages; a message header may be incomplete in them.
static bool watch_messages(struct client_hello *hello, const uint8_t *octets, size_t n)
{
    while (n != 0) {
        if (hello->message_left != 0) {
            size_t step = n < hello->message_left ? n : hello->message_left;
            hello->message_left -= (uint32_t)step;
            octets += step;
            n -= step;
            continue;
        }
        hello->message[hello->n_message++] = *octets++;
        n--;
        if (hello->n_message < sizeof hello->message)
            continue;
        hello->n_message = 0;
        hello->message_left = be32_get(hello->message) & 0xffffff;
        if (hello->message_left > CLIENT_HELLO_MAX)
            return false;
    }
    return true;
}

bool client_hello_watch(struct client_hello *hello, const uint8_t *octets, size_t n)
{
    while (n != 0 && !hello->encrypted) {
        if (hello->record_left == 0) {
            hello->head[hello->n_head++] = *octets++;
            n--;
            if (hello->n_head < sizeof hello->head)
                continue;
            hello->n_head = 0;
            hello->record_left = be16_get(hello->head + 3);
            // From the first encrypted record on, the messages that may still come have small
            // limits in OpenSSL.
            hello->encrypted = hello->head[0] == APPLICATION_DATA;
            continue;
        }
        size_t step = n < hello->record_left ? n : hello->record_left;
        if (hello->head[0] == HANDSHAKE && !watch_messages(hello, octets, step))
            return false;
        hello->record_left -= (uint32_t)step;
        octets += step;
        n -= step;
    }
    return true;
}
