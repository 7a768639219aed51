/* record.h — what the DHT stores: the form of a record (PROTOCOL.md 7.3). Here is its form only;
 * its key and its signature are src/dht's. Layer 1. */
#ifndef AL_WIRE_RECORD_H
#define AL_WIRE_RECORD_H

#include "allium/al_suite.h"
#include "base/cursor.h"

enum {
  AL_RECORD_VALUE_BYTES_MAX = 8192,
  AL_RECORD_SALT_BYTES_MAX = 32,
  AL_RECORD_HEADER_BYTES = 8,
  AL_RECORD_SIGNED_BYTES = 16, /* sequence and expiry of the kinds that are signed */
  AL_RECORD_MUTABLE_BYTES =
      AL_RECORD_HEADER_BYTES + AL_RECORD_SIGNED_BYTES + AL_SIG_PK_BYTES + AL_SIG_BYTES,
  AL_RECORD_BLINDED_BYTES =
      AL_RECORD_HEADER_BYTES + AL_RECORD_SIGNED_BYTES + AL_ED_PK_BYTES + 8 + AL_ED_SIG_BYTES,
  AL_RECORD_BYTES_MAX =
      AL_RECORD_MUTABLE_BYTES + AL_RECORD_SALT_BYTES_MAX + AL_RECORD_VALUE_BYTES_MAX,
};

/* al_record_kind — values are on the wire. */
typedef enum al_record_kind {
  AL_RECORD_IMMUTABLE = 1, /* named by the hash of its value */
  AL_RECORD_MUTABLE = 2,   /* named by its signer's key and a salt; hybrid signature */
  AL_RECORD_BLINDED = 3,   /* named by a blinded key and a period; Ed25519 signature */
} al_record_kind;

/* al_record — a decoded view: pointers lead into the bytes that were decoded. */
typedef struct al_record {
  al_record_kind kind;
  uint64_t sequence, expiry_s; /* 0 when immutable */
  uint64_t period;             /* BLINDED only */
  const uint8_t *pk;           /* MUTABLE: AL_SIG_PK_BYTES, BLINDED: AL_ED_PK_BYTES */
  al_bytes salt;               /* MUTABLE only */
  al_bytes value;
  al_bytes signed_part;     /* all bytes in front of the signature; IMMUTABLE: all */
  const uint8_t *signature; /* MUTABLE: AL_SIG_BYTES, BLINDED: AL_ED_SIG_BYTES */
} al_record;

/* al_record_decode — read a record; nothing is verified but its form.
 *   bytes   borrowed: ret points into it
 *   ret     written on success                                                         [out]
 * Result: AL_OK, or AL_EPARSE for anything that al_record_encode_unsigned and a signature would
 *         not have written.
 * Cost:   constant; no allocation.
 * Source: PROTOCOL.md 7.3.   Tested: unit/wire_record, fuzz/record. */
al_err al_record_decode(al_bytes bytes, al_record *ret);

/* al_record_encode_unsigned — append all of a record but its signature: of an immutable one all.
 *   r   all fields up to `value` are used, signed_part and signature are not
 *   w   appended to; the signature over these bytes is to follow                       [in/out]
 * Result: AL_OK; AL_EINVAL (nothing written) for fields that al_record_decode would refuse;
 *         AL_EFULL when it does not fit (the cursor is bad).
 * Cost:   one copy.   Source: PROTOCOL.md 7.3.   Tested: unit/wire_record, fuzz/record. */
al_err al_record_encode_unsigned(const al_record *r, al_wr *w);

#endif
