/* descriptor.c — see descriptor.h. Decoder and encoder share one test of what may be in a record,
 * so that each takes exactly what the other gives. */
#include "wire/descriptor.h"

#include "wire/address.h"

static const uint8_t magic[4] = {'A', 'L', 'D', '1'};

static bool prefix_valid(const al_exit_rule *rule, uint32_t bits) {
  if (rule->prefix > bits) return false;
  for (uint32_t bit = rule->prefix; bit < 128; bit++) {
    if ((rule->addr[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

bool al_exit_rule_valid(const al_exit_rule *rule) {
  if (rule->port_min > rule->port_max) return false;
  switch (rule->family) {
    case 0:
      return prefix_valid(rule, 0);
    case 4:
      return prefix_valid(rule, 32);
    case 6:
      return prefix_valid(rule, 128);
    default:
      return false;
  }
}

/* An unknown kind of address is carried, so that a new one needs no new version; kind 1 is checked.
 */
static bool address_valid(al_bytes record) {
  al_address unused;
  if (record.len == 0 || record.len > AL_ADDRESS_BYTES_MAX) return false;
  return record.ptr[0] != AL_ADDRESS_KIND_WEBRTC || al_address_decode(record, &unused) == AL_OK;
}

static bool software_valid(al_bytes text) {
  if (text.len > AL_DESC_SOFTWARE_BYTES_MAX) return false;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e) return false;
  }
  return true;
}

static bool valid(const al_desc *d) {
  if ((d->flags & ~AL_DESC_FLAGS) != 0) return false;
  if (((d->flags & AL_DESC_EXIT) != 0) != (d->rules_count != 0)) return false;
  if (d->expiry_s <= d->published_s || d->expiry_s - d->published_s > AL_DESC_LIFETIME_S_MAX)
    return false;
  if (d->addresses_count > AL_ADDRESSES_MAX || d->rules_count > AL_EXIT_RULES_MAX) return false;
  for (uint32_t i = 0; i < d->addresses_count; i++) {
    if (!address_valid(d->addresses[i])) return false;
  }
  for (uint32_t i = 0; i < d->rules_count; i++) {
    if (!al_exit_rule_valid(&d->rules[i])) return false;
  }
  return software_valid(d->software);
}

static void read_addresses(al_rd *r, al_desc *d) {
  d->addresses_count = al_rd_u8(r);
  if (d->addresses_count > AL_ADDRESSES_MAX) {
    al_rd_fail(r);
    d->addresses_count = 0;
  }
  for (uint32_t i = 0; i < d->addresses_count; i++) {
    size_t len = al_rd_u8(r);
    d->addresses[i] = al_rd_bytes(r, len);
  }
}

static void read_rules(al_rd *r, al_desc *d) {
  d->rules_count = al_rd_u8(r);
  if (d->rules_count > AL_EXIT_RULES_MAX) {
    al_rd_fail(r);
    d->rules_count = 0;
  }
  for (uint32_t i = 0; i < d->rules_count; i++) {
    al_exit_rule *rule = &d->rules[i];
    uint8_t accept = al_rd_u8(r);
    rule->accept = accept == 1;
    rule->family = al_rd_u8(r);
    rule->prefix = al_rd_u8(r);
    if (accept > 1 || al_rd_u8(r) != 0) al_rd_fail(r);
    al_rd_copy(r, rule->addr, sizeof rule->addr);
    rule->port_min = al_rd_u16(r);
    rule->port_max = al_rd_u16(r);
  }
}

al_err al_desc_decode(al_bytes record, al_desc *ret) {
  al_rd r = al_rd_init(record);
  al_desc d = {0};
  al_bytes start = al_rd_bytes(&r, sizeof magic);
  if (start.ptr == NULL || memcmp(start.ptr, magic, sizeof magic) != 0) return AL_EPARSE;
  d.flags = al_rd_u16(&r);
  d.capacity_mbit = al_rd_u16(&r);
  d.sequence = al_rd_u64(&r);
  d.published_s = al_rd_u64(&r);
  d.expiry_s = al_rd_u64(&r);
  d.epoch = al_rd_u64(&r);
  d.puzzle = al_rd_u64(&r);
  d.sig_pk = al_rd_bytes(&r, AL_SIG_PK_BYTES).ptr;
  d.link_pk = al_rd_bytes(&r, AL_KEM_PK_BYTES).ptr;
  d.onion_pk[0] = al_rd_bytes(&r, AL_KEM_PK_BYTES).ptr;
  d.onion_pk[1] = al_rd_bytes(&r, AL_KEM_PK_BYTES).ptr;
  read_addresses(&r, &d);
  read_rules(&r, &d);
  size_t software_bytes = al_rd_u8(&r);
  d.software = al_rd_bytes(&r, software_bytes);
  d.signed_part = al_view(record.ptr, r.pos);
  d.signature = al_rd_bytes(&r, AL_SIG_BYTES).ptr;
  if (!al_rd_done(&r) || !valid(&d)) return AL_EPARSE;
  *ret = d;
  return AL_OK;
}

static void write_rule(al_wr *w, const al_exit_rule *rule) {
  al_wr_u8(w, rule->accept ? 1 : 0);
  al_wr_u8(w, rule->family);
  al_wr_u8(w, rule->prefix);
  al_wr_u8(w, 0);
  al_wr_copy(w, rule->addr, sizeof rule->addr);
  al_wr_u16(w, rule->port_min);
  al_wr_u16(w, rule->port_max);
}

al_err al_desc_encode_unsigned(const al_desc *d, al_wr *w) {
  if (!valid(d)) return AL_EINVAL;
  al_wr_copy(w, magic, sizeof magic);
  al_wr_u16(w, d->flags);
  al_wr_u16(w, d->capacity_mbit);
  al_wr_u64(w, d->sequence);
  al_wr_u64(w, d->published_s);
  al_wr_u64(w, d->expiry_s);
  al_wr_u64(w, d->epoch);
  al_wr_u64(w, d->puzzle);
  al_wr_copy(w, d->sig_pk, AL_SIG_PK_BYTES);
  al_wr_copy(w, d->link_pk, AL_KEM_PK_BYTES);
  al_wr_copy(w, d->onion_pk[0], AL_KEM_PK_BYTES);
  al_wr_copy(w, d->onion_pk[1], AL_KEM_PK_BYTES);
  al_wr_u8(w, (uint8_t)d->addresses_count);
  for (uint32_t i = 0; i < d->addresses_count; i++) {
    al_wr_u8(w, (uint8_t)d->addresses[i].len);
    al_wr_bytes(w, d->addresses[i]);
  }
  al_wr_u8(w, (uint8_t)d->rules_count);
  for (uint32_t i = 0; i < d->rules_count; i++) write_rule(w, &d->rules[i]);
  al_wr_u8(w, (uint8_t)d->software.len);
  al_wr_bytes(w, d->software);
  return al_wr_ok(w) ? AL_OK : AL_EFULL;
}
