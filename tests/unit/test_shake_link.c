/* The link handshake as messages: known and unknown answerer, wrong network, wrong secret, wrong
 * binding, wrong key, changed, cut and misplaced messages, rekeys. */
#include "shake/shake.h"
#include "tap.h"

enum { DESC = AL_DESC_BYTES_MIN };

/* What one side has then: the secret, and what frames are sealed with. */
typedef struct side_keys {
  uint8_t root[32], i2r[32], r2i[32];
} side_keys;

/* Both sides of one handshake. Descriptors are just bytes here. */
typedef struct world {
  const al_suite *suite;
  al_rng rng;
  uint8_t pk[2][AL_KEM_PK_BYTES], sk[2][AL_KEM_SK_BYTES]; /* link keys: dialler, answerer */
  uint8_t desc[2][DESC];
  uint8_t secret[32], binding[2][32];
  al_shake side[2];
  side_keys keys[2];
  uint8_t message[AL_HANDSHAKE_BYTES_MAX];
  size_t len;
  al_bytes got;
  uint64_t sequence;
} world;

enum { I = 0, R = 1 };

static world w;

static void setup(const al_suite *suite) {
  static const uint8_t seed[32] = "link";
  memset(&w, 0, sizeof w);
  w.suite = suite;
  al_rng_init(&w.rng, suite, seed);
  for (int i = 0; i < 2; i++) {
    uint8_t s[32];
    al_rng_bytes(&w.rng, s, sizeof s);
    suite->kem_keypair(w.pk[i], w.sk[i], s);
    al_rng_bytes(&w.rng, w.desc[i], DESC);
  }
  al_rng_bytes(&w.rng, w.secret, 32);
  al_rng_bytes(&w.rng, w.binding[I], 32);
  memcpy(w.binding[R], w.binding[I], 32);
}

/* What the two sides believe; each side may be told something else. */
typedef struct belief {
  const char *network[2];
  const uint8_t *secret[2];
} belief;

static const belief agree = {{"allium", "allium"}, {NULL, NULL}};

static void begin(const belief *b) {
  for (int i = 0; i < 2; i++) {
    const al_shake_setup s = {.suite = w.suite,
                              .network = al_view(b->network[i], strlen(b->network[i])),
                              .secret = al_view(b->secret[i], b->secret[i] != NULL ? 32 : 0),
                              .binding = w.binding[i],
                              .initiator = i == I};
    al_shake_init(&w.side[i], &s);
  }
}

static const uint8_t *coins(size_t len) {
  static uint8_t buffer[AL_SHAKE_ACCEPT_COINS];
  al_rng_bytes(&w.rng, buffer, len);
  return buffer;
}

/* The steps of PROTOCOL.md 4.2 in order; each sends or takes w.message. */
static al_err step(int n) {
  al_wr out = al_wr_init(w.message, sizeof w.message);
  const al_span in = {w.message, w.len};
  al_err err = AL_EINVAL;
  switch (n) {
    case 0:
      err = al_shake_make_fetch(&w.side[I], coins(AL_SHAKE_FETCH_COINS), &out);
      break;
    case 1:
      return al_shake_take_fetch(&w.side[R], in);
    case 2:
      err = al_shake_make_record(&w.side[R], coins(AL_SHAKE_RECORD_COINS), al_view(w.desc[R], DESC),
                                 &out);
      break;
    case 3:
      return al_shake_take_record(&w.side[I], in, &w.got);
    case 4:
      err = al_shake_make_init(&w.side[I], w.pk[R], coins(AL_SHAKE_INIT_COINS),
                               al_view(w.desc[I], DESC), &out);
      break;
    case 5:
      return al_shake_take_init(&w.side[R], w.sk[R], in, &w.got);
    case 6:
      err = al_shake_make_accept(&w.side[R], w.pk[I], coins(AL_SHAKE_ACCEPT_COINS), 77, &out);
      break;
    case 7:
      return al_shake_take_accept(&w.side[I], w.sk[I], in, &w.sequence);
    default:
      break;
  }
  w.len = out.len;
  return err;
}

enum { STEPS = 8, FIRST_KNOWN = 4 };

/* Runs steps from..to; the number of the step that failed, or `to`. */
static int run(int from, int to) {
  int n = from;
  while (n < to && step(n) == AL_OK) n++;
  return n;
}

static void derive(void) {
  for (int i = 0; i < 2; i++) {
    al_shake_frame_key(w.suite, w.keys[i].root, true, w.keys[i].i2r);
    al_shake_frame_key(w.suite, w.keys[i].root, false, w.keys[i].r2i);
  }
}

static void take_keys(void) {
  for (int i = 0; i < 2; i++) al_shake_take_root(&w.side[i], w.keys[i].root);
  derive();
}

static void test_known(void) {
  const uint64_t got_len = DESC;
  begin(&agree);
  tap_is_u64(run(FIRST_KNOWN, 6), 6, "%s: INIT is taken", w.suite->name);
  tap_is_u64(w.got.len, got_len, "the descriptor has its length");
  tap_is_mem(w.got.ptr, w.desc[I], DESC, "it is the dialler's");
  tap_is_u64(run(6, STEPS), STEPS, "ACCEPT is taken");
  tap_is_u64(w.sequence, 77, "the sequence of the answerer's descriptor arrives");
  take_keys();
  tap_is_mem(&w.keys[I], &w.keys[R], sizeof w.keys[I], "both sides have the same keys");
  tap_ok(memcmp(w.keys[I].i2r, w.keys[I].r2i, 32) != 0, "the two directions differ");
  tap_ok(al_zero_ct(&w.side[I], sizeof w.side[I]) && al_zero_ct(&w.side[R], sizeof w.side[R]),
         "the handshakes are wiped");
}

static void test_unknown(void) {
  begin(&agree);
  tap_is_u64(run(0, 4), 4, "%s: FETCH and RECORD are taken", w.suite->name);
  tap_ok(w.got.len == DESC && memcmp(w.got.ptr, w.desc[R], DESC) == 0,
         "the dialler gets the answerer's descriptor");
  tap_is_u64(run(4, STEPS), STEPS, "INIT and ACCEPT follow");
  side_keys before = w.keys[I];
  take_keys();
  tap_is_mem(&w.keys[I], &w.keys[R], sizeof w.keys[I], "both sides have the same keys");
  tap_ok(memcmp(&before, &w.keys[I], sizeof before) != 0, "not those of the handshake before");
}

static void test_networks(void) {
  uint8_t other[32] = {1};
  const belief names = {{"allium", "allium2"}, {NULL, NULL}};
  const belief secrets = {{"allium", "allium"}, {w.secret, other}};
  const belief open = {{"allium", "allium"}, {NULL, w.secret}};
  const belief closed = {{"mine", "mine"}, {w.secret, w.secret}};
  const struct {
    const belief *b;
    const char *what;
  } cases[] = {{&names, "another network's name"},
               {&secrets, "another network secret"},
               {&open, "a dialler without the network secret"}};
  for (size_t i = 0; i < 3; i++) {
    begin(cases[i].b);
    tap_is_u64(run(0, STEPS), 1, "%s: FETCH fails, no identity is shown", cases[i].what);
    begin(cases[i].b);
    tap_is_u64(run(FIRST_KNOWN, STEPS), 5, "%s: INIT fails", cases[i].what);
  }
  begin(&closed);
  tap_is_u64(run(0, STEPS), STEPS, "a private network works");
  w.binding[R][31] ^= 1;
  begin(&agree);
  tap_is_u64(run(0, STEPS), 1, "another binding: FETCH fails");
  begin(&agree);
  tap_is_u64(run(FIRST_KNOWN, STEPS), 5, "another binding: INIT fails");
  w.binding[R][31] ^= 1;
}

/* Somebody else answers, or somebody else dials with a borrowed descriptor. */
static void test_wrong_key(void) {
  uint8_t seed[32] = {5}, pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES], keep[AL_KEM_SK_BYTES];
  w.suite->kem_keypair(pk, sk, seed);
  memcpy(keep, w.sk[R], sizeof keep);
  memcpy(w.sk[R], sk, sizeof sk);
  begin(&agree);
  tap_is_u64(run(FIRST_KNOWN, STEPS), 5, "an answerer without the link key cannot read INIT");
  memcpy(w.sk[R], keep, sizeof keep);
  memcpy(keep, w.sk[I], sizeof keep);
  memcpy(w.sk[I], sk, sizeof sk);
  begin(&agree);
  tap_is_u64(run(FIRST_KNOWN, STEPS), 7, "a dialler without its link key cannot read ACCEPT");
  memcpy(w.sk[I], keep, sizeof keep);
  begin(&agree);
  memcpy(keep, w.pk[R], AL_KEM_PK_BYTES);
  memset(w.pk[R], 0xff, AL_KEM_PK_BYTES);
  tap_ok(step(4) == AL_ECRYPTO && w.side[I].stage == AL_SHAKE_FAILED,
         "a link key beyond the modulus is refused");
  memcpy(w.pk[R], keep, AL_KEM_PK_BYTES);
}

static const struct {
  int made, from;
  const char *name;
} messages[] = {{0, 0, "FETCH"}, {2, 0, "RECORD"}, {4, 4, "INIT"}, {6, 4, "ACCEPT"}};

/* Every message: a bit changed anywhere, or cut anywhere, ends the handshake. */
static void test_changes(void) {
  for (size_t m = 0; m < 4; m++) {
    uint32_t accepted = 0, alive = 0, tried = 0;
    begin(&agree);
    (void)run(messages[m].from, messages[m].made + 1);
    static uint8_t message[AL_HANDSHAKE_BYTES_MAX];
    const al_shake taker = w.side[messages[m].made % 4 == 0 ? R : I];
    const size_t len = w.len;
    memcpy(message, w.message, len);
    for (size_t at = 0; at < len; at += at < 64 ? 7 : 61) {
      for (int cut = 0; cut < 2; cut++) {
        memcpy(w.message, message, len);
        w.len = cut ? at : len;
        if (!cut) w.message[at] ^= 0x10;
        al_shake *side = &w.side[messages[m].made % 4 == 0 ? R : I];
        *side = taker;
        al_err err = step(messages[m].made + 1);
        accepted += err != AL_EPARSE && err != AL_ECRYPTO;
        alive += side->stage != AL_SHAKE_FAILED || !al_zero_ct(side, sizeof *side);
        tried++;
      }
    }
    tap_is_u64(accepted, 0, "%s: none of %u changed or cut ones is taken", messages[m].name, tried);
    tap_is_u64(alive, 0, "each ended the handshake, which is wiped");
    memcpy(w.message, message, len);
    w.len = len;
    w.side[messages[m].made % 4 == 0 ? R : I] = taker;
    tap_ok(step(messages[m].made + 1) == AL_OK, "the control: unchanged it is taken");
  }
}

/* The ML-KEM key in FETCH is checked although its tag is right. */
static void test_bad_fetch_key(void) {
  uint8_t f[AL_KEM_PK_BYTES];
  begin(&agree);
  (void)step(0);
  memset(f, 0xff, sizeof f);
  w.side[R].stage = AL_SHAKE_SEND_RECORD;
  memcpy(w.side[R].peer_eph, f, sizeof f);
  tap_ok(step(2) == AL_ECRYPTO && w.side[R].stage == AL_SHAKE_FAILED,
         "a fetch key beyond the modulus is refused");
}

/* The stages of dialler and answerer after so many steps, and the steps that are possible then. */
static const struct {
  al_shake_stage stage[2];
  const char *possible;
} stages[STEPS + 1] = {
    {{AL_SHAKE_START, AL_SHAKE_START}, "0145"},
    {{AL_SHAKE_WAIT_RECORD, AL_SHAKE_START}, "135"},
    {{AL_SHAKE_WAIT_RECORD, AL_SHAKE_SEND_RECORD}, "23"},
    {{AL_SHAKE_WAIT_RECORD, AL_SHAKE_HAVE_RECORD}, "35"},
    {{AL_SHAKE_HAVE_RECORD, AL_SHAKE_HAVE_RECORD}, "45"},
    {{AL_SHAKE_WAIT_ACCEPT, AL_SHAKE_HAVE_RECORD}, "57"},
    {{AL_SHAKE_WAIT_ACCEPT, AL_SHAKE_SEND_ACCEPT}, "67"},
    {{AL_SHAKE_WAIT_ACCEPT, AL_SHAKE_DONE}, "7"},
    {{AL_SHAKE_DONE, AL_SHAKE_DONE}, ""},
};

/* In every stage, whatever is not due is refused without an effect. */
static void test_order(void) {
  uint32_t wrong = 0, changed = 0, tried = 0, off = 0;
  for (int done = 0; done <= STEPS; done++) {
    for (int n = 0; n < STEPS; n++) {
      begin(&agree);
      off += run(0, done) != done || w.side[I].stage != stages[done].stage[I] ||
             w.side[R].stage != stages[done].stage[R];
      if (strchr(stages[done].possible, '0' + n) != NULL) continue;
      static al_shake copy[2];
      memcpy(copy, w.side, sizeof copy);
      wrong += step(n) != AL_ESTATE;
      changed += memcmp(copy, w.side, sizeof copy) != 0;
      tried++;
    }
  }
  tap_is_u64(off, 0, "the stages follow one another");
  tap_is_u64(wrong, 0, "%u calls out of turn say AL_ESTATE", tried);
  tap_is_u64(changed, 0, "and change nothing");
}

/* A descriptor that copies another node's link key does not make its owner that node. */
static void test_names(void) {
  const al_id thief = {{1}}, owner = {{2}};
  al_wr out = al_wr_init(w.message, sizeof w.message);
  begin(&agree);
  al_shake_name(&w.side[I], &thief);
  al_shake_name(&w.side[R], &owner);
  (void)al_shake_make_init(&w.side[I], w.pk[R], coins(AL_SHAKE_INIT_COINS),
                           al_view(w.desc[I], DESC), &out);
  tap_ok(
      al_shake_take_init(&w.side[R], w.sk[R], (al_span){w.message, out.len}, &w.got) == AL_ECRYPTO,
      "INIT for another node with the same link key is refused");
}

static void test_no_room(void) {
  al_wr small = al_wr_init(w.message, 1000);
  begin(&agree);
  tap_ok(al_shake_make_fetch(&w.side[I], coins(32), &small) == AL_EFULL &&
             w.side[I].stage == AL_SHAKE_FAILED,
         "a buffer that is too small ends the handshake");
  begin(&agree);
  al_wr middle = al_wr_init(w.message, 3000);
  tap_ok(al_shake_make_init(&w.side[I], w.pk[R], coins(AL_SHAKE_INIT_COINS),
                            al_view(w.desc[I], DESC), &middle) == AL_EFULL,
         "also one that takes only the beginning");
}

static void test_rekey(void) {
  uint8_t seed[32] = {3}, ask[AL_REKEY_BYTES], answer[AL_REKEYED_BYTES];
  begin(&agree);
  (void)run(FIRST_KNOWN, STEPS);
  take_keys();
  const side_keys first = w.keys[I];
  al_shake_rekey_ask(w.suite, seed, ask);
  tap_ok(al_shake_rekey_answer(w.suite, w.keys[R].root, ask, coins(64), answer) == AL_OK,
         "%s: REKEY is answered", w.suite->name);
  al_shake_rekey_finish(w.suite, w.keys[I].root, seed, answer);
  derive();
  tap_is_mem(&w.keys[I], &w.keys[R], sizeof w.keys[I], "both sides have the same new keys");
  tap_ok(memcmp(first.i2r, w.keys[I].i2r, 32) != 0 && memcmp(first.r2i, w.keys[I].r2i, 32) != 0 &&
             memcmp(first.root, w.keys[I].root, 32) != 0,
         "all of them are new");
  const side_keys second = w.keys[R];
  memset(ask, 0xff, sizeof ask);
  if (!w.suite->simulation_only) {
    tap_ok(al_shake_rekey_answer(w.suite, w.keys[R].root, ask, coins(64), answer) == AL_ECRYPTO,
           "a REKEY that is no key is refused");
    tap_is_mem(&second, &w.keys[R], sizeof second, "and changes nothing");
  }
  answer[0] ^= 1;
  al_shake_rekey_finish(w.suite, w.keys[I].root, seed, answer);
  derive();
  tap_ok(memcmp(w.keys[I].i2r, w.keys[R].i2r, 32) != 0, "a changed REKEYED gives other keys");
}

int main(void) {
  setup(al_suite_hacl());
  test_known();
  test_unknown();
  test_networks();
  test_wrong_key();
  test_changes();
  test_bad_fetch_key();
  test_order();
  test_names();
  test_no_room();
  test_rekey();
  setup(al_suite_null());
  test_known();
  test_unknown();
  test_rekey();
  return tap_done();
}
