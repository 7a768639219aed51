/* store.c — what the nodes of a world have stored, record by record. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "inner.h"

static record *find_record(actor *a, al_bytes key) {
  for (record *r = a->store; r != NULL; r = r->next) {
    if (r->key_len == key.len && memcmp(r->key, key.ptr, key.len) == 0) return r;
  }
  return NULL;
}

static void *copy(al_bytes b) {
  uint8_t *p = malloc(b.len + 1);
  if (p == NULL) abort();
  if (b.len != 0) memcpy(p, b.ptr, b.len);
  return p;
}

static al_err s_put(al_store *s, al_bytes key, al_bytes value) {
  actor *a = (actor *)(void *)s;
  if (a->w->o.no_store) return AL_OK;
  record *r = find_record(a, key);
  if (r == NULL) {
    r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->key = copy(key);
    r->key_len = key.len;
    r->next = a->store;
    a->store = r;
  }
  free(r->value);
  r->value = copy(value);
  r->value_len = value.len;
  return AL_OK;
}

static al_err s_del(al_store *s, al_bytes key) {
  actor *a = (actor *)(void *)s;
  for (record **p = &a->store; *p != NULL; p = &(*p)->next) {
    record *r = *p;
    if (r->key_len != key.len || memcmp(r->key, key.ptr, key.len) != 0) continue;
    *p = r->next;
    free(r->key);
    free(r->value);
    free(r);
    return AL_OK;
  }
  return AL_OK;
}

const al_store_ops sim_store_ops = {s_put, s_del};

void sim_store_clear(actor *a) {
  while (a->store != NULL) {
    al_bytes key = {a->store->key, a->store->key_len};
    (void)s_del((al_store *)(void *)a, key);
  }
}

al_bytes sim_store_snapshot(const actor *a) {
  size_t len = 0;
  for (record *r = a->store; r != NULL; r = r->next) len += 6 + r->key_len + r->value_len;
  uint8_t *buf = malloc(len + 1), *p = buf;
  if (buf == NULL) abort();
  for (record *r = a->store; r != NULL; r = r->next) {
    sim_store_u16(p, (uint16_t)r->key_len);
    sim_store_u32(p + 2, (uint32_t)r->value_len);
    memcpy(p + 6, r->key, r->key_len);
    if (r->value_len != 0) memcpy(p + 6 + r->key_len, r->value, r->value_len);
    p += 6 + r->key_len + r->value_len;
  }
  return (al_bytes){buf, len};
}

bool world_record(world *w, uint32_t node, uint32_t index, al_bytes *key, al_bytes *value) {
  for (record *r = w->actors[node].store; r != NULL; r = r->next) {
    if (index-- != 0) continue;
    *key = (al_bytes){r->key, r->key_len};
    *value = (al_bytes){r->value, r->value_len};
    return true;
  }
  return false;
}

void world_record_put(world *w, uint32_t node, al_bytes key, al_bytes value) {
  (void)s_put((al_store *)(void *)&w->actors[node], key, value);
}
