/* descriptor.h — the signed record by which a node is known (PROTOCOL.md 3.4). Here is its form
 * only; signature, identifier and puzzle are src/book's. Layer 1. */
#ifndef AL_WIRE_DESCRIPTOR_H
#define AL_WIRE_DESCRIPTOR_H

#include "allium/al_suite.h"
#include "allium/allium.h"
#include "base/cursor.h"

enum {
  AL_DESC_RELAY = 1,   /* flag: carries other nodes' circuits */
  AL_DESC_EXIT = 2,    /* flag: has exit rules */
  AL_DESC_BROWSER = 4, /* flag: runs in a browser */
  AL_DESC_FLAGS = 7,
  AL_DESC_SOFTWARE_BYTES_MAX = 32,
  AL_DESC_RULE_BYTES = 24,
  AL_DESC_LIFETIME_S_MAX = 172800, /* expiry - published */
  AL_DESC_LIFETIME_S = 86400,      /* what this implementation publishes */
  AL_DESC_FIXED_BYTES = 48 + AL_SIG_PK_BYTES + 3 * AL_KEM_PK_BYTES,
  AL_DESC_BYTES_MIN = AL_DESC_FIXED_BYTES + 3 + AL_SIG_BYTES,
  AL_DESC_BYTES_MAX = AL_DESC_BYTES_MIN + AL_ADDRESSES_MAX * (1 + AL_ADDRESS_BYTES_MAX) +
                      AL_EXIT_RULES_MAX * AL_DESC_RULE_BYTES + AL_DESC_SOFTWARE_BYTES_MAX,
};

/* al_desc — a decoded view: pointers lead into the bytes that were decoded. */
typedef struct al_desc {
  uint16_t flags;         /* AL_DESC_* */
  uint16_t capacity_mbit; /* 0: unknown */
  uint64_t sequence, published_s, expiry_s;
  uint64_t epoch; /* of onion_pk[0] */
  uint64_t puzzle;
  const uint8_t *sig_pk;      /* AL_SIG_PK_BYTES */
  const uint8_t *link_pk;     /* AL_KEM_PK_BYTES */
  const uint8_t *onion_pk[2]; /* AL_KEM_PK_BYTES each: of epoch and epoch + 1 */
  uint32_t addresses_count, rules_count;
  al_bytes addresses[AL_ADDRESSES_MAX]; /* records; unknown kinds are kept */
  al_exit_rule rules[AL_EXIT_RULES_MAX];
  al_bytes software;
  al_bytes signed_part;     /* all bytes in front of the signature */
  const uint8_t *signature; /* AL_SIG_BYTES */
} al_desc;

/* al_desc_decode — read a descriptor; nothing is verified but its form.
 *   record  borrowed: ret points into it
 *   ret     written on success                                                         [out]
 * Result: AL_OK, or AL_EPARSE for anything that al_desc_encode_unsigned and a signature would not
 *         have written.
 * Cost:   linear in the counts; no allocation.
 * Source: PROTOCOL.md 3.4.   Tested: unit/wire_descriptor, fuzz/descriptor. */
al_err al_desc_decode(al_bytes record, al_desc *ret);

/* al_desc_encode_unsigned — append all of a descriptor but its signature.
 *   d   all fields up to `software` are used, signed_part and signature are not
 *   w   appended to; the signature over these bytes is to follow                       [in/out]
 * Result: AL_OK; AL_EINVAL (nothing written) for fields that al_desc_decode would refuse; AL_EFULL
 * when it does not fit (the cursor is bad). Cost:   one copy.   Source: PROTOCOL.md 3.4.   Tested:
 * unit/wire_descriptor, fuzz/descriptor. */
al_err al_desc_encode_unsigned(const al_desc *d, al_wr *w);

/* al_exit_rule_valid — whether a rule has the one canonical form that the wire knows.
 * Result: false for another family, a prefix too long, address bits beyond the prefix, ports in the
 *         wrong order.
 * Cost:   constant.   Source: PROTOCOL.md 3.4.   Tested: unit/wire_exit. */
bool al_exit_rule_valid(const al_exit_rule *rule);

#endif
