/* The SOCKS5 handshake: every answer, byte by byte and all at once, and garbage. */
#include "daemon/socks_parser.h"

#include <glib.h>
#include <stdlib.h>

#include "tap.h"

typedef struct outcome {
  al_socks_verdict verdict;
  uint8_t sent[64];
  size_t sent_len, used;
  al_socks_parser p;
} outcome;

typedef struct literal {
  const void *ptr;
  size_t len;
} literal;

/* Feed in pieces of `step` bytes, as a connection would. */
static outcome run(const uint8_t *in, size_t len, size_t step) {
  outcome o = {.verdict = AL_SOCKS_MORE};
  al_socks_parser_init(&o.p);
  while (o.used < len && o.verdict == AL_SOCKS_MORE) {
    size_t piece = MIN(step, len - o.used), used;
    while (piece > 0 && o.verdict == AL_SOCKS_MORE) {
      o.verdict = al_socks_parse(&o.p, in + o.used, piece, &used);
      memcpy(o.sent + o.sent_len, o.p.answer, o.p.answer_len);
      o.sent_len += o.p.answer_len;
      o.used += used;
      piece -= used;
    }
  }
  return o;
}

/* The same outcome whatever the pieces. */
static outcome expect(const char *what, literal in, al_socks_verdict verdict, literal sent) {
  outcome o = {0};
  const size_t steps[] = {1, 3, in.len};
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
    o = run((const uint8_t *)in.ptr, in.len, steps[i]);
    tap_ok(o.verdict == verdict, "%s, in pieces of %zu", what, steps[i]);
    tap_ok(o.sent_len == sent.len && !memcmp(o.sent, sent.ptr, sent.len), "%s: the answer", what);
  }
  return o;
}

#define LITERAL(s) ((literal){(s), sizeof(s) - 1})
#define REPLY(code) "\x05" code "\0\x01\0\0\0\0\0\0"

static void test_good(void) {
  outcome o = expect("IPv4",
                     LITERAL("\5\1\0\5\1\0\1\x7f\0\0\1\x1f\x90"
                             "early"),
                     AL_SOCKS_REQUEST, LITERAL("\5\0"));
  tap_ok(o.p.target.kind == AL_TARGET_IPV4 && o.p.target.port == 8080 &&
             o.p.target.host[0] == 127 && o.p.target.host_len == 4,
         "the target");
  tap_is_u64(o.used, 13, "the application's first bytes are left");
  tap_is_u64(o.p.isolation, 0, "no login, no isolation");
  o = expect("name", LITERAL("\5\2\1\0\5\1\0\3\7a.bc.de\0\x50"), AL_SOCKS_REQUEST, LITERAL("\5\0"));
  tap_ok(o.p.target.kind == AL_TARGET_NAME && o.p.target.host_len == 7 && o.p.target.port == 80 &&
             !memcmp(o.p.target.host, "a.bc.de", 7),
         "the name");
  o = expect("IPv6", LITERAL("\5\1\0\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"),
             AL_SOCKS_REQUEST, LITERAL("\5\0"));
  tap_ok(o.p.target.kind == AL_TARGET_IPV6 && o.p.target.port == 443 && o.p.target.host[15] == 1,
         "the address");
  o = expect("mapped IPv4", LITERAL("\5\1\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\xa\0\0\1\0\x50"),
             AL_SOCKS_REQUEST, LITERAL("\5\0"));
  tap_ok(o.p.target.kind == AL_TARGET_IPV4 && o.p.target.host[0] == 10, "is IPv4");
  o = expect("an address as a name",
             LITERAL("\5\1\0\5\1\0\3\x9"
                     "127.0.0.1\0\x50"),
             AL_SOCKS_REQUEST, LITERAL("\5\0"));
  tap_ok(o.p.target.kind == AL_TARGET_IPV4 && o.p.target.host[3] == 1, "is an address");
}

static uint64_t isolation(literal in) {
  outcome o = expect("login", in, AL_SOCKS_REQUEST, LITERAL("\5\2\1\0"));
  return o.p.isolation;
}

static void test_login(void) {
#define TAIL "\5\1\0\1\1\2\3\4\0\x50"
  uint64_t a = isolation(LITERAL("\5\1\2\1\2ab\1c" TAIL)),
           b = isolation(LITERAL("\5\2\0\2\1\1a\2bc" TAIL));
  uint64_t c = isolation(LITERAL("\5\1\2\1\2ab\1c" TAIL)),
           e = isolation(LITERAL("\5\1\2\1\0\0" TAIL));
  tap_ok(a == c, "the same login, the same isolation");
  tap_ok(a != b && a != e && b != e && a && b && e, "`ab`+`c`, `a`+`bc` and nothing are three");
  outcome o = run((const uint8_t *)"\5\1\2\1\x10xxxxxxxxxxxxxxab\1c" TAIL, 33, 33);
  bool clean = true;
  for (size_t i = 0; i + 1 < sizeof o.p.message; i++)
    if (o.p.message[i] == 'a' && o.p.message[i + 1] == 'b') clean = false;
  tap_ok(clean && o.verdict == AL_SOCKS_REQUEST, "the login is not kept");
  expect("a login of another version", LITERAL("\5\1\2\2\1a\1b"), AL_SOCKS_REFUSE,
         LITERAL("\5\2\1\1"));
}

static void test_bad(void) {
  expect("SOCKS4", LITERAL("\4\1\0\x50\1\2\3\4\0"), AL_SOCKS_REFUSE, LITERAL("\0\x5b\0\0\0\0\0\0"));
  expect("HTTP", LITERAL("GET / HTTP/1.1\r\n\r\n"), AL_SOCKS_REFUSE, LITERAL(""));
  expect("no method", LITERAL("\5\0"), AL_SOCKS_REFUSE, LITERAL("\5\xff"));
  expect("foreign methods", LITERAL("\5\2\1\x80"), AL_SOCKS_REFUSE, LITERAL("\5\xff"));
  expect("BIND", LITERAL("\5\1\0\5\2\0\1\1\2\3\4\0\x50"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x07")));
  expect("UDP", LITERAL("\5\1\0\5\3\0\1\0\0\0\0\0\0"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x07")));
  expect("a kind of address", LITERAL("\5\1\0\5\1\0\2"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x08")));
  expect("version in the request", LITERAL("\5\1\0\4"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x01")));
  expect("an empty name", LITERAL("\5\1\0\5\1\0\3\0\0\x50"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x01")));
  expect("a name with a zero", LITERAL("\5\1\0\5\1\0\3\3a\0b\0\x50"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x01")));
  expect("port 0", LITERAL("\5\1\0\5\1\0\1\1\2\3\4\0\0"), AL_SOCKS_REFUSE,
         LITERAL("\5\0" REPLY("\x01")));
  expect("half a request", LITERAL("\5\1\0\5\1\0\1\1\2"), AL_SOCKS_MORE, LITERAL("\5\0"));
}

/* The longest messages fit exactly. */
static void test_longest(void) {
  uint8_t in[2 + 255 + 3 + 255 + 255 + 7 + 255] = {5, 255, [2] = 2}, *p = in + 257;
  *p++ = 1;
  *p++ = 255;
  memset(p, 'u', 255);
  p += 255;
  *p++ = 255;
  memset(p, 'p', 255);
  p += 255;
  memcpy(p, "\5\1\0\3\xff", 5);
  memset(p + 5, 'h', 255);
  p[261] = 80;
  outcome o = expect("all fields at their longest", (literal){in, sizeof in}, AL_SOCKS_REQUEST,
                     LITERAL("\5\2\1\0"));
  tap_ok(o.used == sizeof in && o.p.target.host_len == 255 && o.p.target.port == 80, "all taken");
}

/* Random bytes, mostly near the grammar: always an end, never more taken than given. */
static void test_garbage(unsigned seed) {
  unsigned ends = 0, bad = 0;
  printf("# seed %u\n", seed);
  srand(seed);
  for (int round = 0; round < 20000; round++) {
    uint8_t in[700];
    size_t len = (size_t)rand() % sizeof in;
    for (size_t i = 0; i < len; i++) in[i] = (uint8_t)(rand() % 4 ? rand() % 6 : rand());
    if (len) in[0] = 5;
    outcome o = run(in, len, 1 + (size_t)rand() % 64);
    if (o.used > len || o.sent_len > 16) bad++;
    if (o.verdict != AL_SOCKS_MORE) ends++;
  }
  tap_is_u64(bad, 0, "no byte too many was taken or sent");
  tap_ok(ends > 1000, "%u handshakes came to an end", ends);
}

int main(int argc, char **argv) {
  test_good();
  test_login();
  test_bad();
  test_longest();
  test_garbage(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
  return tap_done();
}
