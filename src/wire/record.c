/* record.c — see record.h. Decoder and encoder share one test of what may be in a record. */
#include "wire/record.h"

static const uint8_t magic[4] = {'A', 'L', 'R', '1'};

/* Whether the numbers of a header can stand together. */
static bool header_valid(uint8_t kind, size_t salt_len, size_t value_len) {
  if (value_len > AL_RECORD_VALUE_BYTES_MAX) return false;
  switch (kind) {
    case AL_RECORD_IMMUTABLE:
    case AL_RECORD_BLINDED:
      return salt_len == 0;
    case AL_RECORD_MUTABLE:
      return salt_len <= AL_RECORD_SALT_BYTES_MAX;
    default:
      return false;
  }
}

al_err al_record_decode(al_bytes bytes, al_record *ret) {
  al_rd r = al_rd_init(bytes);
  al_record d = {.kind = AL_RECORD_IMMUTABLE};
  al_bytes start = al_rd_bytes(&r, sizeof magic);
  uint8_t kind = al_rd_u8(&r), salt_len = al_rd_u8(&r);
  uint16_t value_len = al_rd_u16(&r);
  if (!al_rd_ok(&r) || memcmp(start.ptr, magic, sizeof magic) != 0) return AL_EPARSE;
  if (!header_valid(kind, salt_len, value_len)) return AL_EPARSE;
  d.kind = (al_record_kind)kind;
  size_t signature_len = 0;
  if (d.kind != AL_RECORD_IMMUTABLE) {
    bool hybrid = d.kind == AL_RECORD_MUTABLE;
    signature_len = hybrid ? AL_SIG_BYTES : AL_ED_SIG_BYTES;
    d.sequence = al_rd_u64(&r);
    d.expiry_s = al_rd_u64(&r);
    d.pk = al_rd_bytes(&r, hybrid ? AL_SIG_PK_BYTES : AL_ED_PK_BYTES).ptr;
    if (!hybrid) d.period = al_rd_u64(&r);
  }
  d.salt = al_rd_bytes(&r, salt_len);
  d.value = al_rd_bytes(&r, value_len);
  d.signed_part = al_view(bytes.ptr, r.pos);
  d.signature = al_rd_bytes(&r, signature_len).ptr;
  if (!al_rd_done(&r)) return AL_EPARSE;
  *ret = d;
  return AL_OK;
}

al_err al_record_encode_unsigned(const al_record *r, al_wr *w) {
  if (!header_valid((uint8_t)r->kind, r->salt.len, r->value.len)) return AL_EINVAL;
  al_wr_copy(w, magic, sizeof magic);
  al_wr_u8(w, (uint8_t)r->kind);
  al_wr_u8(w, (uint8_t)r->salt.len);
  al_wr_u16(w, (uint16_t)r->value.len);
  if (r->kind != AL_RECORD_IMMUTABLE) {
    bool hybrid = r->kind == AL_RECORD_MUTABLE;
    al_wr_u64(w, r->sequence);
    al_wr_u64(w, r->expiry_s);
    al_wr_copy(w, r->pk, hybrid ? AL_SIG_PK_BYTES : AL_ED_PK_BYTES);
    if (!hybrid) al_wr_u64(w, r->period);
  }
  al_wr_bytes(w, r->salt);
  al_wr_bytes(w, r->value);
  return al_wr_ok(w) ? AL_OK : AL_EFULL;
}
