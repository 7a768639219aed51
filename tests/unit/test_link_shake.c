/* Handshakes of links: known and unknown answerer, wrong secrets, wrong identities, bad
 * descriptors, silence; the table of links. */
#include "test_link_net.h"

static const al_suite *suite;

static bool is_up(const net *t, unsigned side) {
  return al_link_is_up(&t->n[side].ls, t->n[side].link[0]);
}

static void check_up(net *t, const char *what) {
  al_id peer;
  for (unsigned i = 0; i < 2; i++) {
    const al_id *other = &t->n[1 - i].identity.id;
    tap_ok(is_up(t, i) && t->n[i].ups == 1, "%s: side %u is up once", what, i);
    tap_is_mem(t->n[i].up_peer.b, other->b, 32, "%s: side %u knows who it talks with", what, i);
    tap_ok(al_link_peer(&t->n[i].ls, t->n[i].link[0], &peer) && al_id_equal(&peer, other),
           "%s: al_link_peer says so", what);
    tap_ok(al_link_find_by_peer(&t->n[i].ls, other) == t->n[i].link[0], "%s: found by ID", what);
  }
  tap_ok(al_link_is_initiator(&t->n[0].ls, t->n[0].link[0]) &&
             !al_link_is_initiator(&t->n[1].ls, t->n[1].link[0]),
         "%s: who dialled", what);
  net_cell(t, 0, 0, 0x80000001);
  net_cell(t, 1, 0, 1);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[1].cells == 1 && t->n[1].cell.id == 0x80000001 && t->n[1].cell.counter == 77 &&
             t->n[1].cell.type == AL_CELL_CIRCUIT && t->n[1].payload[1083] == 1,
         "%s: a cell forward", what);
  tap_ok(t->n[0].cells == 1 && t->n[0].cell.id == 1, "%s: a cell back", what);
}

static void test_known(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  al_time start = t->now;
  net_dial(t, 0, 0);
  tap_ok(al_link_find_dialling(&t->n[0].ls, &t->n[1].identity.id) == t->n[0].link[0],
         "a link that is being dialled is found");
  tap_ok(al_link_find_by_peer(&t->n[0].ls, &t->n[1].identity.id) == 0, "but it is not up");
  tap_ok(!al_link_may_seal(&t->n[0].ls, t->n[0].link[0]), "and takes no cells");
  net_pass(t, AL_SECOND);
  tap_is_u64(t->n[0].up_at - start, 20000, "dialler up after one round trip");
  tap_is_u64(t->n[1].up_at - start, 30000, "answerer up with the first data frame");
  tap_ok(t->n[0].descriptors == 0 && t->n[1].descriptors == 1, "one descriptor was shown");
  tap_is_mem(t->n[1].desc_peer.b, t->n[0].identity.id.b, 32, "the dialler's");
  al_link_stats st;
  tap_ok(al_link_get_stats(&t->n[0].ls, t->n[0].link[0], &st) && st.state == AL_LINK_OPEN &&
             st.initiator && st.phase == 0,
         "stats");
  tap_ok(al_link_find_dialling(&t->n[0].ls, &t->n[1].identity.id) == 0, "nothing is dialled now");
  check_up(t, "known");
  tap_is_u64(t->n[0].ls.used[AL_LINK_USE_FREE], AL_LINK_SLOTS_DEFAULT, "all slots are free");
  tap_is_u64(t->n[0].ls.own->shakes.lent + t->n[1].ls.own->shakes.lent, 0,
             "no state of handshakes is left");
  net_free(t);
}

static void test_unknown(void) {
  net *t = net_new(suite);
  t->jitter_us = 3000;
  uint8_t secret[32] = {5};
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.secret = al_view(secret, sizeof secret);
    c.now = t->now;
    tap_ok(al_links_init(&t->n[i].ls, &c) == AL_OK, "init");
  }
  net_dial_with(t, 0, 0, NULL, al_view(NULL, 0));
  net_pass(t, AL_SECOND);
  tap_ok(t->n[0].descriptors == 1 && t->n[1].descriptors == 1, "both descriptors were shown");
  tap_is_mem(t->n[0].desc_peer.b, t->n[1].identity.id.b, 32, "the answerer's to the dialler");
  check_up(t, "unknown, private network, frames out of order");
  net_free(t);
}

/* Whether 32 bytes of somebody's descriptor can be seen in the frames. */
static bool shown(const net *t, const uint8_t *record) {
  for (size_t i = 0; i + 32 <= t->sniffed_count * AL_FRAME_BYTES; i++)
    if (memcmp(t->sniffed + i, record + 48, 32) == 0) return true;
  return false;
}

/* Side 1 differs in something both must know. */
static void test_mismatch(const char *what, al_bytes network, al_bytes secret, bool known) {
  net *t = net_new(suite);
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.now = t->now;
    if (i == 1) c.network = network;
    if (i == 1) c.secret = secret;
    tap_ok(al_links_init(&t->n[i].ls, &c) == AL_OK, "init");
  }
  al_time start = t->now;
  if (known)
    net_dial(t, 0, 0);
  else
    net_dial_with(t, 0, 0, NULL, al_view(NULL, 0));
  net_pass(t, 20 * AL_SECOND);
  tap_ok(t->n[0].ups + t->n[1].ups == 0, "%s: nobody is up", what);
  tap_ok(t->n[0].descriptors + t->n[1].descriptors == 0, "%s: nobody was shown", what);
  tap_ok(!shown(t, t->n[0].record) && !shown(t, t->n[1].record), "%s: nothing in clear", what);
  tap_is_u64(t->carried[0][0] + t->carried[0][1], 0, "%s: the answerer said nothing at all", what);
  tap_is_u64(net_count(t, 1, AL_COUNT_link_handshake_auth), 1, "%s: link_handshake_auth", what);
  for (unsigned i = 0; i < 2; i++)
    tap_ok(t->n[i].dead == 1 && t->n[i].code == AL_LINK_CODE_SHAKE_TIMEOUT &&
               t->n[i].dead_at == start + 10 * AL_SECOND &&
               net_count(t, i, AL_COUNT_link_handshake_timeout) == 1,
           "%s: side %u gave up after 10 s", what, i);
  tap_is_u64(t->n[1].ls.used[AL_LINK_USE_FREE], AL_LINK_SLOTS_DEFAULT, "%s: slots free", what);
  net_free(t);
}

static void test_mismatches(void) {
  uint8_t secret[32] = {9};
  al_bytes none = {NULL, 0}, same = al_view("test", 4);
  test_mismatch("secret, unknown answerer", same, al_view(secret, 32), false);
  test_mismatch("secret, known answerer", same, al_view(secret, 32), true);
  test_mismatch("network", al_view("tesT", 4), none, false);
}

static void test_binding(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  uint8_t one[32] = {1}, two[32] = {2};
  tap_ok(al_link_dial(&t->n[0].ls, t->now, NULL, t->n[1].descriptor, &t->n[0].link[0]) == AL_OK,
         "dial by descriptor alone");
  tap_ok(al_link_accept(&t->n[1].ls, t->now, two, &t->n[1].link[0]) == AL_OK, "accept");
  tap_ok(al_link_up(&t->n[0].ls, t->n[0].link[0], t->now, one) == AL_OK, "up");
  tap_ok(al_link_up(&t->n[0].ls, t->n[0].link[0], t->now, one) == AL_ESTATE, "not twice");
  net_pump(t, 0, 0);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[1].ups == 0 && net_count(t, 1, AL_COUNT_link_handshake_auth) == 1,
         "somebody in the middle with another certificate gets nowhere");
  net_free(t);
}

/* ---- identities and descriptors ---- */

static void test_identity(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  al_identity other;
  uint8_t root[32] = {99}, record[AL_DESC_BYTES_MAX];
  al_identity_init(suite, root, &other);
  net_dial_with(t, 0, 0, &other.id, al_view(NULL, 0));
  net_pass(t, AL_SECOND);
  tap_ok(t->n[0].closed == 1 && t->n[0].code == AL_LINK_CODE_IDENTITY && t->n[0].descriptors == 0,
         "another node answers than the one dialled: closed at once");
  al_bytes d = net_descriptor(suite, &other, (al_desc){0}, record);
  net_dial_with(t, 0, 1, &other.id, d);
  net_pass(t, 11 * AL_SECOND);
  tap_ok(t->n[0].ups == 0 && t->n[1].ups == 0 && t->n[0].dead == 1,
         "with its descriptor known: the answerer cannot even read INIT");
  tap_ok(t->n[1].descriptors == 0, "so the dialler was not shown to it");
  /* A node that reaches itself. */
  memcpy(&t->n[1].identity, &t->n[0].identity, sizeof t->n[0].identity);
  t->n[1].keys = al_keyring_over(&t->n[1].identity);
  t->n[1].descriptor = t->n[0].descriptor;
  net_dial_with(t, 0, 2, NULL, al_view(NULL, 0));
  net_pass(t, AL_SECOND);
  tap_ok(t->n[0].closed == 2 && t->n[0].code == AL_LINK_CODE_IDENTITY, "oneself is refused");
  net_dial_with(t, 0, 3, NULL, t->n[0].descriptor);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[1].closed == 1 && t->n[1].code == AL_LINK_CODE_IDENTITY, "by the answerer as well");
  al_identity_clear(&other);
  net_free(t);
}

/* `bad` shows a descriptor that the other must not take. */
static void test_bad_descriptor(const char *what, unsigned bad, al_desc fields, bool forge) {
  for (unsigned dialler = 0; dialler < 2; dialler++) {
    net *t = net_new(suite);
    for (unsigned i = 0; i < 2; i++) {
      al_links_config c = net_config(&t->n[i], suite);
      c.now = t->now;
      c.simulation = fields.puzzle == 0;
      tap_ok(al_links_init(&t->n[i].ls, &c) == AL_OK, "init");
    }
    net_node *n = &t->n[bad];
    n->descriptor = net_descriptor(suite, &n->identity, fields, n->record);
    if (forge) n->record[n->descriptor.len - 1] ^= 1;
    if (dialler == bad)
      net_dial(t, dialler, 0);
    else
      net_dial_with(t, dialler, 0, NULL, al_view(NULL, 0));
    net_pass(t, AL_SECOND);
    net_node *judge = &t->n[1 - bad];
    tap_ok(judge->closed == 1 && judge->code == AL_LINK_CODE_DESCRIPTOR && judge->ups == 0 &&
               judge->descriptors == 0 && judge->counters.v[AL_COUNT_link_handshake_auth] == 1,
           "%s, shown by the %s: closed", what, dialler == bad ? "dialler" : "answerer");
    tap_ok(n->ups == 0, "the other side is not up");
    net_free(t);
  }
}

static void test_bad_descriptors(void) {
  test_bad_descriptor("expired", 1, (al_desc){.published_s = NET_WALL_S - AL_DESC_LIFETIME_S - 9},
                      false);
  test_bad_descriptor("not yet published", 1,
                      (al_desc){.published_s = NET_WALL_S + AL_DESC_SKEW_S + 9}, false);
  test_bad_descriptor("forged", 1, (al_desc){0}, true);
  test_bad_descriptor("puzzle not solved", 1, (al_desc){.puzzle = 1}, false);
}

static unsigned verified;

static al_err counting_verify(const uint8_t sig[AL_SIG_BYTES], const uint8_t pk[AL_SIG_PK_BYTES],
                              al_bytes context, al_bytes msg) {
  verified++;
  return suite->verify(sig, pk, context, msg);
}

static void test_book(void) {
  al_suite counting = *suite;
  counting.verify = counting_verify;
  net *t = net_new(suite);
  al_book book;
  uint8_t secret[AL_MAP_SECRET_BYTES] = {0};
  al_peer peer;
  tap_ok(al_book_init(&book, t->n[1].alloc, 4, secret, &t->n[1].identity.id) == AL_OK &&
             al_book_reserve(&book, 4) == AL_OK,
         "a book");
  al_book_source from = {suite, NET_WALL_S, 0};
  tap_ok(al_book_put(&book, &from, t->n[0].descriptor, &peer) == AL_BOOK_NEW, "that knows node 0");
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], &counting);
    c.now = t->now;
    c.book = i == 1 ? &book : NULL;
    tap_ok(al_links_init(&t->n[i].ls, &c) == AL_OK, "init");
  }
  net_dial_with(t, 0, 0, NULL, al_view(NULL, 0));
  net_pass(t, AL_SECOND);
  tap_is_u64(verified, 1, "a record that is in the book is not verified again");
  tap_ok(t->n[1].ups == 1, "and the link is up");
  al_book_clear(&book);
  net_free(t);
}

/* ---- frames that should not be there ---- */

static void test_garbage(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  uint8_t binding[32] = {0}, f[AL_FRAME_BYTES + 8];
  tap_ok(al_link_accept(&t->n[1].ls, t->now, binding, &t->n[1].link[0]) == AL_OK, "accept");
  memset(f, 0, sizeof f);
  tap_ok(net_deliver(t, 1, 0, f, AL_FRAME_BYTES - 1) == AL_LINK_DROP &&
             net_deliver(t, 1, 0, f, AL_FRAME_BYTES + 1) == AL_LINK_DROP &&
             net_deliver(t, 1, 0, f, 0) == AL_LINK_DROP,
         "short, long and empty frames");
  tap_is_u64(net_count(t, 1, AL_COUNT_link_frame_size), 3, "link_frame_size");
  tap_ok(net_deliver(t, 1, 0, f, AL_FRAME_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_state) == 1,
         "a data frame before there are keys: link_state");
  memset(f, 0xff, sizeof f);
  tap_ok(net_deliver(t, 1, 0, f, AL_FRAME_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_handshake_parse) == 1,
         "nonsense after the mark of a handshake: link_handshake_parse");
  t->n[0].link[0] = t->n[1].link[0]; /* a handle that this table never gave */
  f[0] = 0;
  al_link stale = t->n[1].link[0];
  al_link_free(&t->n[1].ls, stale);
  tap_ok(net_deliver(t, 1, 0, f, AL_FRAME_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_state) == 2,
         "a stale handle");
  al_link_free(&t->n[1].ls, stale);
  al_link_stats st;
  al_id id;
  al_channel ch;
  tap_ok(!al_link_is_up(&t->n[1].ls, stale) && !al_link_get_stats(&t->n[1].ls, stale, &st) &&
             !al_link_peer(&t->n[1].ls, stale, &id) && !al_link_has_urgent(&t->n[1].ls, stale) &&
             !al_link_next(&t->n[1].ls, stale, t->now, f, &ch) &&
             al_link_rtt_us(&t->n[1].ls, stale) == 0 && !al_link_has_message(&t->n[1].ls, stale) &&
             al_link_send_close(&t->n[1].ls, stale, t->now, AL_LINK_CODE_DONE) == AL_ESTATE &&
             al_link_up(&t->n[1].ls, stale, t->now, binding) == AL_ENOTFOUND,
         "is answered by nothing everywhere");
  t->n[0].link[0] = 0;
  net_free(t);
}

/* Every frame of a handshake comes twice, and once more after it. */
static void test_replayed(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  net_dial_with(t, 0, 0, NULL, al_view(NULL, 0));
  for (unsigned round = 0; round < 12; round++) {
    size_t have = t->frames_count;
    for (size_t i = 0; i < have && t->frames_count < NET_FRAMES_MAX; i++)
      if (al_handshake_is(t->frames[i].bytes)) {
        t->frames[t->frames_count] = t->frames[i];
        t->frames[t->frames_count++].order = t->order++;
      }
    net_pass(t, 10000);
  }
  tap_ok(is_up(t, 0) && is_up(t, 1), "up although every frame came twice");
  uint64_t before = net_count(t, 1, AL_COUNT_link_state);
  unsigned resent = 0;
  for (size_t i = 0; i < t->sniffed_count; i++) {
    uint8_t f[AL_FRAME_BYTES];
    memcpy(f, t->sniffed + i * AL_FRAME_BYTES, sizeof f);
    if (!al_handshake_is(f)) continue;
    resent++;
    tap_ok(net_deliver(t, 1, 0, f, sizeof f) == AL_LINK_DROP, "a frame of the handshake again");
  }
  tap_is_u64(net_count(t, 1, AL_COUNT_link_state) - before, resent, "all are link_state");
  tap_ok(is_up(t, 1) && t->n[1].ups == 1, "and change nothing");
  net_free(t);
}

/* Each frame of the handshake once with a bit turned: the handshake fails, nothing else happens. */
static void test_mangled(void) {
  enum { FRAMES = 4 + 10 + 11 + 3 };
  unsigned survived = 0, mute = 0, freed = 0;
  for (unsigned victim = 1; victim <= FRAMES + 1; victim++) {
    net *t = net_new(al_suite_null());
    net_start(t, al_suite_null());
    t->mangle = victim;
    net_dial_with(t, 0, 0, NULL, al_view(NULL, 0));
    net_pass(t, 11 * AL_SECOND);
    if (t->n[0].ups + t->n[1].ups == 2) survived = victim;
    if (t->n[0].ups + t->n[1].ups == 0 && t->n[0].dead + t->n[1].dead == 2) mute++;
    for (unsigned i = 0; i < 2; i++)
      if (t->n[i].ls.used[AL_LINK_USE_FREE] == AL_LINK_SLOTS_DEFAULT) freed++;
    net_free(t);
  }
  tap_is_u64(mute, FRAMES, "a turned bit in any frame: nobody is up, both give up");
  tap_is_u64(survived, FRAMES + 1, "but in the first PING it does no harm");
  tap_is_u64(freed, 2 * (FRAMES + 1), "all slots are free again");
}

static void test_silence(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  al_time start = t->now;
  net_dial(t, 0, 0);
  net_pass(t, 15000);
  t->cut = true; /* INIT has arrived; ACCEPT does not */
  net_pass(t, 9 * AL_SECOND);
  tap_ok(t->n[1].descriptors == 1 && t->n[1].ups == 0, "INIT alone does not make a link up");
  al_id peer;
  tap_ok(!al_link_peer(&t->n[1].ls, t->n[1].link[0], &peer) &&
             al_link_find_by_peer(&t->n[1].ls, &t->n[0].identity.id) == 0,
         "nor is its claim believed");
  net_pass(t, 2 * AL_SECOND);
  tap_ok(t->n[0].dead == 1 && t->n[1].dead == 1 && t->n[1].dead_at == start + 10 * AL_SECOND,
         "both give up after 10 s");
  tap_ok(al_link_dial(&t->n[0].ls, t->now, NULL, al_view(NULL, 0), &t->n[0].link[1]) == AL_OK,
         "a dial whose transport never opens");
  net_pass(t, 31 * AL_SECOND);
  tap_ok(t->n[0].dead == 2 && t->n[0].code == AL_LINK_CODE_OPEN_TIMEOUT, "is given up after 30 s");
  tap_is_u64(al_links_deadline(&t->n[0].ls), AL_TIME_NEVER, "nothing is left to wait for");
  net_free(t);
}

/* ---- the table ---- */

static void test_table(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  uint8_t binding[32] = {0}, bad[8] = {0};
  al_link link[NET_PAIRS_MAX], more;
  tap_ok(al_link_dial(&t->n[0].ls, t->now, NULL, al_view(bad, 8), &more) == AL_EPARSE,
         "a descriptor that is none");
  for (unsigned i = 0; i < NET_PAIRS_MAX; i++)
    if (al_link_accept(&t->n[0].ls, t->now, binding, &link[i]) != AL_OK) link[i] = 0;
  tap_ok(link[NET_PAIRS_MAX - 1] != 0, "as many links as allowed");
  tap_ok(al_link_accept(&t->n[0].ls, t->now, binding, &more) == AL_EFULL &&
             al_link_dial(&t->n[0].ls, t->now, NULL, al_view(NULL, 0), &more) == AL_EFULL,
         "no more");
  tap_is_u64(net_count(t, 0, AL_COUNT_link_full), 2, "link_full");
  uint32_t cursor = 0;
  unsigned seen = 0;
  while (al_link_each(&t->n[0].ls, &cursor) != 0) seen++;
  tap_ok(seen == NET_PAIRS_MAX && al_link_count(&t->n[0].ls) == seen, "all are walked over");
  al_link_free(&t->n[0].ls, link[3]);
  tap_ok(al_link_accept(&t->n[0].ls, t->now, binding, &more) == AL_OK && more != link[3],
         "a place that is free again, another handle");
  net_free(t);
}

static void test_config(void) {
  net *t = net_new(suite);
  al_links_config good = net_config(&t->n[0], suite), c;
  al_links ls;
  c = good, c.network.len = 0;
  tap_ok(al_links_init(&ls, &c) == AL_EINVAL, "no network name");
  c = good, c.network.len = 65;
  tap_ok(al_links_init(&ls, &c) == AL_EINVAL, "network name too long");
  c = good, c.secret.len = 31;
  tap_ok(al_links_init(&ls, &c) == AL_EINVAL, "secret of another length");
  c = good, c.links_max = 0;
  tap_ok(al_links_init(&ls, &c) == AL_EINVAL, "no links");
  c = good, c.links_max = 4097;
  tap_ok(al_links_init(&ls, &c) == AL_EINVAL, "too many links");
  c = good, c.message_slots = AL_LINK_SLOTS_MIN - 1;
  tap_ok(al_links_init(&ls, &c) == AL_EINVAL, "too few slots");
  /* Memory runs out at every request in turn. */
  bool all = true;
  for (uint64_t from = 1;; from++) {
    uint8_t binding[32] = {0};
    al_link link = 0;
    t->n[0].ta.fail_from = t->n[0].ta.requests + from;
    al_err e = al_links_init(&ls, &good);
    al_err e2 = e == AL_OK ? al_link_accept(&ls, t->now, binding, &link) : AL_OK;
    t->n[0].ta.fail_from = 0;
    if (e != AL_OK && e != AL_ENOMEM) all = false;
    if (e2 != AL_OK && (e2 != AL_ENOMEM || al_link_count(&ls) != 0)) all = false;
    al_links_clear(&ls);
    if (t->n[0].ta.pieces_out != 0) all = false;
    if (e == AL_OK && e2 == AL_OK) break;
  }
  tap_ok(all, "out of memory anywhere: said, and nothing leaked");
  net_free(t);
}

static void test_both_dial(void) {
  net *t = net_new(suite);
  net_start(t, suite);
  unsigned low = memcmp(t->n[0].identity.id.b, t->n[1].identity.id.b, 32) < 0 ? 0 : 1;
  net_dial(t, 0, 0);
  net_dial(t, 1, 1);
  net_pass(t, AL_SECOND);
  for (unsigned i = 0; i < 2; i++) {
    const al_links *ls = &t->n[i].ls;
    tap_ok(al_link_is_up(ls, t->n[i].link[0]) && al_link_is_up(ls, t->n[i].link[1]),
           "both dialled: both links live");
    tap_ok(al_link_find_by_peer(ls, &t->n[1 - i].identity.id) == t->n[i].link[low],
           "side %u keeps the one dialled by the lower ID", i);
    tap_ok(al_link_is_redundant(ls, t->n[i].link[1 - low]) &&
               !al_link_is_redundant(ls, t->n[i].link[low]),
           "and may close the other");
  }
  al_link gone = t->n[0].link[1 - low];
  tap_ok(al_link_send_close(&t->n[0].ls, gone, t->now, AL_LINK_CODE_REDUNDANT) == AL_OK, "closes");
  net_pump(t, 0, 1 - low);
  net_end(t, 0, 1 - low);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[1].closed == 1 && t->n[1].code == AL_LINK_CODE_REDUNDANT, "the other side hears it");
  for (unsigned i = 0; i < 2; i++)
    tap_ok(al_link_find_by_peer(&t->n[i].ls, &t->n[1 - i].identity.id) == t->n[i].link[low] &&
               !al_link_is_redundant(&t->n[i].ls, t->n[i].link[low]),
           "one link is left");
  net_dial(t, low, 2);
  net_pass(t, AL_SECOND);
  tap_ok(al_link_is_redundant(&t->n[low].ls, t->n[low].link[low]) &&
             !al_link_is_redundant(&t->n[1 - low].ls, t->n[1 - low].link[low]) &&
             !al_link_is_redundant(&t->n[1 - low].ls, t->n[1 - low].link[2]),
         "dialled twice by one side: that side alone decides, for the younger");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  suite = al_suite_hacl();
  test_known();
  test_unknown();
  test_mismatches();
  test_binding();
  test_identity();
  test_bad_descriptors();
  test_book();
  test_garbage();
  test_replayed();
  test_mangled();
  test_silence();
  test_table();
  test_config();
  test_both_dial();
  return tap_done();
}
