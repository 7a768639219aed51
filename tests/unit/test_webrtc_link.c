/* Links over real UDP on loopback: up, both channels, both ways, integrity, back-pressure, every
 * way a link may end. argv[1] = "nice": dial through libnice. */
#include <stdlib.h>

#include "../tap.h"
#include "test_webrtc_rig.h"

enum { LINKS = 20, MESSAGES = 100000 };

static al_webrtc_dialler dialler;
static rig_node a, b;

static void config(al_webrtc_config *c) {
  al_webrtc_config_init(c);
  c->bind[0] = "127.0.0.1";
  c->dialler = dialler;
}

static void start(rig_node *n, uint8_t seed) {
  al_webrtc_config c;
  GError *e = NULL;
  memset(n, 0, sizeof *n);
  config(&c);
  if (!rig_start(n, &c, seed, &e)) {
    printf("Bail out! %s\n", e->message);
    exit(1);
  }
}

static void stop(void) {
  al_webrtc_free(a.t);
  al_webrtc_free(b.t);
  a.t = b.t = NULL;
}

typedef struct want {
  unsigned *what, at_least;
} want;

static bool reached(void *p) {
  want *w = p;
  return *w->what >= w->at_least;
}

static bool wait_for(unsigned *what, unsigned at_least, guint ms) {
  want w = {what, at_least};
  return rig_until(reached, &w, ms);
}

/* ---- 20 links, 100,000 messages ---- */

static uint8_t seen[2][MESSAGES]; /* by direction */
static unsigned received, bad, overtaken, last_index[2][RIG_LINKS], sent[2];
static unsigned rt_received;

static size_t fill(uint8_t *p, unsigned index, unsigned kind) {
  size_t len = index % 7 == 0 ? AL_FRAME_BYTES : 16 + index * 37 % (AL_FRAME_BYTES - 16);
  memcpy(p, &index, 4);
  memcpy(p + 4, &kind, 4);
  for (size_t i = 8; i < len; i++) p[i] = (uint8_t)(index * 31 + i * 7);
  return len;
}

static void on_rx(rig_node *n, al_link link, al_bytes f) {
  uint8_t expected[AL_FRAME_BYTES];
  unsigned index, kind, way = n == &a;
  if (f.len < 8) {
    bad++;
    return;
  }
  memcpy(&index, f.ptr, 4);
  memcpy(&kind, f.ptr + 4, 4);
  if (index >= MESSAGES || fill(expected, index, kind) != f.len ||
      memcmp(expected, f.ptr, f.len) != 0) {
    bad++;
    return;
  }
  if (kind == AL_CHANNEL_RT) {
    rt_received++;
    return;
  }
  if (seen[way][index]++) bad++;
  if (index < last_index[way][link]) overtaken++;
  last_index[way][link] = index;
  received++;
}

static void pump(rig_node *n) {
  uint8_t p[AL_FRAME_BYTES];
  unsigned way = n == &b, from = n == &a ? 1 : RIG_LINKS / 2;
  while (sent[way] < MESSAGES / 2) {
    al_link link = from + sent[way] % LINKS;
    rig_link *l = &n->link[link];
    size_t len = fill(p, sent[way], AL_CHANNEL_BULK);
    if (len > l->credit) return;
    al_err e = rig_send(n, link, AL_CHANNEL_BULK, (al_bytes){p, len});
    if (e != AL_OK) {
      tap_ok(false, "send within the credit is taken: %d", e);
      return;
    }
    sent[way]++;
  }
}

static void on_credit(rig_node *n, al_link link) {
  (void)link;
  pump(n);
}

static bool all_received(void *p) {
  (void)p;
  return received >= MESSAGES || bad;
}

static void test_many(void) {
  uint8_t p[AL_FRAME_BYTES];
  memset(seen, 0, sizeof seen);
  memset(last_index, 0, sizeof last_index);
  received = bad = overtaken = rt_received = sent[0] = sent[1] = 0;
  start(&a, 1);
  start(&b, 2);
  a.on_rx = b.on_rx = on_rx;
  for (al_link l = 1; l <= LINKS; l++)
    tap_ok(rig_open(&a, l, &b) == AL_OK, "open %u is started", (unsigned)l);
  tap_ok(wait_for(&a.ups, LINKS, 5000) && wait_for(&b.ups, LINKS, 5000), "%d links are up", LINKS);
  unsigned equal = 0;
  for (al_link l = 1; l <= LINKS; l++)
    for (al_link k = RIG_LINKS / 2; k < RIG_LINKS / 2 + LINKS; k++)
      equal += memcmp(a.link[l].binding, b.link[k].binding, 32) == 0;
  tap_is_u64(equal, LINKS * LINKS, "both ends of each link have the same binding");
  al_webrtc_counters count = rig_count(&a);
  tap_is_u64(count.links_up, LINKS, "the gauge of links");

  for (int i = 0; i < 100; i++) {
    size_t len = fill(p, (unsigned)i, AL_CHANNEL_RT);
    rig_send(&a, 1, AL_CHANNEL_RT, (al_bytes){p, len});
  }
  a.on_credit = b.on_credit = on_credit;
  gint64 t0 = g_get_monotonic_time();
  pump(&a);
  pump(&b);
  rig_until(all_received, NULL, 40000);
  printf("# %u messages in %.2f s, %u overtook another\n", received,
         (double)(g_get_monotonic_time() - t0) / 1e6, overtaken);
  tap_is_u64(received, MESSAGES, "every message arrived once");
  tap_is_u64(bad, 0, "none twice, none damaged");
  tap_ok(rt_received >= 90, "real-time messages arrive: %u of 100", rt_received);
  tap_ok(!rig_violation, "the sink was called by the rules");
  tap_is_u64(a.downs + b.downs, 0, "no link was lost");
  stop();
}

/* ---- credit ---- */

static void test_credit(void) {
  uint8_t p[AL_FRAME_BYTES] = {1};
  al_bytes frame = {p, sizeof p};
  start(&a, 1);
  start(&b, 2);
  rig_open(&a, 1, &b);
  tap_ok(wait_for(&a.ups, 1, 3000), "a link to fill");
  uint32_t first = a.link[1].credit;
  tap_ok(first >= 32 << 10, "the first credit, %u bytes, came with up", first);
  unsigned taken = 0;
  al_err e;
  while ((e = rig_send(&a, 1, AL_CHANNEL_BULK, frame)) == AL_OK) taken++;
  tap_ok(e == AL_EAGAIN, "above the credit a frame is not taken");
  tap_is_u64(taken, first / AL_FRAME_BYTES, "exactly the credit was taken");
  al_webrtc_info info = {0};
  tap_ok(al_webrtc_link_info(a.t, 1, &info), "a link tells its state");
  tap_is_u64(info.buffered, taken * AL_FRAME_BYTES, "what is buffered is what was sent");
  unsigned dropped = 0;
  for (int i = 0; i < 200; i++)
    if (rig_send(&a, 1, AL_CHANNEL_RT, frame) != AL_OK) dropped = 1000;
  tap_ok(dropped == 0 && rig_count(&a).drop_rt > 0,
         "a full buffer drops real-time frames silently");
  rig_run(200);
  tap_ok(a.link[1].credit >= first * 3 / 4, "acknowledged bytes come back as credit: %u",
         a.link[1].credit);
  al_webrtc_link_info(a.t, 1, &info);
  tap_is_u64(info.buffered, 0, "nothing stays buffered");
  p[0] = 2;
  tap_ok(rig_send(&a, 1, AL_CHANNEL_BULK, (al_bytes){p, 0}) == AL_EINVAL, "no empty frames");
  static uint8_t big[AL_FRAME_BYTES + 1];
  tap_ok(rig_send(&a, 1, AL_CHANNEL_BULK, (al_bytes){big, sizeof big}) == AL_EINVAL,
         "no oversize frames");
  tap_ok(rig_send(&a, 7, AL_CHANNEL_BULK, frame) == AL_ESTATE, "no frames to unknown links");
  stop();
}

/* ---- ends ---- */

static void test_ends(void) {
  uint8_t p[100] = {9};
  start(&a, 1);
  start(&b, 2);
  rig_open(&a, 1, &b);
  rig_open(&a, 2, &b);
  rig_open(&a, 3, &b);
  tap_ok(wait_for(&b.ups, 3, 3000), "three links to end");
  al_webrtc_ops()->close(a.t, 1);
  tap_ok(!a.link[1].down, "close does not call back at once");
  tap_ok(wait_for(&a.downs, 1, 1000) && a.link[1].why == AL_DOWN_CLOSED, "our close: CLOSED");
  tap_ok(wait_for(&b.downs, 1, 1000), "the other side hears of it");
  for (al_link k = RIG_LINKS / 2; k < RIG_LINKS / 2 + 3; k++)
    if (b.link[k].down) tap_is_u64(b.link[k].why, AL_DOWN_PEER, "as PEER");
  b.close_on_rx = true;
  rig_send(&a, 2, AL_CHANNEL_BULK, (al_bytes){p, sizeof p});
  tap_ok(wait_for(&b.downs, 2, 1000), "close from inside rx");
  tap_ok(wait_for(&a.downs, 2, 1000) && a.link[2].why == AL_DOWN_PEER, "reaches the sender");
  b.close_on_up = true;
  rig_open(&a, 4, &b);
  tap_ok(wait_for(&a.downs, 3, 3000) && a.link[4].down, "close from inside up");
  b.close_on_up = false;
  b.refuse = true;
  rig_open(&a, 5, &b);
  tap_ok(wait_for(&a.downs, 4, 3000) && a.link[5].why == AL_DOWN_PEER, "a refused link goes down");
  b.refuse = b.close_on_rx = false;
  unsigned before = b.downs;
  al_webrtc_close_all(a.t);
  tap_ok(wait_for(&a.downs, 5, 1000) && a.link[3].why == AL_DOWN_CLOSED, "drain ends every link");
  tap_ok(wait_for(&b.downs, before + 1, 1000), "and tells the peers");
  tap_ok(rig_open(&a, 6, &b) == AL_ESTATE, "a draining transport opens nothing");
  tap_is_u64(al_webrtc_links(a.t), 0, "no session is left");
  tap_ok(!rig_violation, "the sink was called by the rules");
  stop();
}

static void test_wrong(void) {
  uint8_t record[AL_WEBRTC_ADDRESS_MAX];
  al_webrtc_config c;
  start(&b, 2);
  memset(&a, 0, sizeof a);
  config(&c);
  c.handshake_ms = 1200;
  c.silence_ms = 1000;
  rig_start(&a, &c, 1, NULL);
  size_t len = al_webrtc_address(b.t, "127.0.0.1", record);
  record[8 + 5] ^= 1;
  rig_open_record(&a, 1, (al_bytes){record, len});
  tap_ok(wait_for(&a.downs, 1, 3000) && a.link[1].why == AL_DOWN_CERT,
         "another certificate than the address names");
  tap_is_u64(rig_count(&a).bad_certificate, 1, "counted: bad_certificate");
  record[8 + 5] ^= 1;
  record[len - 1] ^= 1;
  rig_open_record(&a, 2, (al_bytes){record, len});
  tap_ok(wait_for(&a.downs, 2, 8000) && a.link[2].why == AL_DOWN_TIMEOUT, "a wrong password");
  tap_ok(rig_count(&b).drop_password > 0, "counted: drop_password");
  record[len - 1] ^= 1;
  record[7] = 0;
  record[6] = 1; /* port 1: nobody */
  rig_open_record(&a, 3, (al_bytes){record, len});
  tap_ok(wait_for(&a.downs, 3, 8000) && a.link[3].why == AL_DOWN_TIMEOUT, "nobody listens");
  tap_ok(rig_open_record(&a, 4, (al_bytes){record, len - 1}) == AL_EINVAL, "a short address");
  rig_open(&a, 5, &b);
  tap_ok(wait_for(&a.ups, 1, 3000), "the right address works");
  tap_ok(wait_for(&b.ups, 1, 1000) && b.ups == 1, "the answerer saw only that one");
  stop();
}

static void test_all(al_webrtc_dialler which, const char *name) {
  printf("# dialling: %s\n", name);
  dialler = which;
  test_many();
  test_credit();
  test_ends();
  test_wrong();
}

int main(void) {
  test_all(AL_WEBRTC_DIAL_OWN, "own checks");
  test_all(AL_WEBRTC_DIAL_NICE, "libnice");
  return tap_done();
}
