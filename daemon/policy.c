/* policy.c — exit policies as text. The decision is in permit.c. */
#include "policy.h"

#include <arpa/inet.h>
#include <string.h>

#include "address.h"
#include "error.h"

static bool fail(GError **err, const char *rule, const char *what) {
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "exit rule `%s`: %s", rule, what);
  return false;
}

static bool parse_ports(const char *text, al_exit_rule *r) {
  g_auto(GStrv) part = g_strsplit(text, "-", 2);
  guint64 low = 1, high = 65535;
  if (strcmp(text, "*") != 0) {
    if (!part[0] || !g_ascii_string_to_unsigned(part[0], 10, 1, 65535, &low, NULL)) return false;
    high = low;
    if (part[1] && !g_ascii_string_to_unsigned(part[1], 10, low, 65535, &high, NULL)) return false;
  }
  r->port_min = (uint16_t)low;
  r->port_max = (uint16_t)high;
  return true;
}

/* ADDR or ADDR/PREFIX, without brackets. */
static bool parse_range(const char *text, al_exit_rule *r, const char **what) {
  g_auto(GStrv) part = g_strsplit(text, "/", 2);
  al_endpoint e;
  guint64 bits;
  *what = "want `*`, an IPv4 or an [IPv6] address, with or without /PREFIX; names do not work";
  if (!part[0] || !al_endpoint_parse(part[0], 0, &e)) return false;
  guint64 all = e.family == 4 ? 32 : 128;
  *what = "the prefix is not a number of bits of this address";
  bits = all;
  if (part[1] && !g_ascii_string_to_unsigned(part[1], 10, 0, all, &bits, NULL)) return false;
  *what = "the address has bits set behind its prefix";
  uint8_t masked[16] = {0};
  memcpy(masked, e.addr, bits / 8);
  if (bits % 8) masked[bits / 8] = (uint8_t)(e.addr[bits / 8] & (0xff00U >> (bits % 8)));
  if (memcmp(masked, e.addr, 16) != 0) return false;
  r->family = e.family;
  r->prefix = (uint8_t)bits;
  memcpy(r->addr, masked, 16);
  return true;
}

/* `[ADDR]/PREFIX` and `[ADDR/PREFIX]` mean the same. */
static char *without_brackets(const char *text) {
  GString *s = g_string_new(NULL);
  for (; *text; text++)
    if (*text != '[' && *text != ']') g_string_append_c(s, *text);
  return g_string_free(s, FALSE);
}

static bool parse_rule(const char *rule, al_exit_rule *r, GError **err) {
  g_autofree char *range = NULL;
  const char *what = NULL, *at = rule, *colon;
  *r = (al_exit_rule){0};
  if (g_str_has_prefix(at, "accept "))
    r->accept = true;
  else if (!g_str_has_prefix(at, "reject "))
    return fail(err, rule, "want `accept ADDRESS:PORTS` or `reject ADDRESS:PORTS`");
  at += strlen("accept ");
  while (*at == ' ') at++;
  colon = strrchr(at, ':');
  if (!colon) return fail(err, rule, "the ports are missing (ADDRESS:PORTS)");
  if (!parse_ports(colon + 1, r)) return fail(err, rule, "want ports as `*`, `443` or `80-443`");
  g_autofree char *address = g_strndup(at, (gsize)(colon - at));
  if (strcmp(address, "*") == 0) return true;
  bool bracket = strchr(address, '[') && strchr(address, ']');
  if (strchr(address, ':') && !bracket) return fail(err, rule, "write an IPv6 address in brackets");
  range = without_brackets(address);
  return parse_range(range, r, &what) || fail(err, rule, what);
}

/* Rules that may decide about a special address: all that reject, and those that accept a range. */
static void keep_named(al_policy *p) {
  for (uint32_t i = 0; i < p->count; i++) {
    const al_exit_rule *r = &p->rules[i];
    if (!r->accept || (r->family != 0 && r->prefix != 0)) p->named[p->named_count++] = *r;
  }
}

bool al_policy_parse(const char *text, al_policy *ret, GError **err) {
  al_policy p = {0};
  g_auto(GStrv) part = g_strsplit_set(text ? text : "", ",\n", -1);
  for (guint i = 0; part[i]; i++) {
    const char *rule = g_strstrip(part[i]);
    if (*rule == 0) continue;
    if (p.count == AL_EXIT_RULES_MAX) return fail(err, rule, "more than 16 rules");
    if (!parse_rule(rule, &p.rules[p.count], err)) return false;
    p.count++;
  }
  keep_named(&p);
  *ret = p;
  return true;
}

static void rule_text(GString *s, const al_exit_rule *r) {
  char host[INET6_ADDRSTRLEN] = "*";
  if (r->family) inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->addr, host, sizeof host);
  g_string_append(s, r->accept ? "accept " : "reject ");
  g_string_append_printf(s, r->family == 6 ? "[%s]" : "%s", host);
  if (r->family && r->prefix != (r->family == 4 ? 32 : 128))
    g_string_append_printf(s, "/%u", r->prefix);
  if (r->port_min <= 1 && r->port_max == 65535)
    g_string_append(s, ":*");
  else if (r->port_min == r->port_max)
    g_string_append_printf(s, ":%u", r->port_min);
  else
    g_string_append_printf(s, ":%u-%u", r->port_min, r->port_max);
}

char *al_policy_text(const al_exit_rule *rules, size_t count) {
  GString *s = g_string_new(NULL);
  for (size_t i = 0; i < count; i++) {
    if (i) g_string_append(s, ", ");
    rule_text(s, &rules[i]);
  }
  return g_string_free(s, FALSE);
}
