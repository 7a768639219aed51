/* permit.c — exit policies: the decision. */
#include <string.h>

#include "policy.h"

/* Addresses that are not one host of the public Internet (RFC 6890 and its successors), and those
 * IPv6 ranges that carry an IPv4 address. */
static const struct {
  uint8_t family, prefix, addr[4];
} special[] = {
    {4, 8, {0}},           {4, 8, {10}},
    {4, 10, {100, 64}},    {4, 8, {127}},
    {4, 16, {169, 254}},   {4, 12, {172, 16}},
    {4, 24, {192, 0, 0}},  {4, 16, {192, 168}},
    {4, 15, {198, 18}},    {4, 3, {224}},
    {6, 8, {0}},           {6, 7, {0xfc}},
    {6, 10, {0xfe, 0x80}}, {6, 10, {0xfe, 0xc0}},
    {6, 8, {0xff}},        {6, 32, {0, 0x64, 0xff, 0x9b}},
    {6, 16, {0x20, 0x02}}, {6, 32, {0x20, 0x01}},
};

static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits) {
  unsigned whole = bits / 8, rest = bits % 8;
  if (memcmp(a, b, whole) != 0) return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool al_policy_is_special(const al_target *t) {
  if (t->kind == AL_TARGET_NAME) return false;
  for (size_t i = 0; i < G_N_ELEMENTS(special); i++)
    if (special[i].family == (uint8_t)t->kind &&
        prefix_equal(t->host, special[i].addr, special[i].prefix))
      return true;
  return false;
}

static bool is_unspecified(const al_target *t) {
  static const uint8_t zero[16];
  return t->kind != AL_TARGET_NAME &&
         memcmp(t->host, zero, t->kind == AL_TARGET_IPV4 ? 4 : 16) == 0;
}

bool al_policy_accepts(const al_policy *p, const al_target *t) {
  if (is_unspecified(t)) return false;
  if (al_policy_is_special(t)) return al_exit_match(p->named, p->named_count, t);
  return al_exit_match(p->rules, p->count, t);
}
