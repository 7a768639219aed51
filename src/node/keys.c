/* keys.c — onion keys and their replay tags epoch by epoch, and this node's own descriptor. */
#include "node/parts.h"
#include "node/wake.h"

static uint64_t epoch_now(const al_node *n) { return al_node_wall_s(n) / AL_EPOCH_S; }

static node_onion *find(al_node *n, uint64_t epoch) {
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) {
    if (n->onion[i].used && n->onion[i].epoch == epoch) return &n->onion[i];
  }
  return NULL;
}

void al_node_onion_erase(node_onion *o) {
  o->loaded = o->record_base = 0;
  al_wipe(o->seed, sizeof o->seed);
  if (o->sk != NULL) al_wipe(o->sk, AL_KEM_SK_BYTES);
  o->used = false;
  if (o->replay != NULL) al_replay_reset(o->replay);
}

static node_onion *place(al_node *n, uint64_t epoch, const uint8_t *seed) {
  node_onion *o = NULL;
  for (int i = 0; i < AL_NODE_ONION_KEYS && o == NULL; i++) {
    if (!n->onion[i].used) o = &n->onion[i];
  }
  if (o == NULL) return NULL;
  o->used = true;
  o->epoch = epoch;
  memcpy(o->seed, seed, sizeof o->seed);
  uint8_t pk[AL_KEM_PK_BYTES];
  if (o->sk != NULL) n->suite->kem_keypair(pk, o->sk, o->seed);
  return o;
}

/* An epoch's key is of use from an hour before its epoch to an hour after. Without a clean mark the
 * tags may be incomplete: then no key of the last run is used again (PROTOCOL.md 5.6). */
bool al_node_onion_restore(al_node *n, uint64_t epoch, al_bytes seed) {
  uint64_t now = epoch_now(n);
  if (!n->was_clean || seed.len != AL_KEM_SEED_BYTES || find(n, epoch) != NULL) return false;
  if (epoch + 1 < now || epoch > now + 1) return false;
  return place(n, epoch, seed.ptr) != NULL;
}

static node_onion *make(al_node *n, uint64_t epoch) {
  uint8_t seed[AL_KEM_SEED_BYTES];
  al_rng_bytes(&n->rng, seed, sizeof seed);
  node_onion *o = place(n, epoch, seed);
  if (o != NULL) o->record_base = al_node_stale_tags(n, epoch); /* those are still being deleted */
  al_wipe(seed, sizeof seed);
  return o;
}

al_err al_node_keys_expand(al_node *n) {
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) {
    n->onion[i].sk = al_new(&n->alloc, AL_KEM_SK_BYTES);
    if (n->onion[i].sk == NULL) return AL_ENOMEM;
  }
  return AL_OK;
}

al_err al_node_keys_init(al_node *n) {
  uint64_t now = epoch_now(n);
  for (uint64_t e = now; e <= now + 1; e++) {
    if (find(n, e) == NULL && make(n, e) == NULL) return AL_EFULL;
  }
  return AL_OK;
}

/* What a new start must make durable before anybody can have used it. */
void al_node_keys_begin(al_node *n, al_work *w) {
  al_node_store_forget(n, w, "clean");
  al_node_forget_stale(n, w);
  al_node_store_u64(n, w, "seq", n->sequence);
  if (n->puzzle_known) al_node_store_u64(n, w, "puzzle", n->puzzle);
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) {
    if (n->onion[i].used) al_node_store_onion(n, w, &n->onion[i]);
  }
}

void al_node_keys_clear(al_node *n) {
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) {
    node_onion *o = &n->onion[i];
    al_wipe(o->seed, sizeof o->seed);
    if (o->sk == NULL) continue;
    al_wipe(o->sk, AL_KEM_SK_BYTES);
    al_delete(&n->alloc, o->sk, AL_KEM_SK_BYTES);
  }
}

const node_onion *al_node_onion_now(const al_node *n) {
  return find((al_node *)(uintptr_t)n, epoch_now(n));
}

void al_node_keys_house(al_node *n, al_work *w) {
  uint64_t wall = al_node_wall_s(n), now = epoch_now(n);
  bool fresh = false;
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) {
    node_onion *o = &n->onion[i];
    if (!o->used || o->epoch >= now) continue;
    if ((o->epoch + 1) * AL_EPOCH_S + AL_NODE_GRACE_S > wall) continue;
    al_node_forget_onion(n, w, o);
    al_node_onion_erase(o);
  }
  for (uint64_t e = now; e <= now + 1; e++) {
    if (find(n, e) != NULL) continue;
    node_onion *o = make(n, e);
    if (o == NULL) continue; /* until the old one's grace is over */
    al_node_store_onion(n, w, o);
    fresh = true;
  }
  if (!fresh && wall < n->published_s + AL_NODE_PUBLISH_S) return;
  if (al_node_publish(n) == AL_OK) al_node_store_u64(n, w, "seq", n->sequence);
}

void al_node_onion_pk(const al_node *n, const node_onion *o, uint8_t pk[AL_KEM_PK_BYTES]) {
  uint8_t sk[AL_KEM_SK_BYTES];
  n->suite->kem_keypair(pk, sk, o->seed);
  al_wipe(sk, sizeof sk);
}

static void fill_fields(const al_node *n, al_desc *d, uint8_t pk[2][AL_KEM_PK_BYTES]) {
  uint64_t now = epoch_now(n);
  al_node_onion_pk(n, al_node_onion_now(n), pk[0]);
  al_node_onion_pk(n, find((al_node *)(uintptr_t)n, now + 1), pk[1]);
  d->flags = (uint16_t)((n->relay ? AL_DESC_RELAY : 0) | (n->rules_count != 0 ? AL_DESC_EXIT : 0));
  d->sequence = n->sequence;
  d->published_s = n->published_s;
  d->expiry_s = n->published_s + AL_DESC_LIFETIME_S;
  d->epoch = now;
  d->puzzle = n->puzzle;
  d->onion_pk[0] = pk[0];
  d->onion_pk[1] = pk[1];
  d->addresses_count = n->addresses_count;
  for (uint32_t i = 0; i < n->addresses_count; i++) {
    d->addresses[i] = al_view(n->addresses[i].bytes, n->addresses[i].len);
  }
  d->rules_count = n->rules_count;
  for (uint32_t i = 0; i < n->rules_count; i++) d->rules[i] = n->rules[i];
  d->software = al_view("allium/0.1.0", 12);
}

/* Sign and announce a new descriptor of this node. */
al_err al_node_publish(al_node *n) {
  al_desc d = {0};
  uint8_t coins[AL_SIG_COINS_BYTES];
  uint8_t record[AL_DESC_BYTES_MAX], pk[2][AL_KEM_PK_BYTES];
  al_identity scratch;
  al_wr w = al_wr_init(record, sizeof record);
  if (!n->puzzle_known && !n->simulation) {
    while (!al_puzzle_search(n->suite, &n->identity.id, 65536, &n->puzzle)) {
    }
    n->puzzle_known = true;
  }
  uint64_t wall = al_node_wall_s(n);
  n->sequence = al_max_u64(n->sequence + 1, wall);
  n->published_s = wall;
  fill_fields(n, &d, pk);
  al_rng_bytes(&n->rng, coins, sizeof coins);
  const al_identity *me = al_keyring_get(&n->identity, &scratch);
  al_err e = al_descriptor_make(n->suite, me, &d, coins, &w);
  if (me == &scratch) al_identity_clear(&scratch);
  al_wipe(coins, sizeof coins);
  if (e != AL_OK) return e;
  e = al_book_set_own(&n->book, n->suite, al_wr_view(&w));
  if (e != AL_OK) return e;
  al_gossip_own(&n->gossip, n->now, n->sequence);
  return AL_OK;
}

/* ---- opening set-up packets ---- */

static bool in_use(const al_node *n, const node_onion *o) {
  uint64_t wall = al_node_wall_s(n), now = epoch_now(n);
  if (!o->used) return false;
  if (o->epoch == now) return true;
  if (o->epoch < now) return wall < (o->epoch + 1) * AL_EPOCH_S + AL_NODE_GRACE_S;
  return wall + AL_NODE_GRACE_S >= o->epoch * AL_EPOCH_S;
}

static al_err replay_check(al_node *n, al_work *w, node_onion *o, const al_sphinx_keys *keys,
                           al_reason *ret_why) {
  switch (al_replay_add(o->replay, keys->tag)) {
    case AL_REPLAY_NEW:
      al_node_store_tag(n, w, o);
      return AL_OK;
    case AL_REPLAY_SEEN:
      al_count(&n->counters, AL_COUNT_sphinx_replay);
      *ret_why = AL_REASON_REPLAY;
      return AL_ECRYPTO;
    case AL_REPLAY_FULL:
      break;
  }
  al_count(&n->counters, AL_COUNT_sphinx_replay_full);
  *ret_why = AL_REASON_RESOURCE;
  return AL_EFULL;
}

static al_err sphinx_open(const al_node *n, const node_onion *o, const uint8_t *packet,
                          al_sphinx_keys *ret) {
  if (o->sk != NULL) return al_sphinx_open(n->suite, packet, o->sk, ret);
  uint8_t pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES];
  n->suite->kem_keypair(pk, sk, o->seed);
  al_err e = al_sphinx_open(n->suite, packet, sk, ret);
  al_wipe(sk, sizeof sk);
  return e;
}

al_err al_node_onion_open(al_node *n, al_work *w, const uint8_t *packet, al_sphinx_keys *ret,
                          al_reason *ret_why) {
  /* The current epoch first: it is nearly always the one. */
  for (uint64_t turn = 0; turn < 3; turn++) {
    static const int8_t order[3] = {0, -1, 1};
    node_onion *o = find(n, epoch_now(n) + (uint64_t)(int64_t)order[turn]);
    if (o == NULL || !in_use(n, o)) continue;
    al_err e = sphinx_open(n, o, packet, ret);
    if (e == AL_EPARSE) {
      al_count(&n->counters, AL_COUNT_sphinx_parse);
      *ret_why = AL_REASON_PROTOCOL;
      return e;
    }
    if (e != AL_OK) continue;
    e = replay_check(n, w, o, ret, ret_why);
    if (e != AL_OK) al_wipe(ret, sizeof *ret);
    return e;
  }
  al_count(&n->counters, AL_COUNT_sphinx_auth);
  *ret_why = AL_REASON_KEY;
  return AL_ECRYPTO;
}

void al_identity_name(const al_suite *suite, const uint8_t identity[32], al_id *ret) {
  al_identity all;
  al_identity_init(suite, identity, &all);
  *ret = all.id;
  al_identity_clear(&all);
}
