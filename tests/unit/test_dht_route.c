/* Queries from table to table: hops, retries, disjoint paths, and what is refused. */
#include "test_dht_net.h"

static al_dht_ask ask_for(uint8_t paths) {
  al_dht_ask a = {.op = AL_DHT_FIND, .paths = paths, .first = paths == 1, .user = 1};
  test_rand_bytes(a.target.b, sizeof a.target.b);
  return a;
}

static uint32_t right(net *t, uint32_t rounds, uint8_t paths, uint32_t *ret_hops) {
  uint32_t good = 0, hops = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    al_dht_ask a = ask_for(paths);
    if (!net_look(t, net_honest(t), &a)) continue;
    good++;
    hops += t->hops;
  }
  if (ret_hops != NULL) *ret_hops = good == 0 ? 0 : hops * 100 / good;
  return good;
}

static void test_quiet(uint8_t per_bucket, uint32_t hops_max) {
  net *t = net_new(per_bucket);
  uint32_t hops, links = 0;
  for (uint32_t i = 0; i < NET_NODES; i++) links += t->n[i].links;
  tap_is_u64(right(t, 200, 1, &hops), 200, "every lookup names the closest node");
  tap_ok(hops <= hops_max, "%u.%02u hops on average, %u links a node", hops / 100, hops % 100,
         links / NET_NODES);
  tap_is_u64(right(t, 100, 3, NULL), 100, "over three paths, too");
  uint32_t exact = 0;
  for (uint32_t i = 0; i < 100; i++) {
    al_dht_ask a = ask_for(1);
    a.flags = AL_DHT_EXACT;
    a.target = t->n[i].id;
    (void)net_look(t, net_honest(t), &a);
    exact += t->ended && t->found;
  }
  tap_is_u64(exact, 100, "every node is reached by its ID");
  al_dht_ask a = ask_for(1);
  a.flags = AL_DHT_EXACT;
  (void)net_look(t, 0, &a);
  tap_ok(t->ended && !t->found && t->answers == 1, "nobody is there: the closest one says so");
  net_free(t);
}

/* Three paths of one lookup share no node but some that answer. */
static void test_disjoint(void) {
  net *t = net_new(2);
  for (uint32_t round = 0; round < 100; round++) {
    al_dht_ask a = ask_for(3);
    (void)net_look(t, net_honest(t), &a);
  }
  tap_ok(t->again == 0 && t->taken > 300, "of %u queries passed on %u were twice by one node",
         t->taken, t->again);
  net_free(t);
}

static void test_dead(void) {
  net *t = net_new(2);
  net_turn(t, NET_NODES * 3 / 10, NET_DEAD);
  uint32_t good = right(t, 200, 3, NULL);
  tap_ok(good >= 195, "30 of 100 are dead and nobody knows it yet: %u of 200 are right", good);
  good = right(t, 200, 1, NULL);
  tap_ok(good >= 180, "... over one path %u of 200", good);
  net_free(t);
}

static void test_hostile(void) {
  net *t = net_new(2);
  net_turn(t, NET_NODES / 10, NET_DROPS);
  net_turn(t, NET_NODES / 10, NET_LIES);
  uint32_t one = right(t, 200, 1, NULL), three = right(t, 200, 3, NULL);
  tap_ok(three >= 190 && three > one,
         "10 of 100 drop, 10 lie: over one path %u of 200 are right, over three %u", one, three);
  tap_ok(t->counters.v[AL_COUNT_dht_unproved] > 0, "dht_unproved: lies are not signed");
  net_free(t);
}

/* ---- what is refused ---- */

static al_dht_verdict give(net *t, uint32_t node, al_link from, const al_dht_message *m,
                           al_dht_in *in) {
  uint8_t bytes[1024];
  al_wr w = al_wr_init(bytes, sizeof bytes);
  al_dht_encode(m, &w);
  return al_dht_rx(&t->n[node].d, from, (al_span){bytes, w.len}, t->now, in);
}

static al_dht_message far_query(const net *t, uint32_t node) {
  al_dht_message q = {.type = AL_DHT_QUERY, .op = AL_DHT_FIND, .ttl = 9, .query = test_rand()};
  q.target = t->n[node].id;
  q.target.b[0] ^= 0x80;
  q.target.b[5] ^= (uint8_t)test_rand();
  return q;
}

static void test_refusals(void) {
  net *t = net_new(2);
  al_dht *d = &t->n[0].d;
  al_dht_in in;
  al_dht_next_hop next;
  al_link from = net_handle(0);
  uint8_t junk[8] = {9};
  tap_ok(al_dht_rx(d, from, (al_span){junk, 8}, t->now, &in) == AL_DHT_DROP &&
             t->counters.v[AL_COUNT_dht_parse] == 1,
         "dht_parse");
  al_dht_message m = {.type = AL_DHT_ACK, .query = 12345};
  tap_ok(give(t, 0, from, &m, &in) == AL_DHT_DROP, "an ACK that nobody waits for");
  uint8_t entry[64];
  al_wr w = al_wr_init(entry, sizeof entry);
  al_dht_put_entry(&w, &t->n[3].id, al_view(NULL, 0));
  m = (al_dht_message){
      .type = AL_DHT_ANSWER, .query = 12345, .count = 1, .entries = al_wr_view(&w)};
  tap_ok(give(t, 0, from, &m, &in) == AL_DHT_DROP, "an ANSWER, likewise");
  m.type = AL_DHT_STATE;
  tap_ok(give(t, 0, net_handle(95), &m, &in) == AL_DHT_DROP, "a link that is not known");
  tap_is_u64(t->counters.v[AL_COUNT_dht_unasked], 3, "dht_unasked");
  al_dht_message q = far_query(t, 0);
  tap_ok(give(t, 0, from, &q, &in) == AL_DHT_ASKED &&
             al_dht_route(d, from, &in.message, t->now, &next) == AL_DHT_ONWARD &&
             next.link != from,
         "a query goes on, never back");
  q.path = 1;
  tap_ok(give(t, 0, net_handle(1), &q, &in) == AL_DHT_REFUSE && in.message.code == AL_DHT_SEEN &&
             in.message.path == 1,
         "its second path may not come here");
  m = (al_dht_message){
      .type = AL_DHT_ANSWER, .query = q.query, .count = 1, .entries = al_wr_view(&w)};
  al_link other = next.link == net_handle(2) ? net_handle(3) : net_handle(2);
  tap_ok(give(t, 0, other, &m, &in) == AL_DHT_DROP, "an answer from whom it was not asked");
  tap_ok(give(t, 0, next.link, &m, &in) == AL_DHT_PASS && in.link == from, "the right one");
  tap_ok(give(t, 0, next.link, &m, &in) == AL_DHT_NONE, "... once");
  q = far_query(t, 0);
  q.ttl = 0;
  tap_ok(al_dht_route(d, from, &q, t->now, &next) == AL_DHT_BACK && next.code == AL_DHT_TOO_FAR,
         "a query that came too far");
  q.flags = AL_DHT_LOCAL;
  tap_ok(al_dht_route(d, from, &q, t->now, &next) == AL_DHT_HERE, "a question to this node alone");
  uint32_t taken = 0;
  for (uint32_t i = 0; i < 40; i++) {
    q = far_query(t, 0);
    taken += al_dht_route(d, from, &q, t->now, &next) == AL_DHT_ONWARD;
  }
  tap_ok(taken <= 64 / AL_DHT_LINK_SHARE + 1 && next.code == AL_DHT_BUSY &&
             t->counters.v[AL_COUNT_dht_busy] == 40 - taken,
         "dht_busy: a flood of one neighbour gets its share, %u", taken);
  q = far_query(t, 0);
  tap_ok(al_dht_route(d, net_handle(1), &q, t->now, &next) == AL_DHT_ONWARD,
         "others find room still");
  al_dht_set_contact(d, false);
  q = far_query(t, 0);
  tap_ok(
      al_dht_route(d, net_handle(1), &q, t->now, &next) == AL_DHT_BACK && next.code == AL_DHT_STUCK,
      "a client passes nothing on");
  net_free(t);
}

static void test_own(void) {
  net *t = net_new(1);
  al_dht *d = &t->n[5].d;
  uint32_t handle, count = 0;
  al_dht_ask a = ask_for(0);
  tap_ok(al_dht_start(d, &a, t->now, &handle) == AL_EINVAL, "no paths");
  a = ask_for(5);
  tap_ok(al_dht_start(d, &a, t->now, &handle) == AL_EINVAL, "too many paths");
  a = ask_for(1);
  a.op = (al_dht_op)9;
  tap_ok(al_dht_start(d, &a, t->now, &handle) == AL_EINVAL, "no such operation");
  a = ask_for(1);
  a.flags = AL_DHT_LOCAL;
  tap_ok(al_dht_start(d, &a, t->now, &handle) == AL_EINVAL, "a local question to nobody");
  a = ask_for(1);
  while (al_dht_start(d, &a, t->now, &handle) == AL_OK) count++;
  tap_is_u64(count, 3, "all places but the one for upkeep");
  a.user = 0;
  tap_ok(al_dht_start(d, &a, t->now, &handle) == AL_OK, "which is there");
  al_dht_stop(d, handle);
  al_dht_stop(d, handle);
  al_dht_stop(d, 0);
  tap_ok(al_dht_start(d, &a, t->now, &handle) == AL_OK, "and again when it was stopped");
  /* alone: nobody to ask but itself */
  net_node *x = &t->n[9];
  for (uint32_t i = 0; i < x->links; i++) al_dht_link_down(&x->d, net_handle(i), t->now);
  x->links = 0;
  a = ask_for(3);
  tap_ok(al_dht_start(&x->d, &a, t->now, &handle) == AL_OK, "a node alone asks");
  net_tick(t, 9);
  tap_ok(t->ended && t->found && t->ended_count == 1 && al_id_equal(&t->best[0], &x->id),
         "... and finds itself");
  net_free(t);
}

/* What is lost on the way is asked of another neighbour, soon. */
static void test_lost_link(void) {
  net *t = net_new(2);
  al_dht *d = &t->n[0].d;
  al_dht_next_hop next;
  al_dht_event ev;
  al_dht_message q = far_query(t, 0);
  (void)al_dht_route(d, net_handle(0), &q, t->now, &next);
  al_link first = next.link;
  al_dht_link_down(d, first, t->now);
  tap_ok(al_dht_tick(d, t->now, &ev) && ev.kind == AL_DHT_EV_SEND && ev.link != first &&
             ev.message.type == AL_DHT_QUERY && ev.message.query == q.query &&
             ev.message.ttl == q.ttl - 1,
         "a link ends: the query goes another way at once");
  al_time asked = t->now;
  uint32_t tries = 1;
  while (ev.message.type == AL_DHT_QUERY && ev.kind == AL_DHT_EV_SEND && tries < 20) {
    t->now += 10 * AL_MS;
    if (al_dht_tick(d, t->now, &ev)) tries++;
  }
  tap_ok(tries <= AL_DHT_TRIES && t->now - asked < 3 * AL_SECOND &&
             (ev.kind == AL_DHT_EV_HERE || ev.message.code == AL_DHT_STUCK) &&
             ev.link == net_handle(0),
         "nobody takes it: whoever asked hears of it after %u tries", tries);
  q = far_query(t, 0);
  (void)al_dht_route(d, net_handle(1), &q, t->now, &next);
  al_dht_link_down(d, net_handle(1), t->now);
  t->now += 2 * AL_SECOND;
  tap_ok(!al_dht_tick(d, t->now, &ev), "who asked is gone: nothing more is done");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_quiet(1, 450);
  test_quiet(2, 350);
  test_disjoint();
  test_dead();
  test_hostile();
  test_refusals();
  test_own();
  test_lost_link();
  return tap_done();
}
