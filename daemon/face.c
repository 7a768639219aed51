/* face.c — the addresses that a node announces. */
#include "face.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "policy.h"

enum { FOUND_MAX = 64 };

typedef struct found {
  al_endpoint e;
  unsigned rank;
} found;

typedef struct search {
  found all[FOUND_MAX];
  unsigned count;
  uint16_t port;
} search;

unsigned al_face_rank(const al_endpoint *e) {
  al_target t = {.kind = e->family == 4 ? AL_TARGET_IPV4 : AL_TARGET_IPV6};
  bool link_local = e->family == 6 ? e->addr[0] == 0xfe && (e->addr[1] & 0xc0) == 0x80
                                   : e->addr[0] == 169 && e->addr[1] == 254;
  bool multicast = e->family == 6 ? e->addr[0] == 0xff : e->addr[0] >= 224;
  if (link_local || multicast || al_endpoint_is_wildcard(e)) return 0;
  if (al_endpoint_is_loopback(e)) return 1;
  t.host_len = e->family == 4 ? 4 : 16;
  memcpy(t.host, e->addr, t.host_len);
  return al_policy_is_special(&t) ? 2 : 3;
}

static void add(search *s, const al_endpoint *e) {
  found f = {*e, al_face_rank(e)};
  if (f.e.port == 0) f.e.port = s->port;
  if (f.rank == 0) return;
  for (unsigned i = 0; i < s->count; i++)
    if (al_endpoint_equal(&s->all[i].e, &f.e)) return;
  if (s->count < FOUND_MAX) s->all[s->count++] = f;
}

static void add_interfaces(search *s, bool v4, bool v6) {
  struct ifaddrs *list = NULL;
  al_endpoint e;
  if (getifaddrs(&list) != 0) return;
  for (struct ifaddrs *i = list; i; i = i->ifa_next) {
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP)) continue;
    if (!al_endpoint_from_sockaddr(i->ifa_addr, &e)) continue;
    e.port = 0;
    if (e.family == 4 ? v4 : v6) add(s, &e);
  }
  freeifaddrs(list);
}

static void add_listened(search *s, char *const *listen) {
  al_endpoint e;
  for (; *listen; listen++) {
    bool all = strcmp(*listen, "*") == 0;
    if (!all && !al_endpoint_parse(*listen, 0, &e)) continue;
    if (all || al_endpoint_is_wildcard(&e))
      add_interfaces(s, all || e.family == 4, all || e.family == 6);
    else
      add(s, &e);
  }
}

static void add_announced(search *s, char *const *announce) {
  char host[AL_ADDRESS_HOST_MAX + 1];
  uint16_t port;
  al_endpoint e;
  for (; *announce; announce++)
    if (al_hostport_parse(*announce, 0, host, &port, NULL) && al_endpoint_parse(host, port, &e))
      add(s, &e);
}

static void take(al_face *f, const al_endpoint *e, const uint8_t *secret) {
  al_peer_address *a = &f->address[f->count];
  g_autofree char *text = al_endpoint_text(e);
  *a = (al_peer_address){.has_id = false};
  al_hostport_parse(text, 0, a->host, &a->port, NULL);
  memcpy(a->secret, secret, sizeof a->secret);
  f->record_len[f->count] = al_peer_address_record(a, e, f->record[f->count]);
  f->count++;
}

void al_face_make(al_face *ret, const al_settings *s, const uint8_t *secret, uint16_t port) {
  search all = {.port = port};
  unsigned best = 0;
  memset(ret, 0, sizeof *ret);
  if (s->announce[0])
    add_announced(&all, s->announce);
  else
    add_listened(&all, s->listen);
  for (unsigned i = 0; i < all.count; i++) best = MAX(best, all.all[i].rank);
  for (unsigned rank = 3; rank > 0; rank--) {
    if (rank == 1 && best > 1 && !s->announce[0]) break; /* loopback only if nothing else */
    for (unsigned i = 0; i < all.count && ret->count < AL_ADDRESSES_MAX; i++)
      if (all.all[i].rank == rank) take(ret, &all.all[i].e, secret);
  }
}

bool al_face_equal(const al_face *a, const al_face *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (a->record_len[i] != b->record_len[i] ||
        memcmp(a->record[i], b->record[i], a->record_len[i]) != 0)
      return false;
  return true;
}
