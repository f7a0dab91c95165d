"""The planted bugs: what a tired programmer, or a clever one, might do to this server."""

import dataclasses

KERNELS = ("crypto/exchange portable", "crypto/exchange aesni", "crypto/exchange vaes256",
           "oracle/equal")
SIV_LANES = ("crypto/siv_lanes portable", "crypto/siv_lanes aesni", "crypto/siv_lanes vaes256")
STAGES = ("dataplane/stage/exchange", "dataplane/core_nts", "oracle/equal")


@dataclasses.dataclass
class Mutant:
    name: str
    why: str
    file: str
    old: str
    new: str
    tests: tuple  # tried in this order, until one fails


MUTANTS = [
    # the tag check skipped
    Mutant("kernel-tag", "the batch kernel does not look at the request's tag (NTS-1)",
           "crypto/exchange_kernel.h",
           "return block_equal(ask.state, block_load(g->ask_seal, EXCHANGE_NONCE_LEN));",
           "return block_equal(ask.state, ask.state);", KERNELS),
    Mutant("kernel-cookie-tag", "the batch kernel does not look at the cookie's tag (CK-1)",
           "crypto/exchange_kernel.h",
           "return block_equal(kernel_encrypt_shared(&g->open_mac, block_xor(chain, last)), tag);",
           "return block_equal(kernel_encrypt_shared(&g->open_mac, block_xor(chain, last)), tag) |\n"
           "           UINT32_MAX;", KERNELS),
    Mutant("siv-tag", "the slow path does not look at the tag (NTS-1)", "crypto/siv.c",
           "bool genuine = bytes_equal_ct(tag, sealed, SIV_TAG_LEN);",
           "bool genuine = true;", ("crypto/siv", "crypto/vectors", "oracle/equal")),
    Mutant("cookie-tag", "the slow path takes forged cookies (CK-1)", "crypto/cookie.c",
           "bool genuine = bytes_equal_ct(tag, cookie + TAG_AT, COOKIE_TAG_LEN);",
           "bool genuine = true;", ("crypto/cookie", "oracle/equal")),
    Mutant("compare-half", "only half of a tag is compared", "crypto/bytes.h",
           "for (size_t i = 0; i < n; i++)\n        differ", "for (size_t i = 0; i < n / 2; i++)\n        differ",
           ("crypto/bytes", "crypto/siv", "oracle/equal")),
    # authenticated data off by four
    Mutant("ad-long", "the seal is taken to cover the authenticator's own header (NTS-1)",
           "dataplane/stage/exchange.c", "jobs->ask_len[lane] = fields->authenticator.at;",
           "jobs->ask_len[lane] = (uint16_t)(fields->authenticator.at + 4);", STAGES),
    Mutant("ad-short", "the seal is taken to end four octets early (NTS-1)",
           "dataplane/stage/exchange.c", "jobs->ask_len[lane] = fields->authenticator.at;",
           "jobs->ask_len[lane] = (uint16_t)(fields->authenticator.at - 4);", STAGES),
    Mutant("ad-long-slow", "likewise, too long, on the slow path", "dataplane/stage/slow.c",
           "{.at = request, .len = fields->authenticator.at}",
           "{.at = request, .len = fields->authenticator.at + 4u}", STAGES),
    # wrong direction
    Mutant("direction-ask", "the slow path checks requests under S2C (NTS-2)",
           "dataplane/stage/slow.c", "prove(batch, lane, pair, &n_sealed)",
           "prove(batch, lane, pair + SIV_KEY_LEN, &n_sealed)", STAGES),
    Mutant("direction-reply", "the slow path seals replies under C2S (NTS-2)",
           "dataplane/stage/slow.c", "siv_seal(pair + SIV_KEY_LEN, ad,", "siv_seal(pair, ad,",
           STAGES),
    Mutant("direction-kernel", "the batch kernel checks requests under S2C (NTS-2)",
           "crypto/exchange_kernel.h", "const struct kernel_schedule *c2s = &g->c2s_mac;",
           "const struct kernel_schedule *c2s = &g->s2c_mac;", KERNELS),
    # placeholders
    Mutant("trailing", "fields behind the authenticator are read (NTS-8)",
           "dataplane/wire/fields.c", "while (!fields->has_authenticator && cursor.at < len) {",
           "while (cursor.at < len) {", ("dataplane/wire/fields", *STAGES)),
    Mutant("placeholder-length", "a placeholder of any length counts (NTS-9)",
           "dataplane/wire/fields.c",
           "fields->n_cookies > 0 && placeholder_len[i] == fields->cookie.len;",
           "fields->n_cookies > 0;", ("dataplane/wire/fields", *STAGES)),
    Mutant("cap", "more than eight cookies for more than seven placeholders (RSP-3)",
           "dataplane/stage/seal.h",
           "return n_placeholders < EXCHANGE_COOKIES_MAX ? 1 + n_placeholders : EXCHANGE_COOKIES_MAX;",
           "return 1 + n_placeholders;", STAGES),
    Mutant("sealed-uncounted", "encrypted placeholders are not counted (NTS-7)",
           "dataplane/stage/slow.c", "seal_cookies(fields->n_placeholders + n_sealed)",
           "seal_cookies(fields->n_placeholders)", STAGES),
    # NAKs
    Mutant("plain-nak", "a plain request is answered with a NAK (NAK-1)", "dataplane/core.c",
           "refuse(b, proof.doubted);", "refuse(b, proof.doubted | asked.plain);",
           ("dataplane/core", "dataplane/core_any", "oracle/equal")),
    Mutant("shape-nak", "a request without an identifier is answered (decision table)",
           "dataplane/stage/classify.c",
           "if (fields->n_uid == 0 || fields->n_cookies == 0 || !fields->has_authenticator)\n"
           "        return DROPPED_NTS_SHAPE;\n"
           "    if (fields->uid.len < UID_MIN ||",
           "if (fields->n_cookies == 0 || !fields->has_authenticator)\n"
           "        return DROPPED_NTS_SHAPE;\n"
           "    if ((fields->n_uid > 0 && fields->uid.len < UID_MIN) ||",
           ("dataplane/stage/classify", "oracle/equal")),
    Mutant("nak-no-keys", "before there are keys, requests get a NAK (decision 12)",
           "dataplane/stage/classify.c", "kinds.secure = kinds.slow = 0;", "",
           ("dataplane/stage/classify", "dataplane/core", "oracle/equal")),
    Mutant("nak-cookie", "a NAK carries what stands behind the identifier (NAK-1)",
           "dataplane/stage/refuse.c",
           "(uint16_t)(NTP_LEN + FIELD_HEADER_LEN + batch->fields[i].uid.len);",
           "batch->ntp_len[i];", STAGES),
    # lengths
    Mutant("lengths", "the authenticator's lengths may promise more than there is (NTS-3)",
           "dataplane/wire/fields.c", "if (used > field->len)\n        return false;", "",
           ("dataplane/wire/fields", "oracle/equal")),
    Mutant("lengths-four", "the lengths' own four octets are left out (NTS-3)",
           "dataplane/wire/fields.c",
           "uint32_t used = AUTHENTICATOR_LENGTHS_LEN + padded", "uint32_t used = padded",
           ("dataplane/wire/fields", "oracle/equal")),
    Mutant("padding", "a short nonce needs no padding (NTS-4)", "dataplane/wire/fields.c",
           "spare < SIV_NONCE_MAX - padded(nonce_len))", "spare > field->len)",
           ("dataplane/wire/fields", "oracle/equal")),
    Mutant("field-length", "a field may promise more than there is (EF-1)",
           "dataplane/wire/fields.c", "|| whole > left)", ")",
           ("dataplane/wire/fields", "oracle/equal")),
    Mutant("udp-length", "UDP may promise more than there is (EF-8)", "dataplane/wire/frame.c",
           "if (udp_len > total - ip_len || udp_len < UDP_LEN)", "if (udp_len < UDP_LEN)",
           ("dataplane/wire/frame", "oracle/equal")),
    Mutant("uid-length", "an identifier may be of any length (NTS-11)",
           "dataplane/stage/classify.c",
           "if (fields->uid.len < UID_MIN || fields->uid.len > UID_MAX)",
           "if (fields->uid.len > UID_MAX)", ("dataplane/stage/classify", "oracle/equal")),
    Mutant("nested", "an authenticator inside the authenticator is let pass (NTS-7)",
           "dataplane/wire/fields.c",
           "if (field.type == FIELD_AUTHENTICATOR)\n            return false;", "",
           ("dataplane/wire/fields", "oracle/equal")),
    # the board
    Mutant("recheck", "a reader does not look at the sequence again (F31)", "board/snapshot.c",
           "bool whole = atomic_load_explicit(&snapshot->sequence, memory_order_relaxed) == sequence;",
           "bool whole = true;", ("board/snapshot", "board/keyring") * 3),  # a race: several chances
    # the empty plaintext
    Mutant("empty", "an empty plaintext needs no tag (SIV-4)", "crypto/siv.c",
           "bool genuine = bytes_equal_ct(tag, sealed, SIV_TAG_LEN);",
           "bool genuine = len == 0 || bytes_equal_ct(tag, sealed, SIV_TAG_LEN);",
           ("crypto/siv", "crypto/vectors", "oracle/equal")),
    # the client's half
    Mutant("lanes-tag", "the load tester's kernel does not look at a reply's tag",
           "crypto/siv_lanes_kernel.h", "return block_equal(text.state, block_load(g->sealed, 0));",
           "return block_equal(text.state, text.state);", SIV_LANES),
    Mutant("lanes-end", "what of D meets a plaintext's last block, in part, is forgotten",
           "crypto/siv_lanes_kernel.h", "d = block_up(d, 16 - rest);", "d = block_zero();", SIV_LANES),
    Mutant("lanes-part", "a last block in part is not decrypted", "crypto/siv_lanes_kernel.h",
           "if (at + 16 < g->len) {", "if (at + 32 <= g->len) {", SIV_LANES),
    Mutant("lanes-mixed", "lanes of other plaintext lengths go into one group",
           "crypto/siv_lanes_kernel.h", "if (siv_lanes_shape(s, lane, work) != shape)",
           "if (s->ad_len[lane] != s->ad_len[first])", SIV_LANES),
    Mutant("lanes-half", "the keystream is made under the MAC half of the key",
           "crypto/siv_lanes_kernel.h", "block_load(g->key, SIV_KEY_LEN / 2)", "block_load(g->key, 0)",
           SIV_LANES),
    Mutant("lanes-forged", "a forged reply's plaintext is not wiped", "crypto/siv_lanes_kernel.h",
           "bytes_wipe(g->plain[slot], (g->len + 15) / 16 * 16);", "g->n += 0;", SIV_LANES),
    Mutant("lanes-beyond", "a plaintext is written a block too far", "crypto/siv_lanes_kernel.h",
           "if (at + 16 < g->len) {", "if (at + 16 <= g->len) {",
           ("crypto/siv_lanes memory", *SIV_LANES)),
    Mutant("lanes-stack", "key schedules stay on the stack", "crypto/siv_lanes_kernel.h",
           "bytes_wipe(&g, sizeof g);", "", ("crypto/siv_lanes memory",)),
    # replies
    Mutant("origin", "the origin is the request's receive timestamp (NTP-2)",
           "dataplane/stage/respond.c", "request + NTP_TRANSMIT, 8", "request + NTP_RECEIVE, 8",
           ("dataplane/stage/respond", "oracle/equal")),
    Mutant("same-nonce", "every cookie of a reply has the reply's nonce (RSP-5)",
           "dataplane/stage/slow.c", "cookie_seal(key, random + EXCHANGE_NONCE_LEN * (1 + i), pair,",
           "cookie_seal(key, random, pair,", STAGES),
    Mutant("old-key", "new cookies are sealed under the oldest key (RSP-5, CK-6)",
           "dataplane/stage/exchange.c", "work->jobs.seal_key = &keys->key[keys->current];",
           "work->jobs.seal_key = &keys->key[0];", STAGES),
    # NTS-KE
    Mutant("ke-critical", "an unknown critical record is ignored (KE-4)", "control/ke_records.c",
           "unknown_critical |= r.critical;", "",
           ("control/ke_records",)),
    Mutant("ke-fallback", "AEAD 15 is chosen though nobody offered it (REC-4)",
           "control/ke_records.c", "            if (be16_get(r->body + i) == ke_aeads[row].id)\n",
           "", ("control/ke_records",)),
]
