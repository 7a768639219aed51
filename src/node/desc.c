/* desc.c — records of services on their way to and from the DHT: asked for through circuits, a few
 * at a time, so that those who keep them do not learn who asks. */
#include "node/records.h"
#include "node/visit.h"

enum {
  WAITING_MAX = 256,
  UNDER_WAY_MAX = 8, /* of the node's questions */
  PUT_AGAIN_US = 3000000,
};

/* A question that waits for its turn. */
struct node_desc {
  struct node_desc *next;
  al_record_op op;
  uint32_t token;
  al_id key;
  size_t len;
  uint8_t bytes[]; /* to put */
};

static void add(al_node *n, const struct node_desc *q, al_bytes record) {
  struct node_desc **at = &n->meets->descs;
  uint32_t count = 0;
  while (*at != NULL) {
    at = &(*at)->next;
    count++;
  }
  struct node_desc *d = count < WAITING_MAX ? al_new(&n->alloc, sizeof *d + record.len) : NULL;
  if (d == NULL) return; /* a put is repeated, a fetch has its time-out */
  d->op = q->op;
  d->token = q->token;
  d->key = q->key;
  d->len = record.len;
  if (record.len != 0) memcpy(d->bytes, record.ptr, record.len);
  *at = d;
}

void al_node_desc_put(al_node *n, al_bytes record) {
  add(n, &(struct node_desc){.op = AL_RECORD_PUBLISH}, record);
}

void al_node_desc_get(al_node *n, const al_id *key, uint32_t token) {
  const struct node_desc q = {.op = AL_RECORD_FETCH, .key = *key, .token = token};
  add(n, &q, al_view(NULL, 0));
}

void al_node_desc_node(al_node *n, const al_id *id, uint32_t token) {
  const struct node_desc q = {.op = AL_RECORD_DESCRIBE, .key = *id, .token = token};
  add(n, &q, al_view(NULL, 0));
}

static void drop_first(al_node *n) {
  struct node_desc *d = n->meets->descs;
  n->meets->descs = d->next;
  al_delete(&n->alloc, d, sizeof *d + d->len);
}

void al_node_desc_clear(al_node *n) {
  while (n->meets->descs != NULL) drop_first(n);
}

/* Whether it is under way; without a place for it, it waits. */
static bool start_first(al_node *n, al_work *w) {
  const struct node_desc *d = n->meets->descs;
  al_record_ask ask = {.op = d->op, .key = d->key, .record = al_view(d->bytes, d->len)};
  node_ask *a;
  al_err e = al_node_ask_new(n, &ask, ASK_SERVICE, &a);
  if (e == AL_EFULL) return false;
  uint32_t token = d->token;
  drop_first(n);
  if (e == AL_OK) {
    a->token = token;
    al_node_ask_begin(n, w, a);
  } else if (ask.op == AL_RECORD_FETCH) {
    al_node_desc_got(n, w, token, al_view(NULL, 0));
  } else if (ask.op == AL_RECORD_DESCRIBE) {
    al_node_trip_learnt(n, w, token, false);
  }
  return true;
}

static uint32_t under_way(const al_node *n) {
  uint32_t count = 0;
  for (const node_ask *a = n->records.asks; a != NULL; a = a->next)
    count += a->owner == ASK_SERVICE && a->stage != ASK_DONE;
  return count;
}

static void hear(al_node *n, al_work *w, node_ask *a) {
  al_bytes record = {NULL, 0};
  a->heard = true;
  if (a->op == AL_RECORD_PUBLISH && a->status != AL_RECORD_OK && n->meets->put_again_at == 0)
    n->meets->put_again_at = n->now + PUT_AGAIN_US;
  if (a->op == AL_RECORD_DESCRIBE) al_node_trip_learnt(n, w, a->token, a->found_len != 0);
  if (a->op != AL_RECORD_FETCH) return;
  if (a->found_len > AL_ASK_PREFIX_BYTES)
    record = al_view(a->found + AL_ASK_PREFIX_BYTES, a->found_len - AL_ASK_PREFIX_BYTES);
  al_node_desc_got(n, w, a->token, record);
}

void al_node_desc_settle(al_node *n, al_work *w) {
  if (n->meets == NULL) return;
  for (node_ask *a = n->records.asks; a != NULL; a = a->next) {
    if (a->owner == ASK_SERVICE && a->stage == ASK_DONE && !a->heard) hear(n, w, a);
  }
  while (n->meets->descs != NULL && al_work_may_tell(w) && under_way(n) < UNDER_WAY_MAX) {
    if (!start_first(n, w)) return;
  }
}
