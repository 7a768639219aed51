/* Frames: decoding is the inverse of encoding, malformed ones are refused, and all are what the
 * Python model makes of the document. Argument: tests/vectors. */
#include "stream/frame.h"
#include "tap.h"
#include "test_wire_vectors.h"

static const char *names[] = {"PAD", "ACK",   "OPEN",   "OPENED", "DATA",
                              "FIN", "RESET", "CREDIT", "PING",   "HAVE"};

static bool same(const al_frame *a, const al_frame *b) {
  return a->type == b->type && a->reason == b->reason && a->delay == b->delay && a->run == b->run &&
         a->largest == b->largest && a->stream == b->stream && a->offset == b->offset &&
         a->bytes.len == b->bytes.len &&
         (a->bytes.len == 0 || memcmp(a->bytes.ptr, b->bytes.ptr, a->bytes.len) == 0) &&
         a->target.kind == b->target.kind && a->target.port == b->target.port &&
         a->target.host.len == b->target.host.len &&
         (a->target.host.len == 0 ||
          memcmp(a->target.host.ptr, b->target.host.ptr, a->target.host.len) == 0);
}

static void round_trip(const al_frame *f, size_t bytes) {
  uint8_t buf[300];
  al_wr w = al_wr_init(buf, sizeof buf);
  al_frame_put(&w, f);
  tap_ok(al_wr_ok(&w) && w.len == bytes, "%s takes %zu bytes", names[f->type], bytes);
  al_frame g;
  al_rd r = al_rd_init(al_wr_view(&w));
  tap_ok(al_frame_next(&r, &g) && al_rd_done(&r) && same(f, &g), "  and reads as it was written");
  bool refused = true;
  for (size_t len = 1; len < bytes; len++) {
    r = al_rd_init(al_view(buf, len));
    if (al_frame_next(&r, &g) || al_rd_ok(&r)) refused = false;
  }
  tap_ok(refused, "  cut short it is refused");
  w = al_wr_init(buf, bytes - 1);
  al_frame_put(&w, f);
  tap_ok(!al_wr_ok(&w), "  and it does not fit where there is less room");
}

static void test_round_trips(void) {
  static const uint8_t text[] = "hello world";
  static const uint8_t runs[] = {3, 0, 1, 0, 0, 0, 9, 0};
  al_bytes host = al_view("example.org", 11);
  round_trip(&(al_frame){.type = AL_FRAME_ACK, .largest = 500, .delay = 77, .run = 4}, 10);
  round_trip(&(al_frame){.type = AL_FRAME_ACK, .largest = 500, .run = 4, .bytes = {runs, 8}}, 18);
  round_trip(
      &(al_frame){
          .type = AL_FRAME_OPEN, .stream = 6, .offset = 0xfffffffe, .target = {1, 80, host}},
      24);
  round_trip(&(al_frame){.type = AL_FRAME_OPEN, .target = {4, 1, al_view(text, 4)}}, 17);
  round_trip(
      &(al_frame){.type = AL_FRAME_OPEN, .target = {6, 65535, al_view("0123456789abcdef", 16)}},
      29);
  round_trip(&(al_frame){.type = AL_FRAME_OPEN, .target = {2, 1, {NULL, 0}}}, 13);
  round_trip(&(al_frame){.type = AL_FRAME_OPENED, .stream = 6, .offset = 65536}, 9);
  round_trip(
      &(al_frame){
          .type = AL_FRAME_DATA, .stream = 9, .offset = (uint64_t)1 << 47, .bytes = {text, 11}},
      24);
  round_trip(&(al_frame){.type = AL_FRAME_DATA_FIN, .stream = 9, .offset = 12}, 13);
  round_trip(&(al_frame){.type = AL_FRAME_RESET, .stream = 0xfffffffe, .reason = 11}, 6);
  round_trip(&(al_frame){.type = AL_FRAME_CREDIT, .stream = 2, .offset = AL_STREAM_OFFSET_MAX}, 11);
  round_trip(&(al_frame){.type = AL_FRAME_PING}, 1);
  round_trip(&(al_frame){.type = AL_FRAME_HAVE, .stream = 3, .offset = AL_STREAM_OFFSET_MAX}, 11);
}

static bool refused(const uint8_t *bytes, size_t len) {
  al_rd r = al_rd_init(al_view(bytes, len));
  al_frame f;
  return !al_frame_next(&r, &f) && !al_rd_ok(&r);
}

static void test_refusals(void) {
  static const uint8_t below[] = {1, 5, 0, 0, 0, 0, 0, 0, 6, 0};
  static const uint8_t gap[] = {1, 5, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 0};
  static const uint8_t last[] = {1, 5, 0, 0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 0};
  static const uint8_t type[] = {10, 0, 0, 0};
  static const uint8_t end[] = {4, 2, 0, 0, 0, 255, 255, 255, 255, 255, 255, 1, 0, 7};
  static const uint8_t pad[] = {0, 9, 9};
  tap_ok(refused(below, sizeof below), "an ACK whose first run goes below 0");
  tap_ok(refused(gap, sizeof gap), "an ACK whose runs go below 0");
  tap_ok(!refused(last, sizeof last), "but number 0 can be acknowledged");
  tap_ok(refused(type, sizeof type), "an unknown type");
  tap_ok(refused(end, sizeof end), "DATA that ends behind offset 2^48 - 1");
  tap_ok(!refused(pad, sizeof pad), "behind PAD nothing is looked at");
}

static void test_targets(void) {
  al_bytes four = al_view("abcd", 4), name = al_view("a\0b", 3);
  tap_ok(al_frame_target_ok(&(al_stream_target){4, 80, four}), "IPv4");
  tap_ok(!al_frame_target_ok(&(al_stream_target){4, 0, four}), "not port 0");
  tap_ok(!al_frame_target_ok(&(al_stream_target){6, 80, four}), "IPv6 has 16 bytes");
  tap_ok(!al_frame_target_ok(&(al_stream_target){1, 80, name}), "a name has no NUL");
  tap_ok(!al_frame_target_ok(&(al_stream_target){1, 80, {NULL, 0}}), "a name is not empty");
  tap_ok(!al_frame_target_ok(&(al_stream_target){2, 80, four}), "the node itself has no host");
  tap_ok(al_frame_target_ok(&(al_stream_target){2, 1, {NULL, 0}}), "a service of the node");
  tap_ok(!al_frame_target_ok(&(al_stream_target){2, 0, {NULL, 0}}), "not service 0");
  tap_ok(!al_frame_target_ok(&(al_stream_target){3, 80, four}), "kinds are 1, 2, 4 and 6");
}

/* The frame of a vector, alone and as the next one of the packet of all. */
static void vector(al_rd *packet, const char *name, const al_frame *f) {
  al_bytes want = vec("%s", name);
  uint8_t buf[400];
  al_wr w = al_wr_init(buf, sizeof buf);
  al_frame g;
  al_frame_put(&w, f);
  tap_ok(al_wr_ok(&w) && vec_is(want, buf, w.len), "%s: written as the model does", name);
  tap_ok(al_frame_next(packet, &g) && same(f, &g), "  and read out of its packet");
}

static void test_vectors(void) {
  static const uint8_t runs[] = {3, 0, 1, 0, 0, 0, 9, 0}, v4[] = {192, 0, 2, 10};
  al_bytes all = vec("packet"), nothing = {NULL, 0};
  al_rd r = al_rd_init(all);
  tap_ok(al_rd_u8(&r) == 1 && al_rd_u32(&r) == 0x01020304, "a packet, and its number");
  vector(&r, "ack", &(al_frame){.type = AL_FRAME_ACK, .largest = 500, .delay = 77, .run = 4});
  vector(&r, "ack.runs",
         &(al_frame){.type = AL_FRAME_ACK,
                     .largest = 0x01020304,
                     .delay = 0x0506,
                     .run = 4,
                     .bytes = al_view(runs, sizeof runs)});
  al_frame f = {.type = AL_FRAME_OPEN, .stream = 6, .offset = 0xfffffffe};
  f.target = (al_stream_target){1, 80, vec("name")};
  vector(&r, "open.name", &f);
  f = (al_frame){.type = AL_FRAME_OPEN, .stream = 8, .offset = 65536, .target = {2, 1, nothing}};
  vector(&r, "open.self", &f);
  f = (al_frame){.type = AL_FRAME_OPEN, .stream = 0x0a0b0c0e, .offset = 1};
  f.target = (al_stream_target){4, 443, al_view(v4, sizeof v4)};
  vector(&r, "open.v4", &f);
  f = (al_frame){.type = AL_FRAME_OPEN, .stream = 2, .offset = 3};
  f.target = (al_stream_target){6, 65535, vec("v6")};
  vector(&r, "open.v6", &f);
  vector(&r, "opened", &(al_frame){.type = AL_FRAME_OPENED, .stream = 6, .offset = 65536});
  f = (al_frame){.type = AL_FRAME_DATA, .stream = 9, .offset = 0x010203040506};
  f.bytes = vec("text");
  vector(&r, "data", &f);
  vector(&r, "fin", &(al_frame){.type = AL_FRAME_DATA_FIN, .stream = 9, .offset = 12});
  vector(&r, "reset", &(al_frame){.type = AL_FRAME_RESET, .stream = 0xfffffffe, .reason = 11});
  f = (al_frame){.type = AL_FRAME_CREDIT, .stream = 2, .offset = AL_STREAM_OFFSET_MAX};
  vector(&r, "credit", &f);
  vector(&r, "ping", &(al_frame){.type = AL_FRAME_PING});
  vector(&r, "have", &(al_frame){.type = AL_FRAME_HAVE, .stream = 3, .offset = 0x0a0b0c0d0e0f});
  tap_ok(!al_frame_next(&r, &f) && al_rd_ok(&r), "then padding");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "bundle.txt");
  test_vectors();
  test_round_trips();
  test_refusals();
  test_targets();
  return tap_done();
}
