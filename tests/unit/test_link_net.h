/* test_link_net.h — two tables of links and what lies between them, in virtual time: frames take
 * `delay_us` and up to `jitter_us` more (so they overtake one another), frames of channel rt get
 * lost. The allocators are closed while frames and ticks are handled. */
#ifndef TEST_LINK_NET_H
#define TEST_LINK_NET_H

#include "test_link_node.h"

enum { NET_FRAMES_MAX = 4096, NET_SNIFF_MAX = 256 };

typedef struct net_frame {
  al_time at;
  uint64_t order;
  unsigned to, pair;
  al_channel ch;
  size_t len;
  uint8_t bytes[AL_FRAME_BYTES];
} net_frame;

typedef struct net {
  net_node n[2];
  al_time now;
  uint64_t delay_us, jitter_us, order;
  unsigned loss_rt; /* of 1,000 frames on channel rt */
  uint64_t mangle;  /* the so-manieth frame sent arrives with a bit turned; 0: none */
  bool cut;         /* nothing arrives any more */
  bool probes;      /* as a node does: al_links_probe once a second */
  al_time probe_at;
  unsigned doubts[2], short_rx[2];
  bool no_free; /* links that ended are not freed */
  net_frame *frames;
  size_t frames_count;
  uint64_t carried[2][2]; /* by receiver and channel */
  uint8_t *sniffed;       /* the first frames, as they were */
  size_t sniffed_count;
} net;

NET_UNUSED static net *net_new(const al_suite *suite) {
  net *t = calloc(1, sizeof *t);
  if (t == NULL) abort();
  t->frames = calloc(NET_FRAMES_MAX, sizeof *t->frames);
  t->sniffed = calloc(NET_SNIFF_MAX, AL_FRAME_BYTES);
  if (t->frames == NULL || t->sniffed == NULL) abort();
  t->delay_us = 10 * AL_MS;
  t->now = 1000 * AL_SECOND;
  for (unsigned i = 0; i < 2; i++) net_node_init(&t->n[i], suite, (uint8_t)(1 + i));
  return t;
}

/* Both tables with the default configuration. */
NET_UNUSED static void net_start(net *t, const al_suite *suite) {
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.now = t->now;
    if (al_links_init(&t->n[i].ls, &c) != AL_OK) abort();
  }
}

NET_UNUSED static void net_free(net *t) {
  for (unsigned i = 0; i < 2; i++) {
    al_links_clear(&t->n[i].ls);
    tap_ok(test_alloc_clean(&t->n[i].ta),
           "node %u: nothing leaked, nothing allocated in rx or tick", i);
    al_identity_clear(&t->n[i].identity);
    al_rng_clear(&t->n[i].rng);
  }
  free(t->frames);
  free(t->sniffed);
  free(t);
}

/* ---- the wire ---- */

static void net_send(net *t, unsigned from, unsigned pair, al_channel ch, al_bytes frame) {
  const uint8_t *bytes = frame.ptr;
  size_t len = frame.len;
  if (t->sniffed_count < NET_SNIFF_MAX)
    memcpy(t->sniffed + t->sniffed_count++ * AL_FRAME_BYTES, bytes, AL_FRAME_BYTES);
  if (t->cut || (ch == AL_CHANNEL_RT && test_rand_below(1000) < t->loss_rt)) return;
  if (t->frames_count == NET_FRAMES_MAX) abort();
  net_frame *f = &t->frames[t->frames_count++];
  f->at = t->now + t->delay_us + (t->jitter_us != 0 ? test_rand_below(t->jitter_us) : 0);
  f->order = t->order++;
  f->to = 1 - from;
  f->pair = pair;
  f->ch = ch;
  f->len = len;
  memcpy(f->bytes, bytes, len);
  if (t->order == t->mangle) f->bytes[16 + test_rand_below(100)] ^= 0x10;
}

/* Everything that a link has to say, onto the wire. */
static void net_pump(net *t, unsigned side, unsigned pair) {
  net_node *n = &t->n[side];
  uint8_t frame[AL_FRAME_BYTES];
  al_channel ch;
  n->ta.closed = true;
  for (size_t len;
       n->link[pair] != 0 && (len = al_link_next(&n->ls, n->link[pair], t->now, frame, &ch)) != 0;)
    net_send(t, side, pair, ch, al_view(frame, len));
  n->ta.closed = false;
}

static void net_end(net *t, unsigned side, unsigned pair) {
  net_node *n = &t->n[side];
  if (t->no_free) return;
  al_link_free(&n->ls, n->link[pair]);
  n->link[pair] = 0;
}

static void net_message(net_node *n, const al_link_in *in) {
  n->messages++;
  n->kind = in->message.kind;
  n->id = in->message.id;
  n->len = in->message.len;
  memcpy(n->body, in->message.ptr, in->message.len);
  if (n->keep_slot)
    n->slot = in->slot;
  else
    al_link_message_done(&n->ls, in->slot);
}

/* Hands one frame to a node and writes down what came of it. */
static al_link_verdict net_deliver(net *t, unsigned side, unsigned pair, uint8_t *bytes,
                                   size_t len) {
  net_node *n = &t->n[side];
  al_link_in in;
  n->ta.closed = true;
  al_link_verdict v = al_link_rx(&n->ls, n->link[pair], (al_span){bytes, len}, t->now, &in);
  n->ta.closed = false;
  if (in.became_up) {
    n->ups++;
    n->up_peer = in.peer;
    n->up_at = t->now;
  }
  if (in.descriptor.len != 0) {
    n->descriptors++;
    n->desc_peer = in.peer;
    al_link_message_done(&n->ls, in.slot);
  }
  if (v == AL_LINK_CELL) {
    n->cells++;
    n->cell = in.cell;
    memcpy(n->payload, in.payload, sizeof n->payload);
  }
  if (v == AL_LINK_DROP) n->drops++;
  if (v == AL_LINK_MESSAGE) net_message(n, &in);
  if (v == AL_LINK_CLOSED) {
    n->closed++;
    n->code = in.code;
    net_end(t, side, pair);
  }
  return v;
}

static void net_tick(net *t, unsigned side) {
  net_node *n = &t->n[side];
  al_link_event ev;
  for (;;) {
    n->ta.closed = true;
    bool more = al_links_tick(&n->ls, t->now, &ev);
    n->ta.closed = false;
    if (!more) return;
    for (unsigned pair = 0; pair < NET_PAIRS_MAX; pair++) {
      if (n->link[pair] != ev.link) continue;
      if (ev.kind != AL_LINK_EVENT_DEAD) {
        t->doubts[side] += ev.kind == AL_LINK_EVENT_DOUBT;
        net_pump(t, side, pair);
      } else {
        n->dead++;
        n->dead_at = t->now;
        n->code = (uint8_t)ev.code;
        net_end(t, side, pair);
      }
    }
  }
}

/* The links take turns. */
static void net_probe(net *t) {
  t->probe_at = t->now + AL_SECOND;
  for (unsigned i = 0; i < 2; i++) {
    al_link l = al_links_probe(&t->n[i].ls, t->now);
    for (unsigned pair = 0; pair < NET_PAIRS_MAX; pair++)
      if (l != 0 && t->n[i].link[pair] == l) net_pump(t, i, pair);
  }
}

static size_t net_first(const net *t) {
  size_t best = 0;
  for (size_t i = 1; i < t->frames_count; i++) {
    const net_frame *a = &t->frames[i], *b = &t->frames[best];
    if (a->at < b->at || (a->at == b->at && a->order < b->order)) best = i;
  }
  return best;
}

/* Lets time pass until `until`: frames arrive, timers fire. */
NET_UNUSED static void net_run(net *t, al_time until) {
  for (;;) {
    al_time next = until;
    for (unsigned i = 0; i < 2; i++) next = al_min_u64(next, al_links_deadline(&t->n[i].ls));
    if (t->probes) next = al_min_u64(next, t->probe_at);
    size_t first = t->frames_count != 0 ? net_first(t) : 0;
    if (t->frames_count != 0 && t->frames[first].at <= al_min_u64(next, until)) {
      net_frame f = t->frames[first];
      t->frames[first] = t->frames[--t->frames_count];
      if (f.at > t->now) t->now = f.at;
      t->carried[f.to][f.ch]++;
      if (t->cut || t->n[f.to].link[f.pair] == 0) continue;
      t->short_rx[f.to] += f.len == AL_LINK_SHORT_BYTES;
      net_deliver(t, f.to, f.pair, f.bytes, f.len);
      net_pump(t, f.to, f.pair);
      continue;
    }
    if (next >= until) break;
    if (next > t->now) t->now = next;
    for (unsigned i = 0; i < 2; i++) net_tick(t, i);
    if (t->probes && t->now >= t->probe_at) net_probe(t);
  }
  t->now = until;
}

NET_UNUSED static void net_pass(net *t, uint64_t us) { net_run(t, t->now + us); }

/* ---- links ---- */

/* Node `from` dials the other; both transports open at once. */
NET_UNUSED static void net_dial_with(net *t, unsigned from, unsigned pair, const al_id *peer,
                                     al_bytes descriptor) {
  uint8_t binding[32];
  memset(binding, 0xb0 + (int)pair, sizeof binding);
  net_node *a = &t->n[from], *b = &t->n[1 - from];
  tap_ok(al_link_dial(&a->ls, t->now, peer, descriptor, &a->link[pair]) == AL_OK, "dialled");
  tap_ok(al_link_accept(&b->ls, t->now, binding, &b->link[pair]) == AL_OK, "accepted");
  a->ta.closed = true;
  tap_ok(al_link_up(&a->ls, a->link[pair], t->now, binding) == AL_OK, "transport up");
  a->ta.closed = false;
  net_pump(t, from, pair);
}

/* The usual case: the answerer is known. */
NET_UNUSED static void net_dial(net *t, unsigned from, unsigned pair) {
  net_dial_with(t, from, pair, &t->n[1 - from].identity.id, t->n[1 - from].descriptor);
}

/* One cell of a circuit, sealed and sent. */
NET_UNUSED static void net_cell(net *t, unsigned from, unsigned pair, uint32_t id) {
  net_node *n = &t->n[from];
  uint8_t frame[AL_FRAME_BYTES];
  al_cell_header h = {.id = id, .type = AL_CELL_CIRCUIT, .counter = 77};
  memset(frame, 0, sizeof frame);
  al_cell_encode(&h, frame + AL_LINK_CELL_AT);
  memset(frame + AL_LINK_PAYLOAD_AT, (int)(id & 255), AL_CELL_PAYLOAD_BYTES);
  n->ta.closed = true;
  al_link_seal(&n->ls, n->link[pair], t->now, frame);
  n->ta.closed = false;
  net_send(t, from, pair, AL_CHANNEL_BULK, al_view(frame, AL_FRAME_BYTES));
}

NET_UNUSED static uint64_t net_count(const net *t, unsigned side, al_counter what) {
  return t->n[side].counters.v[what];
}

#endif
