/* The shelf: one copy of each record for many books, packed, counted, and no more than storage. */
#include "book/book.h"
#include "support/test_alloc.h"
#include "support/test_chacha.h"
#include "tap.h"

enum { NODES = 40, LIMIT = 16 };

static const uint8_t secret[16] = "shelf";
static const al_suite *suite;
static al_suite counting;
static unsigned verified;
static al_identity nodes[NODES];
static uint8_t record[AL_DESC_BYTES_MAX];

static al_err counting_verify(const uint8_t *sig, const uint8_t *pk, al_bytes context,
                              al_bytes msg) {
  verified++;
  return suite->verify(sig, pk, context, msg);
}

static al_bytes make(int node, uint64_t sequence) {
  uint8_t coins[AL_SIG_COINS_BYTES] = {0}, address[AL_ADDRESS_BYTES_MAX];
  al_wr w = al_wr_init(record, sizeof record), aw = al_wr_init(address, sizeof address);
  al_desc d = {.flags = AL_DESC_RELAY | AL_DESC_EXIT,
               .capacity_mbit = 77,
               .sequence = sequence,
               .published_s = 1000,
               .expiry_s = 90000,
               .epoch = 10,
               .rules_count = 2,
               .onion_pk = {nodes[0].link_pk, nodes[1].link_pk}};
  d.rules[0] = (al_exit_rule){.accept = true, .port_min = 80, .port_max = 443};
  d.rules[1] = (al_exit_rule){.accept = true, .port_min = 1000, .port_max = 2000};
  al_address a = {.family = 4, .port = 1, .ip = {8, 8, (uint8_t)node, 1}};
  al_address_encode(&a, &aw);
  d.addresses[d.addresses_count++] = al_wr_view(&aw);
  if (al_descriptor_make(suite, &nodes[node], &d, coins, &w) != AL_OK) abort();
  return al_wr_view(&w);
}

static al_book_source source(void) { return (al_book_source){&counting, 1000, 0}; }

static al_book_verdict put(al_book *b, int node, uint64_t sequence) {
  al_peer peer;
  al_book_source from = source();
  return al_book_put(b, &from, make(node, sequence), &peer);
}

static const al_peer_entry *entry(const al_book *b, int node) {
  return al_book_get(b, al_book_find(b, &nodes[node].id));
}

/* Every part of a record comes back, from wherever. */
static bool reads_back(const al_peer_entry *e, al_bytes r) {
  static uint8_t out[AL_DESC_BYTES_MAX];
  for (size_t at = 0; at < r.len; at += 97) {
    size_t len = al_min_size(r.len - at, 1300);
    memset(out, 0xee, sizeof out);
    al_entry_copy(e, at, out, len);
    if (memcmp(out, r.ptr + at, len) != 0 || out[len] != 0xee) return false;
  }
  al_wr w = al_wr_init(out, sizeof out);
  al_entry_write(e, &w);
  return w.len == r.len && memcmp(out, r.ptr, r.len) == 0;
}

static void test_records(bool grows) {
  test_alloc ta;
  al_shelf s;
  al_desc d;
  al_shelved r[NODES];
  al_shelf_init(&s, test_alloc_bind(&ta), secret, grows);
  if (!grows) {
    (void)al_desc_decode(make(0, 1), &d);
    tap_is_u64(al_shelf_add(&s, suite, make(0, 1), &d, &nodes[0].id), 0, "no memory, no record");
    tap_ok(al_shelf_reserve(&s, NODES) == AL_OK, "reserved");
    ta.closed = true;
  }
  bool all = true, equal = true;
  for (int i = 0; i < NODES; i++) {
    al_bytes bytes = make(i, 1);
    all = all && al_shelf_find(&s, bytes) == 0 && al_desc_decode(bytes, &d) == AL_OK;
    r[i] = al_shelf_add(&s, suite, bytes, &d, &nodes[i].id);
    const al_peer_entry *e = al_shelf_get(&s, r[i]);
    all = all && r[i] != 0 && al_shelf_find(&s, bytes) == r[i] && reads_back(e, bytes);
    for (size_t at = 0; at < bytes.len; at += 41) {
      record[at] ^= 1;
      equal = equal && !al_entry_equal(e, bytes) && al_shelf_find(&s, bytes) == 0;
      record[at] ^= 1;
    }
    equal = equal && al_entry_equal(e, bytes) && !al_entry_equal(e, al_view(record, 100));
  }
  tap_ok(all, "%d records of %s are found and read back, %u bytes each", NODES, suite->name,
         (unsigned)(s.bytes / NODES));
  tap_ok(equal, "one changed byte is another record");
  const al_peer_entry *e = al_shelf_get(&s, r[7]);
  tap_ok(al_id_equal(&e->id, &nodes[7].id) && e->desc.capacity_mbit == 77 &&
             e->desc.rules_count == 2 && e->desc.rules[1].port_max == 2000 &&
             e->desc.addresses_count == 1 && e->desc.addresses[0].ptr[0] != 0 && e->group != 0,
         "what is asked often lies beside");
  al_shelf_ref(&s, r[7]);
  al_shelf_unref(&s, r[7]);
  tap_ok(al_shelf_find(&s, make(7, 1)) == r[7], "it stays while there is a reference");
  for (int i = 0; i < NODES; i += 2) al_shelf_unref(&s, r[i]);
  bool right = s.count == NODES / 2;
  for (int i = 0; i < NODES; i++)
    right = right && (al_shelf_find(&s, make(i, 1)) != 0) == (i % 2 == 1);
  tap_ok(right, "without one it goes, others stay");
  (void)al_desc_decode(make(0, 2), &d);
  tap_ok(al_shelf_add(&s, suite, al_view(record, d.signed_part.len + AL_SIG_BYTES), &d,
                      &nodes[0].id) != 0,
         "its place is taken again");
  al_shelf_clear(&s);
  tap_ok(test_alloc_clean(&ta), "all went back");
}

static void test_shared(void) {
  test_alloc ta, sa;
  const al_alloc *a = test_alloc_bind(&ta);
  al_shelf *s;
  al_book b[2];
  verified = 0;
  tap_ok(al_shelf_new(&s, test_alloc_bind(&sa), &counting, secret) == AL_OK, "a shelf");
  for (int i = 0; i < 2; i++) {
    if (al_book_init(&b[i], a, LIMIT, secret, &nodes[i].id) != AL_OK) abort();
    tap_ok(al_book_share(&b[i], s) == AL_OK, "book %u shares a shelf", i);
  }
  ta.closed = true; /* the shelf's memory is not the node's; entries find theirs when they come */
  tap_ok(put(&b[0], 5, 1) == AL_BOOK_NEW && verified == 1, "the first book verifies a record");
  tap_ok(al_book_find(&b[1], &nodes[5].id) == 0 && al_book_count(&b[1]) == 0,
         "the second does not know of it");
  tap_ok(put(&b[1], 5, 1) == AL_BOOK_NEW && verified == 1, "... and takes it without verifying");
  tap_ok(entry(&b[0], 5) == entry(&b[1], 5) && al_shelf_look(s).records == 1, "there is one copy");
  tap_ok(put(&b[1], 5, 1) == AL_BOOK_SAME && put(&b[0], 5, 2) == AL_BOOK_NEWER, "SAME, NEWER");
  tap_ok(entry(&b[1], 5)->desc.sequence == 1 && al_shelf_look(s).records == 2,
         "a newer record of one book is not the other's");
  tap_ok(put(&b[0], 5, 1) == AL_BOOK_STALE, "a record on the shelf can be stale for a book");
  tap_ok(put(&b[1], 5, 2) == AL_BOOK_NEWER && al_shelf_look(s).records == 1, "the old one goes");
  al_peer peer;
  al_book_source from = source();
  unsigned before = verified;
  size_t len = make(7, 1).len;
  record[len - 1] ^= 1;
  tap_ok(al_book_put(&b[0], &from, al_view(record, len), &peer) == AL_BOOK_SIGNATURE &&
             verified == before + 1,
         "what is not on the shelf is verified");
  const al_peer_entry *e;
  tap_ok(!al_book_verified(&b[1], al_view(record, len), &e), "and a forged one is never on it");
  from.suite = suite;
  tap_ok(al_book_put(&b[1], &from, make(1, 1), &peer) == AL_BOOK_SELF, "our own is not taken");
  tap_ok(al_book_set_own(&b[0], &counting, make(0, 1)) == AL_OK &&
             al_id_equal(&al_book_own(&b[0])->id, &nodes[0].id) && al_book_count(&b[0]) == 1,
         "the own descriptor is on the shelf, not in the book");
  tap_ok(al_book_set_own(&b[0], &counting, make(0, 2)) == AL_OK &&
             al_book_own(&b[0])->desc.sequence == 2 &&
             al_book_set_own(&b[0], &counting, al_view(record, 9)) == AL_EPARSE &&
             al_book_own(&b[0])->desc.sequence == 2,
         "a new one takes its place; one that is none does not");
  ta.closed = false;
  al_book_clear(&b[0]);
  tap_is_u64(al_shelf_look(s).records, 1, "a book that goes takes its references along");
  al_book_clear(&b[1]);
  tap_is_u64(al_shelf_look(s).records, 0, "and so does the last");
  al_shelf_free(s);
  tap_ok(test_alloc_clean(&ta) && test_alloc_clean(&sa), "all went back");
}

/* Memory that runs out while records come: told, nothing lost. */
static void test_memory(void) {
  test_alloc ta;
  al_shelf s;
  al_desc d;
  for (uint64_t n = 1; n <= 5; n++) {
    al_shelf_init(&s, test_alloc_bind(&ta), secret, true);
    ta.fail_from = n;
    uint32_t got = 0;
    for (int i = 0; i < NODES; i++) {
      al_bytes bytes = make(i, 1);
      (void)al_desc_decode(bytes, &d);
      if (al_shelf_add(&s, suite, bytes, &d, &nodes[i].id) != 0) got++;
    }
    uint32_t count = s.count;
    al_shelf_clear(&s);
    tap_ok(got == count && got < NODES && test_alloc_clean(&ta), "request %u refused: %u records",
           (unsigned)n, got);
  }
}

int main(void) {
  const al_suite *both[2] = {al_suite_null(), al_suite_hacl()};
  for (int k = 0; k < 2; k++) {
    suite = both[k];
    counting = *suite;
    counting.verify = counting_verify;
    for (int i = 0; i < NODES; i++) {
      uint8_t root[32] = {(uint8_t)(i + 1), 9};
      al_identity_init(suite, root, &nodes[i]);
    }
    test_records(true);
    test_records(false);
    test_shared();
    test_memory();
  }
  return tap_done();
}
