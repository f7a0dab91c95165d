// RSP-7, P1: the two checks that keep a reply from being longer than its request. No request
// reaches them, so the test calls them directly.
#include "dataplane/stage/seal.h"
#include "dataplane/stage/turn_round.h"
#include "tests/dataplane/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_seal_that_does_not_fit_is_not_laid(void **state)
{
    (void)state;
    enum { CLEAR = 84, ROOM = CLEAR + 40 + 2 * 104 };
    struct batch *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    for (uint16_t room = CLEAR; room <= ROOM; room += 4) {
        uint8_t *reply = malloc(room); // of its own length, so that a sanitizer sees one too far
        assert_non_null(reply);
        memset(reply, 0xa5, room);
        batch->burst.reply[3] = reply;
        batch->ntp_len[3] = CLEAR;
        batch->datagram[3] = (struct datagram){.payload_len = room};
        uint8_t *nonce = seal_place(batch, 3, 2, &aead_lengths[AEAD_SIV_CMAC_256]);
        if (room == ROOM) {
            assert_ptr_equal(nonce, reply + CLEAR + 8);
            assert_int_equal(batch->ntp_len[3], ROOM);
            assert_int_equal(batch->n_cookies[3], 2);
        } else {
            assert_null(nonce);
            assert_int_equal(batch->ntp_len[3], CLEAR);
            for (uint16_t i = CLEAR; i < room; i++)
                assert_int_equal(reply[i], 0xa5);
        }
        free(reply);
    }
    free(batch);
}

static void a_longer_reply_is_not_sent(void **state)
{
    (void)state;
    struct batch *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    struct packet ntp = packet_ntp(4, 3);
    struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
    uint8_t reply[2][PACKET_MAX] = {{0}};
    for (unsigned i = 0; i < 2; i++) {
        batch->burst.frame[i] = frame.at;
        batch->burst.reply[i] = reply[i];
        batch->ntp_len[i] = (uint16_t)(48 + 4 * i);
        assert_int_equal(frame_open(frame.at, frame.len, &batch->datagram[i]), FRAME_GOOD);
    }
    assert_int_equal(turn_round(batch, 3), 1);
    assert_int_equal(batch->burst.reply_len[0], frame.len);
    assert_int_equal(batch->ended[DROPPED_LONGER], 2);
    free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seal_that_does_not_fit_is_not_laid),
        cmocka_unit_test(a_longer_reply_is_not_sent),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
