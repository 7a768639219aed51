/* Records of the DHT: every kind, every limit, every cut. */
#include "tap.h"
#include "wire/wire.h"

static uint8_t buffer[AL_RECORD_BYTES_MAX + 64], value[AL_RECORD_VALUE_BYTES_MAX + 1];
static uint8_t pk[AL_SIG_PK_BYTES], salt[AL_RECORD_SALT_BYTES_MAX + 1];

static al_record fields(al_record_kind kind, size_t salt_len, size_t value_len) {
  al_record r = {.kind = kind, .value = al_view(value, value_len), .salt = al_view(salt, salt_len)};
  if (kind == AL_RECORD_IMMUTABLE) return r;
  r.sequence = 0x1122334455667788;
  r.expiry_s = 1700000000;
  r.pk = pk;
  if (kind == AL_RECORD_BLINDED) r.period = 0x8877665544332211;
  return r;
}

/* Encoded, with a signature of the right length. Result: its length, 0 when refused. */
static size_t encode(al_record_kind kind, size_t salt_len, size_t value_len) {
  al_record r = fields(kind, salt_len, value_len);
  al_wr w = al_wr_init(buffer, sizeof buffer);
  if (al_record_encode_unsigned(&r, &w) != AL_OK) return 0;
  if (kind == AL_RECORD_MUTABLE) memset(al_wr_take(&w, AL_SIG_BYTES), 0x5a, AL_SIG_BYTES);
  if (kind == AL_RECORD_BLINDED) memset(al_wr_take(&w, AL_ED_SIG_BYTES), 0x5a, AL_ED_SIG_BYTES);
  return w.len;
}

static void test_kind(al_record_kind kind, size_t salt_len, size_t value_len, size_t want) {
  al_record r;
  size_t len = encode(kind, salt_len, value_len);
  tap_is_u64(len, want, "kind %d, salt %zu, value %zu: its size", kind, salt_len, value_len);
  tap_ok(al_record_decode(al_view(buffer, len), &r) == AL_OK && r.kind == kind &&
             r.value.len == value_len && memcmp(r.value.ptr, value, value_len) == 0 &&
             r.salt.len == salt_len && memcmp(r.salt.ptr, salt, salt_len) == 0,
         "it is decoded to its value and salt");
  if (kind == AL_RECORD_IMMUTABLE) {
    tap_ok(r.signed_part.len == len && r.pk == NULL && r.sequence == 0 && r.expiry_s == 0,
           "an immutable one says nothing else");
  } else {
    size_t pk_len = kind == AL_RECORD_MUTABLE ? AL_SIG_PK_BYTES : AL_ED_PK_BYTES;
    tap_ok(r.sequence == 0x1122334455667788 && r.expiry_s == 1700000000 &&
               memcmp(r.pk, pk, pk_len) == 0 && r.signature[0] == 0x5a &&
               r.signature == buffer + r.signed_part.len,
           "to its sequence, expiry, key and signature");
    tap_ok(kind != AL_RECORD_BLINDED || r.period == 0x8877665544332211, "to its period");
  }
  uint32_t taken = 0;
  for (size_t cut = 0; cut < len; cut++)
    taken += al_record_decode(al_view(buffer, cut), &r) == AL_OK;
  taken += al_record_decode(al_view(buffer, len + 1), &r) == AL_OK;
  tap_is_u64(taken, 0, "no other length is taken");
}

static void test_bad(void) {
  al_record r;
  tap_is_u64(encode(AL_RECORD_IMMUTABLE, 0, AL_RECORD_VALUE_BYTES_MAX + 1), 0, "a value too long");
  tap_is_u64(encode(AL_RECORD_MUTABLE, AL_RECORD_SALT_BYTES_MAX + 1, 0), 0, "a salt too long");
  tap_is_u64(encode(AL_RECORD_IMMUTABLE, 1, 5), 0, "an immutable one has no salt");
  tap_is_u64(encode(AL_RECORD_BLINDED, 1, 5), 0, "nor has a blinded one");
  tap_is_u64(encode((al_record_kind)4, 0, 5), 0, "a kind that is none");
  size_t len = encode(AL_RECORD_IMMUTABLE, 0, 5);
  uint32_t taken = 0;
  for (unsigned byte = 0; byte < AL_RECORD_HEADER_BYTES; byte++) {
    for (unsigned v = 1; v < 256; v++) {
      buffer[byte] ^= (uint8_t)v;
      taken += al_record_decode(al_view(buffer, len), &r) == AL_OK;
      buffer[byte] ^= (uint8_t)v;
    }
  }
  tap_is_u64(taken, 0, "every byte of the header counts");
  len = encode(AL_RECORD_MUTABLE, 32, 0);
  buffer[5] = 33;
  tap_ok(al_record_decode(al_view(buffer, len + 1), &r) == AL_EPARSE, "salt of 33 on the wire");
  memset(buffer, 0, sizeof buffer);
  (void)encode(AL_RECORD_IMMUTABLE, 0, AL_RECORD_VALUE_BYTES_MAX);
  al_store_u16(buffer + 6, AL_RECORD_VALUE_BYTES_MAX + 1);
  tap_ok(al_record_decode(al_view(buffer, 8 + AL_RECORD_VALUE_BYTES_MAX + 1), &r) == AL_EPARSE,
         "value of 8,193 on the wire");
  al_record full = fields(AL_RECORD_MUTABLE, 32, 100);
  al_wr w = al_wr_init(buffer, 8 + 16 + AL_SIG_PK_BYTES + 32 + 99);
  tap_ok(al_record_encode_unsigned(&full, &w) == AL_EFULL && !al_wr_ok(&w),
         "a buffer too small is told");
}

int main(void) {
  for (size_t i = 0; i < sizeof value; i++) value[i] = (uint8_t)(i * 7 + i / 256);
  for (size_t i = 0; i < sizeof pk; i++) pk[i] = (uint8_t)(i * 3 + 1);
  for (size_t i = 0; i < sizeof salt; i++) salt[i] = (uint8_t)(200 - i);
  test_kind(AL_RECORD_IMMUTABLE, 0, 0, 8);
  test_kind(AL_RECORD_IMMUTABLE, 0, AL_RECORD_VALUE_BYTES_MAX, 8200);
  test_kind(AL_RECORD_MUTABLE, 0, 300, 5681);
  test_kind(AL_RECORD_MUTABLE, 32, AL_RECORD_VALUE_BYTES_MAX, AL_RECORD_BYTES_MAX);
  test_kind(AL_RECORD_BLINDED, 0, 0, 128);
  test_kind(AL_RECORD_BLINDED, 0, AL_RECORD_VALUE_BYTES_MAX, 8320);
  tap_is_u64(AL_RECORD_BYTES_MAX, 13605, "the largest record");
  test_bad();
  return tap_done();
}
