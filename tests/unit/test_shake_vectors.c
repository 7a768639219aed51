/* Link handshakes, rekey and a data frame against link.txt; keys of hops, CREATED and the layers of
 * cells against circuit.txt. Argument: tests/vectors. */
#include "book/book.h"
#include "shake/hop.h"
#include "shake/resume.h"
#include "shake/shake.h"
#include "tap.h"
#include "test_wire_vectors.h"

enum { I = 0, R = 1 };

static const al_suite *suite;
static al_identity node[2];
static al_shake side[2];
static uint8_t root[2][32];
static uint8_t message[AL_HANDSHAKE_BYTES_MAX];

/* What was made equals the vector; then it is there to be taken. */
static al_span made(al_err err, const al_wr *w, const char *name, const char *kind) {
  tap_ok(err == AL_OK && vec_is(vec("%s.%s", name, kind), message, w->len), "%s: %s", name, kind);
  return (al_span){message, w->len};
}

static void fetch(const char *name) {
  al_bytes got;
  al_wr w = al_wr_init(message, sizeof message);
  al_err err = al_shake_make_fetch(&side[I], vec("%s.coins.fetch", name).ptr, &w);
  err = al_shake_take_fetch(&side[R], made(err, &w, name, "fetch"));
  tap_ok(err == AL_OK, "is taken");
  w = al_wr_init(message, sizeof message);
  const al_bytes descriptor = vec("%s.descriptor.r", name);
  err = al_shake_make_record(&side[R], vec("%s.coins.record", name).ptr, descriptor, &w);
  err = al_shake_take_record(&side[I], made(err, &w, name, "record"), &got);
  tap_ok(err == AL_OK && vec_is(got, descriptor.ptr, descriptor.len), "is taken");
}

static void init_accept(const char *name) {
  al_bytes got;
  uint64_t sequence = 0;
  al_wr w = al_wr_init(message, sizeof message);
  const al_bytes descriptor = vec("%s.descriptor.i", name);
  al_err err =
      al_shake_make_init(&side[I], node[R].link_pk, vec("%s.coins.init", name).ptr, descriptor, &w);
  err = al_shake_take_init(&side[R], node[R].link_sk, made(err, &w, name, "init"), &got);
  tap_ok(err == AL_OK && vec_is(got, descriptor.ptr, descriptor.len), "is taken");
  w = al_wr_init(message, sizeof message);
  err = al_shake_make_accept(&side[R], node[I].link_pk, vec("%s.coins.accept", name).ptr, 77, &w);
  err = al_shake_take_accept(&side[I], node[I].link_sk, made(err, &w, name, "accept"), &sequence);
  tap_ok(err == AL_OK && sequence == 77, "is taken");
}

static void check_keys(const char *name, int phase) {
  for (int s = 0; s < 2; s++) {
    uint8_t i2r[32], r2i[32];
    al_shake_frame_key(suite, root[s], true, i2r);
    al_shake_frame_key(suite, root[s], false, r2i);
    tap_ok(vec_is(vec("%s.phase%d.i2r", name, phase), i2r, 32) &&
               vec_is(vec("%s.phase%d.r2i", name, phase), r2i, 32) &&
               vec_is(vec("%s.phase%d.root", name, phase), root[s], 32),
           "%s: keys of phase %d, side %d", name, phase, s);
  }
}

static void frame(const char *name) {
  uint8_t f[AL_FRAME_BYTES], key[32];
  const al_cell_header h = {0x80000001, AL_CELL_CIRCUIT, 0, 0xfedcba987654};
  al_cell_encode(&h, f + 8);
  memcpy(f + 8 + AL_CELL_HEADER_BYTES, vec("%s.frame.payload", name).ptr, AL_CELL_PAYLOAD_BYTES);
  tap_ok(vec_is(vec("%s.frame.cell", name), f + 8, AL_CELL_BYTES), "%s: a cell", name);
  const uint64_t counter = (uint64_t)3 << 56 | 0x1122334455;
  al_store_u64(f, counter);
  al_shake_frame_key(suite, root[I], true, key);
  suite->seal(f + 8, AL_CELL_BYTES, f + 8 + AL_CELL_BYTES, key, counter, (al_bytes){NULL, 0});
  tap_ok(vec_is(vec("%s.frame", name), f, sizeof f), "%s: its data frame", name);
}

static void rekey(const char *name) {
  uint8_t ask[AL_REKEY_BYTES], answer[AL_REKEYED_BYTES];
  const uint8_t *seed = vec("%s.coins.rekey", name).ptr;
  al_shake_rekey_ask(suite, seed, ask);
  tap_ok(vec_is(vec("%s.rekey", name), ask, sizeof ask), "%s: REKEY", name);
  (void)al_shake_rekey_answer(suite, root[R], ask, vec("%s.coins.rekeyed", name).ptr, answer);
  tap_ok(vec_is(vec("%s.rekeyed", name), answer, sizeof answer), "%s: REKEYED", name);
  al_shake_rekey_finish(suite, root[I], seed, answer);
}

static void test_link(const char *name, bool with_fetch) {
  for (int s = 0; s < 2; s++) {
    al_identity_init(suite, vec("%s.root.%c", name, s == I ? 'i' : 'r').ptr, &node[s]);
    const al_shake_setup setup = {.suite = suite,
                                  .network = vec("%s.network", name),
                                  .secret = vec("%s.secret", name),
                                  .binding = vec("%s.binding", name).ptr,
                                  .initiator = s == I};
    al_shake_init(&side[s], &setup);
  }
  for (int s = 0; s < 2; s++) al_shake_name(&side[s], &node[R].id);
  if (with_fetch) fetch(name);
  init_accept(name);
  for (int s = 0; s < 2; s++) al_shake_take_root(&side[s], root[s]);
  check_keys(name, 0);
  frame(name);
  rekey(name);
  check_keys(name, 1);
}

enum { HOPS = 3 };
static al_hop_keys hop[HOPS];

static void test_hops(void) {
  for (int i = 0; i < HOPS; i++) {
    al_id id;
    memcpy(id.b, vec("%d.id", i).ptr, sizeof id.b);
    for (int origin = 0; origin < 2; origin++) {
      const al_hop_exchange e = {&id,
                                 vec("%d.secret", i).ptr,
                                 vec("%d.x", i).ptr,
                                 vec("%d.y", i).ptr,
                                 vec(origin ? "%d.x_sk" : "%d.y_sk", i).ptr,
                                 origin != 0};
      al_err err = al_hop_derive(suite, &e, &hop[i]);
      tap_ok(err == AL_OK && vec_is(vec("%d.forward", i), hop[i].forward, 32) &&
                 vec_is(vec("%d.backward", i), hop[i].backward, 32) &&
                 vec_is(vec("%d.created", i), hop[i].created, 32) &&
                 vec_is(vec("%d.confirm", i), hop[i].confirm, 16) &&
                 vec_is(vec("%d.resume", i), hop[i].resume, 32) &&
                 hop[i].forward_offset == al_load_u64(vec("%d.forward_offset", i).ptr) &&
                 hop[i].backward_offset == al_load_u64(vec("%d.backward_offset", i).ptr),
             "keys of hop %d at the %s", i, origin ? "origin" : "hop");
    }
  }
}

static void test_created(void) {
  uint8_t payload[AL_CELL_PAYLOAD_BYTES] = {0};
  memcpy(payload, vec("created.end").ptr, AL_HOP_REST_BYTES);
  for (int i = HOPS - 1; i >= 0; i--) {
    al_hop_created_add(suite, &hop[i], vec("%d.y", i).ptr, payload);
    tap_ok(vec_is(vec("created.%d", i), payload, sizeof payload), "CREATED as hop %d sends it", i);
  }
  for (int i = 0; i < HOPS; i++)
    tap_ok(al_hop_created_peel(suite, &hop[i], payload) == AL_OK, "the origin peels hop %d", i);
}

/* One layer on (or off) a body whose counter is `name.i.counter`. */
static void layer(bool forward, bool on, int i, uint8_t *body) {
  al_wide_key k;
  al_wide_init(suite, forward ? hop[i].forward : hop[i].backward, &k);
  const uint64_t counter =
      al_load_u64(vec("%s.%d.counter", forward ? "forward" : "backward", i).ptr);
  if (on)
    al_wide_encrypt(suite, &k, counter, body, AL_CELL_PAYLOAD_BYTES);
  else
    al_wide_decrypt(suite, &k, counter, body, AL_CELL_PAYLOAD_BYTES);
}

static void test_cells(void) {
  uint8_t body[AL_CELL_PAYLOAD_BYTES];
  memcpy(body, vec("forward.plain").ptr, sizeof body);
  for (int i = HOPS - 1; i >= 0; i--) layer(true, true, i, body);
  for (int i = 0; i < HOPS; i++) {
    tap_ok(vec_is(vec("forward.%d.body", i), body, sizeof body), "forward cell to hop %d", i);
    layer(true, false, i, body);
  }
  tap_ok(vec_is(vec("forward.plain"), body, sizeof body), "and at its end");
  const uint64_t mask = ((uint64_t)1 << 48) - 1;
  uint64_t w = al_load_u64(vec("forward.counter").ptr),
           v = al_load_u64(vec("backward.counter").ptr);
  bool good = true;
  for (int i = 0; i < HOPS; i++, w = (w + hop[i - 1].forward_offset) & mask)
    good = good && w == al_load_u64(vec("forward.%d.counter", i).ptr);
  tap_ok(good, "forward counters");
  memcpy(body, vec("backward.plain").ptr, sizeof body);
  for (int i = HOPS - 1; i >= 0; i--) {
    v = (v + hop[i].backward_offset) & mask;
    layer(false, true, i, body);
    tap_ok(vec_is(vec("backward.%d.body", i), body, sizeof body) &&
               v == al_load_u64(vec("backward.%d.counter", i).ptr),
           "backward cell from hop %d", i);
  }
}

/* The third hop is the end of a circuit; the second stands for that of the circuit that joins. */
static void test_resume(void) {
  uint8_t name[AL_RESUME_ID_BYTES], payload[AL_RELAY_BYTES];
  al_resume_name(suite, hop[1].resume, name);
  for (int op = AL_RESUME_JOIN; op <= AL_RESUME_JOINED; op++) {
    al_resume m;
    al_resume_make(suite, (al_resume_op)op, hop[2].resume, name, &m);
    al_resume_encode(&m, payload);
    tap_ok(
        vec_is(vec("resume.%s", op == AL_RESUME_JOIN ? "join" : "joined"), payload, sizeof payload),
        "a circuit %s a bundle", op == AL_RESUME_JOIN ? "asks to join" : "has joined");
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  suite = al_suite_hacl();
  vec_load(argv[1], "link.txt");
  test_link("known", false);
  test_link("unknown", true);
  vec_load(argv[1], "circuit.txt");
  test_hops();
  test_created();
  test_cells();
  test_resume();
  return tap_done();
}
