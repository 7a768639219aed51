/* bench_frame — what a link costs: microseconds of one AEAD over a cell, of sealing a frame in a
 * link, of receiving it (open, window, heartbeat, header), of a handshake of both sides together.
 *   bench_frame [--json] [ROUNDS]
 * Every round times every operation once, in turn; the figure is the median over the rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link/keys.h"

enum { BATCH = 512, ROUNDS_MAX = 201, FIGURES = 5 };

typedef struct side {
  al_rng rng;
  al_counters counters;
  al_identity identity;
  al_keyring keys;
  uint8_t record[AL_DESC_BYTES_MAX];
  al_bytes descriptor;
  al_links ls;
  al_link link;
} side;

static side sides[2];
static uint8_t frames[BATCH][AL_FRAME_BYTES];

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

static void require(bool good, const char *what) {
  if (good) return;
  fprintf(stderr, "bench_frame: %s failed\n", what);
  exit(1);
}

static void side_init(side *s, const al_suite *suite, uint8_t name) {
  uint8_t root[32] = {name}, coins[AL_SIG_COINS_BYTES] = {0}, onion[AL_KEM_PK_BYTES] = {0};
  al_identity_init(suite, root, &s->identity);
  al_rng_init(&s->rng, suite, root);
  al_desc d = {.sequence = 1, .published_s = 1000, .expiry_s = 80000, .onion_pk = {onion, onion}};
  al_wr w = al_wr_init(s->record, sizeof s->record);
  require(al_descriptor_make(suite, &s->identity, &d, coins, &w) == AL_OK, "descriptor");
  s->descriptor = al_wr_view(&w);
  al_links_config c = {.suite = suite,
                       .alloc = &heap,
                       .rng = &s->rng,
                       .counters = &s->counters,
                       .keys = (s->keys = al_keyring_over(&s->identity), &s->keys),
                       .descriptor = &s->descriptor,
                       .network = al_view("bench", 5),
                       .simulation = true,
                       .padding = AL_PADDING_REDUCED,
                       .links_max = 4,
                       .wall_s = 2000};
  require(al_links_init(&s->ls, &c) == AL_OK, "links");
}

/* Lets both sides talk until neither has anything more to say. */
static void settle(al_time now) {
  uint8_t frame[AL_FRAME_BYTES];
  for (bool more = true; more;) {
    more = false;
    for (unsigned i = 0; i < 2; i++) {
      al_channel ch;
      al_link_in in;
      while (al_link_next(&sides[i].ls, sides[i].link, now, frame, &ch)) {
        side *to = &sides[1 - i];
        (void)al_link_rx(&to->ls, to->link, (al_span){frame, sizeof frame}, now, &in);
        al_link_message_done(&to->ls, in.slot);
        more = true;
      }
    }
  }
}

static void handshake(al_time now) {
  uint8_t binding[32] = {0};
  for (unsigned i = 0; i < 2; i++) al_link_free(&sides[i].ls, sides[i].link);
  require(al_link_dial(&sides[0].ls, now, NULL, sides[1].descriptor, &sides[0].link) == AL_OK &&
              al_link_accept(&sides[1].ls, now, binding, &sides[1].link) == AL_OK &&
              al_link_up(&sides[0].ls, sides[0].link, now, binding) == AL_OK,
          "dialling");
  settle(now);
  require(al_link_is_up(&sides[1].ls, sides[1].link), "handshake");
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void prepare(void) {
  al_cell_header h = {.id = 1, .type = AL_CELL_CIRCUIT};
  for (unsigned i = 0; i < BATCH; i++) al_cell_encode(&h, frames[i] + AL_LINK_CELL_AT);
}

static void round_run(const al_suite *suite, al_time now, double us[FIGURES]) {
  static const uint8_t key[32] = {1};
  al_link_in in;
  double t[6];
  prepare();
  t[0] = now_us();
  for (unsigned i = 0; i < BATCH; i++) al_link_frame_seal(suite, key, i, frames[i]);
  t[1] = now_us();
  for (unsigned i = 0; i < BATCH; i++)
    require(al_link_frame_open(suite, key, frames[i]), "opening");
  t[2] = now_us();
  prepare();
  double start = now_us();
  for (unsigned i = 0; i < BATCH; i++)
    al_link_seal(&sides[0].ls, sides[0].link, now + i, frames[i]);
  t[3] = now_us() - start;
  start = now_us();
  for (unsigned i = 0; i < BATCH; i++)
    require(al_link_rx(&sides[1].ls, sides[1].link, (al_span){frames[i], AL_FRAME_BYTES}, now + i,
                       &in) == AL_LINK_CELL,
            "receiving");
  t[4] = now_us() - start;
  start = now_us();
  handshake(now);
  t[5] = now_us() - start;
  us[0] = (t[1] - t[0]) / BATCH;
  us[1] = (t[2] - t[1]) / BATCH;
  us[2] = t[3] / BATCH;
  us[3] = t[4] / BATCH;
  us[4] = t[5];
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  static const char *const names[FIGURES] = {"frame_seal", "frame_open", "link_seal", "link_rx",
                                             "handshake"};
  static double all[FIGURES][ROUNDS_MAX];
  bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
  int rounds = argc > 1 + json ? atoi(argv[1 + json]) : 51;
  if (rounds < 1 || rounds > ROUNDS_MAX) rounds = 51;
  const al_suite *suite = al_suite_hacl();
  for (unsigned i = 0; i < 2; i++) side_init(&sides[i], suite, (uint8_t)(i + 1));
  handshake(AL_SECOND);
  for (int r = 0; r < rounds; r++) {
    double us[FIGURES];
    round_run(suite, (al_time)(r + 2) * AL_SECOND, us);
    for (unsigned f = 0; f < FIGURES; f++) all[f][r] = us[f];
  }
  for (unsigned f = 0; f < FIGURES; f++) {
    qsort(all[f], (size_t)rounds, sizeof all[f][0], by_value);
    double median = all[f][rounds / 2];
    if (json)
      printf("%s{\"suite\": \"%s\", \"op\": \"%s\", \"us\": %.3f}%s\n", f == 0 ? "[" : " ",
             suite->name, names[f], median, f + 1 < FIGURES ? "," : "]");
    else
      printf("%-12s %-12s %10.3f us\n", suite->name, names[f], median);
  }
  for (unsigned i = 0; i < 2; i++) al_links_clear(&sides[i].ls);
  return 0;
}
