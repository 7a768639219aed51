/* 200 instances of gossip over a random graph: everybody comes to know everybody, also after the
 * network was in two. A book for each would take 440 MB, so this file has its own al_book_*
 * functions: records are shared, and each book only knows which of them it has (unit/gossip_rx has
 * real books). */
#include "test_gossip_net.h"

enum { NODES = 200, LINKS_EACH = 3 };

/* One book: which sequence of each node it has. The member `base` is what gossip sees. */
typedef struct fake_book {
  al_book base;
  uint8_t sequence[NODES]; /* 0: not known */
} fake_book;

static fake_book *books;
static al_peer_entry *entries; /* [node][sequence] */
static uint8_t *records;       /* the same: the beginning of each; zeros follow */
static unsigned *own;          /* sequence of each node's own */

enum { SEQUENCES = 4, HEAD = 8 };

static unsigned node_of(const al_id *id) { return al_load_u16(id->b); }

static al_id id_of(unsigned node) {
  al_id id = {{0}};
  al_store_u16(id.b, (uint16_t)node);
  id.b[31] = 1;
  return id;
}

static al_peer_entry *entry_of(unsigned node, unsigned sequence) {
  return &entries[node * SEQUENCES + sequence];
}

al_peer al_book_find(const al_book *b, const al_id *id) {
  const fake_book *f = (const fake_book *)b;
  unsigned node = node_of(id);
  return node < NODES && f->sequence[node] != 0 ? node + 1 : 0;
}

const al_peer_entry *al_book_get(const al_book *b, al_peer peer) {
  const fake_book *f = (const fake_book *)b;
  if (peer == 0 || peer > NODES || f->sequence[peer - 1] == 0) return NULL;
  return entry_of(peer - 1, f->sequence[peer - 1]);
}

al_peer al_book_each(const al_book *b, uint32_t *cursor) {
  const fake_book *f = (const fake_book *)b;
  while (*cursor < NODES)
    if (f->sequence[(*cursor)++] != 0) return *cursor;
  return 0;
}

const al_peer_entry *al_book_own(const al_book *b) {
  unsigned node = (unsigned)((const fake_book *)b - books);
  return own[node] != 0 ? entry_of(node, own[node]) : NULL;
}

/* Everybody is a member, and nobody in doubt. */
bool al_book_takes(const al_book *b, const al_id *id) {
  (void)b;
  (void)id;
  return true;
}

bool al_book_early(const al_book *b, al_peer peer) { return b != NULL && peer != 0; }
bool al_book_usable(const al_book *b, al_peer peer) { return b != NULL && peer != 0; }
bool al_book_doubted(const al_book *b, al_peer peer) { return b == NULL && peer != 0; }
bool al_book_forget(al_book *b, al_peer peer) { return b == NULL && peer != 0; }

void al_book_doubt(al_book *b, al_peer peer, bool on) {
  (void)b;
  (void)peer;
  (void)on;
}

static al_book *crowd_book(unsigned node) { return &books[node].base; }

static uint64_t crowd_sequence(unsigned node, const al_id *id) {
  return books[node].sequence[node_of(id)];
}

/* A record here is: node, sequence, zeros up to the length of a real one. */
static al_book_verdict crowd_put(crowd *c, unsigned node, al_bytes record, al_id *ret_id) {
  (void)c;
  unsigned whose = al_load_u16(record.ptr);
  uint8_t sequence = record.ptr[2], *have = &books[node].sequence[whose];
  *ret_id = id_of(whose);
  if (sequence <= *have) return sequence == *have ? AL_BOOK_SAME : AL_BOOK_STALE;
  al_book_verdict v = *have == 0 ? AL_BOOK_NEW : AL_BOOK_NEWER;
  *have = sequence;
  return v;
}

static void publish(crowd *c, unsigned i, unsigned sequence) {
  al_peer_entry *e = entry_of(i, sequence);
  e->id = c->n[i].id;
  e->desc.sequence = sequence;
  e->desc.expiry_s = CROWD_WALL_S + AL_DESC_LIFETIME_S;
  /* As a shelf keeps it: three bytes, then zeros. */
  uint8_t *r = records + HEAD * (i * SEQUENCES + sequence);
  al_store_u16(r, 3);
  al_store_u16(r + 2, AL_DESC_BYTES_MIN - 3);
  al_store_u16(r + 4, (uint16_t)i);
  r[6] = (uint8_t)sequence;
  e->data = r;
  e->data_len = HEAD - 1;
  e->record_len = AL_DESC_BYTES_MIN;
  own[i] = sequence;
  al_gossip_own(&c->n[i].g, c->now, sequence);
}

static crowd *start(void) {
  crowd *c = crowd_new(NODES);
  books = calloc(NODES, sizeof *books);
  entries = calloc((size_t)NODES * SEQUENCES, sizeof *entries);
  records = calloc((size_t)NODES * SEQUENCES, HEAD);
  own = calloc(NODES, sizeof *own);
  if (books == NULL || entries == NULL || records == NULL || own == NULL) abort();
  for (unsigned i = 0; i < NODES; i++) {
    c->n[i].id = id_of(i);
    crowd_node_init(c, i, 1024);
    publish(c, i, 1);
  }
  return c;
}

static void end(crowd *c) {
  crowd_free(c);
  free(books);
  free(entries);
  free(records);
  free(own);
}

/* Each node dials some of those that came before it, of its own half when the network is in two. */
static void connect_all(crowd *c, unsigned lo, unsigned hi) {
  for (unsigned i = lo + 1; i < hi; i++)
    for (unsigned k = 0; k < LINKS_EACH; k++)
      crowd_connect(c, i, lo + (unsigned)test_rand_below(i - lo));
}

static void report(const crowd *c, const char *what, unsigned ms) {
  printf("# %s: %u.%03u s, %.1f MB, %u digests, %u wants, %u descriptors\n", what, ms / 1000,
         ms % 1000, (double)c->bytes / 1e6, (unsigned)c->sent[AL_MESSAGE_DIGEST],
         (unsigned)c->sent[AL_MESSAGE_WANT], (unsigned)c->sent[AL_MESSAGE_DESCRIPTOR]);
}

static void test_all(void) {
  crowd *c = start();
  uint64_t pairs = (uint64_t)NODES * (NODES - 1);
  connect_all(c, 0, NODES);
  unsigned ms = crowd_settle(c, 1, 120 * AL_SECOND);
  report(c, "200 nodes at once", ms);
  tap_is_u64(crowd_known(c, 0, NODES, 1), pairs, "everybody knows everybody");
  tap_ok(ms < 20000, "within 20 s");
  tap_ok(c->sent[AL_MESSAGE_DESCRIPTOR] < pairs * 11 / 10,
         "and each got each descriptor once, give or take a tenth");
  tap_is_u64(crowd_count(c, AL_COUNT_gossip_rate) + crowd_count(c, AL_COUNT_gossip_full), 0,
             "no honest node meets a quota");
  uint64_t before = c->bytes;
  crowd_run(c, c->now + 120 * AL_SECOND);
  tap_is_u64(c->sent[AL_MESSAGE_DESCRIPTOR], c->verified, "all are delivered");
  uint64_t idle = (c->bytes - before) / NODES / 120;
  tap_ok(idle < 1000, "then %u bytes a second and node, for digests", (unsigned)idle);
  /* One node has a new descriptor. */
  publish(c, 7, 2);
  crowd_run(c, c->now + 4 * AL_SECOND);
  unsigned know = 0;
  for (unsigned i = 0; i < NODES; i++)
    if (books[i].sequence[7] == 2) know++;
  tap_is_u64(know, NODES - 1, "a new descriptor is with everybody after 4 s");
  end(c);
}

static void test_partition(void) {
  crowd *c = start();
  connect_all(c, 0, NODES / 2);
  connect_all(c, NODES / 2, NODES);
  crowd_run(c, c->now + 30 * AL_SECOND);
  uint64_t half = (uint64_t)(NODES / 2) * (NODES / 2 - 1);
  tap_ok(crowd_known(c, 0, NODES / 2, 1) == half && crowd_known(c, NODES / 2, NODES, 1) == half,
         "each half knows itself");
  tap_is_u64(crowd_known(c, 0, NODES, 1), 2 * half, "and no more");
  crowd_connect(c, 3, NODES / 2 + 5);
  unsigned ms = crowd_settle(c, 1, 300 * AL_SECOND);
  report(c, "one link between the halves", ms);
  tap_is_u64(crowd_known(c, 0, NODES, 1), (uint64_t)NODES * (NODES - 1), "one link heals it");
  tap_ok(ms < 60000, "within a minute");
  /* In two again, and new descriptors on both sides meanwhile. */
  for (int x = 0; x < CROWD_LINKS_MAX; x++)
    if (c->n[3].edges[x].link != 0 && c->n[3].edges[x].peer == NODES / 2 + 5)
      crowd_disconnect(c, 3, x);
  for (unsigned i = 0; i < NODES; i++) publish(c, i, 2);
  crowd_run(c, c->now + 30 * AL_SECOND);
  tap_is_u64(crowd_known(c, 0, NODES, 2), 2 * half, "in two again, with new descriptors");
  for (unsigned i = 0; i < 3; i++) crowd_connect(c, 10 + i, NODES / 2 + 10 + i);
  ms = crowd_settle(c, 2, 300 * AL_SECOND);
  report(c, "three links between the halves", ms);
  tap_is_u64(crowd_known(c, 0, NODES, 2), (uint64_t)NODES * (NODES - 1), "healed again");
  end(c);
}

/* Links come and go all the time. */
static void test_churn(void) {
  crowd *c = start();
  connect_all(c, 0, NODES);
  for (unsigned round = 0; round < 200; round++) {
    unsigned a = (unsigned)test_rand_below(NODES);
    int x = (int)test_rand_below(CROWD_LINKS_MAX);
    if (c->n[a].edges[x].link != 0) crowd_disconnect(c, a, x);
    crowd_connect(c, a, (unsigned)test_rand_below(NODES));
    crowd_run(c, c->now + 50 * AL_MS);
  }
  for (unsigned i = 0; i < NODES; i++) crowd_connect(c, i, (i + 1) % NODES);
  crowd_settle(c, 1, 120 * AL_SECOND);
  tap_is_u64(crowd_known(c, 0, NODES, 1), (uint64_t)NODES * (NODES - 1),
             "everybody knows everybody although links come and go");
  crowd_run(c, c->now + 60 * AL_SECOND);
  unsigned left = 0;
  for (unsigned i = 0; i < NODES; i++) left += al_map_count(&c->n[i].g.want_by_id);
  tap_is_u64(left, 0, "nothing is being looked for any more");
  end(c);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_all();
  test_partition();
  test_churn();
  return tap_done();
}
