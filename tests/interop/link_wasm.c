/* link_wasm — a node's end of one link, in a page: src/link as it is, behind numbers and one
 * buffer. An instance of the module is one node with one link, which it dials without knowing who
 * answers.
 * Times are microseconds of the page's clock. */
#include <stdlib.h>

#include "link/link.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum { BUFFER_BYTES = 32768 };

static struct {
  al_rng rng;
  al_counters counters;
  al_identity identity;
  al_keyring keys;
  uint8_t onion[2][AL_KEM_PK_BYTES], record[AL_DESC_BYTES_MAX];
  al_bytes descriptor;
  uint8_t network[AL_SHAKE_NETWORK_BYTES_MAX], secret[32];
  al_links links;
  al_link link;
  al_link_in in;
} node;
static uint8_t buffer[BUFFER_BYTES];

__attribute__((import_module("page"), import_name("assert_failed"))) void page_assert_failed(
    const char *expr, const char *file, int line);

_Noreturn void al_assert_failed(const char *expr, const char *file, int line) {
  page_assert_failed(expr, file, line);
  __builtin_trap();
}

static void *get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static const al_alloc heap = {NULL, get, put};

/* What a browser's node says of itself: no relay, no exit, and no address to dial it at. */
static al_err describe(uint64_t wall_s) {
  const al_suite *suite = al_suite_hacl();
  uint8_t coins[AL_SIG_COINS_BYTES], sk[AL_KEM_SK_BYTES];
  al_desc d = {.flags = AL_DESC_BROWSER,
               .sequence = wall_s,
               .published_s = wall_s,
               .expiry_s = wall_s + AL_DESC_LIFETIME_S,
               .epoch = wall_s / AL_EPOCH_S,
               .software = al_view("interop", 7)};
  while (!al_puzzle_search(suite, &node.identity.id, 65536, &d.puzzle)) {
  }
  for (int i = 0; i < 2; i++) {
    al_rng_bytes(&node.rng, coins, sizeof coins);
    suite->kem_keypair(node.onion[i], sk, coins);
    d.onion_pk[i] = node.onion[i];
  }
  al_wr w = al_wr_init(node.record, sizeof node.record);
  al_rng_bytes(&node.rng, coins, sizeof coins);
  al_err e = al_descriptor_make(suite, &node.identity, &d, coins, &w);
  node.descriptor = al_wr_view(&w);
  return e;
}

EXPORT(link_buffer) uint8_t *link_buffer(void) { return buffer; }
EXPORT(link_own_id) const uint8_t *link_own_id(void) { return node.identity.id.b; }

/* The buffer: root secret 32, seed of the generator 32, network secret 32, network's name. */
EXPORT(link_init) int link_init(uint32_t name_bytes, int has_secret, double wall_s, double now) {
  const al_suite *suite = al_suite_hacl();
  if (name_bytes > sizeof node.network) return AL_EINVAL;
  al_identity_init(suite, buffer, &node.identity);
  al_rng_init(&node.rng, suite, buffer + 32);
  memcpy(node.secret, buffer + 64, sizeof node.secret);
  memcpy(node.network, buffer + 96, name_bytes);
  al_err e = describe((uint64_t)wall_s);
  if (e != AL_OK) return e;
  al_links_config c = {.suite = suite,
                       .alloc = &heap,
                       .rng = &node.rng,
                       .counters = &node.counters,
                       .keys = (node.keys = al_keyring_over(&node.identity), &node.keys),
                       .descriptor = &node.descriptor,
                       .network = al_view(node.network, name_bytes),
                       .secret = al_view(node.secret, has_secret ? sizeof node.secret : 0),
                       .padding = AL_PADDING_REDUCED,
                       .links_max = 1,
                       .wall_s = (uint64_t)wall_s,
                       .now = (al_time)now};
  return al_links_init(&node.links, &c);
}

/* Bend a bit of the own descriptor, which is signed already; negative: that far from its end. */
EXPORT(link_bend) void link_bend(int at) {
  node.record[at < 0 ? (int)node.descriptor.len + at : at] ^= 1;
}

/* The channels are open. The buffer: SHA-256 of the dialler's and of the answerer's certificate. */
EXPORT(link_start) int link_start(double now) {
  al_bytes parts[2] = {al_view("allium binding v1", 17), al_view(buffer, 64)};
  uint8_t binding[32];
  al_suite_hacl()->sha3_256(binding, parts, 2);
  al_err e = al_link_dial(&node.links, (al_time)now, NULL, al_view(NULL, 0), &node.link);
  return e == AL_OK ? al_link_up(&node.links, node.link, (al_time)now, binding) : e;
}

/* A frame is in the buffer, a message is there afterwards. Returns the verdict. */
EXPORT(link_rx) int link_rx(uint32_t bytes, double now) {
  al_span frame = {buffer, bytes};
  al_link_verdict v = al_link_rx(&node.links, node.link, frame, (al_time)now, &node.in);
  if (v == AL_LINK_MESSAGE) memmove(buffer, node.in.message.ptr, node.in.message.len);
  al_link_message_done(&node.links, node.in.slot);
  return (int)v;
}

/* Of the frame taken last. */
EXPORT(link_in_up) int link_in_up(void) { return node.in.became_up; }
EXPORT(link_in_code) int link_in_code(void) { return node.in.code; }
EXPORT(link_in_kind) int link_in_kind(void) { return (int)node.in.message.kind; }
EXPORT(link_in_bytes) uint32_t link_in_bytes(void) { return node.in.message.len; }
EXPORT(link_in_record) uint32_t link_in_record(void) { return (uint32_t)node.in.descriptor.len; }

/* The frame to send is in the buffer. Returns its length, negative for channel rt, or 0. */
EXPORT(link_next) int link_next(double now) {
  al_channel ch = AL_CHANNEL_BULK;
  int len = (int)al_link_next(&node.links, node.link, (al_time)now, buffer, &ch);
  return ch == AL_CHANNEL_RT ? -len : len;
}

/* 0: nothing is due; 1: frames are; 2 + code: the link is dead. */
EXPORT(link_tick) int link_tick(double now) {
  al_link_event ev;
  if (!al_links_tick(&node.links, (al_time)now, &ev)) return 0;
  return ev.kind != AL_LINK_EVENT_DEAD ? 1 : 2 + (int)ev.code;
}

/* To be called once a second, as src/node does: silence alone is no doubt, and a node that sends
 * nothing which wants an answer asks only here. 1: a PING is due. */
EXPORT(link_probe) int link_probe(double now) {
  return al_links_probe(&node.links, (al_time)now) != 0;
}

EXPORT(link_close) int link_close(double now, int code) {
  return al_link_send_close(&node.links, node.link, (al_time)now, (al_link_code)code);
}

EXPORT(link_is_up) int link_is_up(void) { return al_link_is_up(&node.links, node.link); }
EXPORT(link_rtt_us) uint32_t link_rtt_us(void) { return al_link_rtt_us(&node.links, node.link); }

/* Who is at the other end: the ID is in the buffer. */
EXPORT(link_peer) int link_peer(void) {
  al_id id;
  if (!al_link_peer(&node.links, node.link, &id)) return 0;
  memcpy(buffer, id.b, sizeof id.b);
  return 1;
}

/* Ask the other end for its own descriptor. */
EXPORT(link_want) int link_want(void) {
  uint8_t bytes[AL_WANT_BYTES_MAX];
  al_wr w = al_wr_init(bytes, sizeof bytes);
  al_id id;
  if (!al_link_peer(&node.links, node.link, &id)) return AL_ESTATE;
  al_want_start(&w);
  al_want_add(&w, &id);
  return al_link_send_message(&node.links, node.link, AL_MESSAGE_WANT, 1, al_wr_view(&w));
}

/* Is the message in the buffer the descriptor of the other end, signed by it? */
EXPORT(link_is_record) int link_is_record(uint32_t bytes) {
  al_desc d;
  al_id peer;
  if (!al_link_peer(&node.links, node.link, &peer)) return 0;
  if (al_desc_decode(al_view(buffer, bytes), &d) != AL_OK) return 0;
  al_id id = al_node_id(al_suite_hacl(), d.sig_pk);
  return al_id_equal(&id, &peer) && al_descriptor_verify(al_suite_hacl(), &d) == AL_OK;
}

/* Entries of the DIGEST in the buffer; -1: it is none. */
EXPORT(link_digest) int link_digest(uint32_t bytes) {
  al_rd r;
  al_id id;
  uint64_t sequence;
  int count = 0;
  if (al_digest_decode(al_view(buffer, bytes), &r) != AL_OK) return -1;
  while (al_digest_next(&r, &id, &sequence)) count++;
  return count;
}

/* The counter whose name is in the buffer, ended by 0; -1: there is none. */
EXPORT(link_count) double link_count(void) {
  for (uint32_t i = 0; i < AL_COUNT__COUNT; i++) {
    if (strcmp(al_counter_name(i), (const char *)buffer) == 0) return (double)node.counters.v[i];
  }
  return -1;
}
