// The cores' copies of the cookie keys: taken from the board when control has published, expanded,
// and wiped when a key is gone. RFC 8915, section 6.
#include "board/keyring.h"

#include "base/bytes.h"
#include "crypto/registers.h"

void keyring_publish(struct snapshot *ring, const struct keyring_record *record)
{
    snapshot_publish(ring, record, sizeof *record);
}

static void expand(struct cookie_key *key, const struct keyring_entry *entry)
{
    if (entry->foreign_ad)
        cookie_key_expand(key, entry->id, entry->secret, NULL, 0);
    else
        cookie_key_expand_own(key, entry->id, entry->secret);
}

bool keyring_is_sound(const struct keyring_record *record)
{
    if (record->n > KEYRING_KEYS || record->current >= record->n) // also when n is 0
        return false;
    for (uint32_t i = 0; i < record->n; i++) {
        if (record->entry[i].foreign_ad > 1)
            return false;
        for (uint32_t j = 0; j < i; j++)
            if ((record->entry[i].id ^ record->entry[j].id) <= 1)
                return false;
    }
    return true;
}

bool keyring_refresh(const struct snapshot *ring, struct keyring_view *view)
{
    if (!snapshot_moved(ring, view->seen))
        return false;

    struct keyring_record record;
    if (!snapshot_read(ring, &record, sizeof record, &view->seen))
        return false;

    // The dataplane trusts control less than itself.
    bool sound = keyring_is_sound(&record);
    view->refused += !sound;
    if (sound) {
        // All keys are expanded again, also those that stay: publications are rare, and no retired
        // key can be left in a slot.
        keyring_view_wipe(view);
        view->n = record.n;
        view->current = record.current;
        for (uint32_t i = 0; i < record.n; i++) {
            view->id[i] = record.entry[i].id;
            expand(&view->key[i], &record.entry[i]);
        }
    }
    bytes_wipe(&record, sizeof record);
    registers_wipe();
    return sound;
}

void keyring_view_wipe(struct keyring_view *view)
{
    bytes_wipe(view->key, sizeof view->key);
    bytes_wipe(view->id, sizeof view->id);
    view->n = 0;
    view->current = 0;
}
