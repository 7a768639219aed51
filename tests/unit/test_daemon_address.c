/* Addresses and base32: exact, canonical, and refused when damaged. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "daemon/address.h"
#include "daemon/base32.h"
#include "tap.h"

static void test_base32(void) {
  static const struct {
    const char *plain, *text;
  } rfc[] = {{"", ""},
             {"f", "my"},
             {"fo", "mzxq"},
             {"foo", "mzxw6"},
             {"foob", "mzxw6yq"},
             {"fooba", "mzxw6ytb"},
             {"foobar", "mzxw6ytboi"}};
  char text[64];
  uint8_t back[32];
  for (size_t i = 0; i < G_N_ELEMENTS(rfc); i++) {
    size_t len = strlen(rfc[i].plain);
    al_base32_encode(text, (const uint8_t *)rfc[i].plain, len);
    tap_ok(strcmp(text, rfc[i].text) == 0, "RFC 4648 vector `%s`", rfc[i].plain);
    tap_ok(al_base32_decode(back, len, text, strlen(text)) && !memcmp(back, rfc[i].plain, len),
           "and back");
  }
  tap_ok(al_base32_decode(back, 1, "MY", 2) && back[0] == 'f', "upper case is read");
  tap_ok(!al_base32_decode(back, 1, "mz", 2), "spare bits must be zero");
  tap_ok(!al_base32_decode(back, 1, "m1", 2), "a foreign character");
  tap_ok(!al_base32_decode(back, 1, "mya", 3), "another length");
}

/* A text that is read and written again must be the same. */
static void round_trip(const char *host, bool id) {
  uint8_t bytes[AL_ADDRESS_SECRET_BYTES];
  char secret[100], node[60];
  al_peer_address a, b;
  for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 1);
  al_base32_encode(secret, bytes, sizeof bytes);
  al_base32_encode(node, bytes, 32);
  g_autofree char *text =
      g_strconcat("allium:", host, ":9251/", secret, id ? "/" : "", id ? node : "", NULL);
  if (!tap_ok(al_peer_address_parse(text, &a, NULL), "read %s", text)) return;
  g_autofree char *again = al_peer_address_text(&a);
  tap_ok(g_str_equal(text, again), "written as it was");
  tap_is_mem(a.secret, bytes, sizeof bytes, "the secret");
  tap_ok(a.has_id == id && a.port == 9251, "ID and port");
  al_endpoint e;
  if (!al_endpoint_parse(a.host, a.port, &e)) return;
  uint8_t record[AL_ADDRESS_RECORD_MAX];
  size_t len = al_peer_address_record(&a, &e, record);
  tap_is_u64(len, e.family == 4 ? 58 : 70, "length of the record");
  tap_ok(record[0] == 1 && record[1] == e.family, "kind and family");
  tap_ok(record[len - 52] == (9251 & 255) && record[len - 51] == 9251 >> 8, "port, little-endian");
  tap_ok(al_peer_address_from_record((al_bytes){record, len}, &b), "record read");
  tap_ok(g_str_equal(a.host, b.host) && a.port == b.port && !memcmp(a.secret, b.secret, 50),
         "same");
  for (size_t cut = 0; cut < len; cut++)
    if (al_peer_address_from_record((al_bytes){record, cut}, &b))
      tap_ok(false, "cut record at %zu", cut);
  record[1] = 5;
  tap_ok(!al_peer_address_from_record((al_bytes){record, len}, &b), "unknown family");
}

static void test_refused(void) {
  static const char s80[] =
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  static const char *const bad[] = {
      "",           "allium:",          "http://x",      "allium:1.2.3.4:1", "allium:1.2.3.4/",
      "allium::1/", "allium:[::1:1/",   "allium:[x]:1/", "allium:h:0/",      "allium:h:65536/",
      "allium:h:/", "allium:h:1x/",     "allium: h:1/",  "allium:h%41:1/",   "allium:.h:1/",
      "allium:h/",  "allium:::1:9251/", "allium:a:b:1/", "allium:h:-1/",     "allium:h:1/x/y/z"};
  al_peer_address a;
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    bool slash = g_str_has_suffix(bad[i], "/");
    g_autofree char *text = g_strconcat(bad[i], slash ? s80 : "", NULL);
    GError *err = NULL;
    bool good = al_peer_address_parse(text, &a, &err);
    tap_ok(!good && err && err->message[0], "refused `%s`: %s", bad[i], err ? err->message : "");
    g_clear_error(&err);
  }
  g_autofree char *short_secret = g_strconcat("allium:h:1/", s80 + 1, NULL);
  g_autofree char *bad_id = g_strconcat("allium:h:1/", s80, "/abc", NULL);
  g_autofree char *name = g_strnfill(256, 'a');
  g_autofree char *long_host = g_strconcat("allium:", name, ":1/", s80, NULL);
  tap_ok(!al_peer_address_parse(short_secret, &a, NULL), "a secret cut short");
  tap_ok(!al_peer_address_parse(bad_id, &a, NULL), "a node ID cut short");
  tap_ok(!al_peer_address_parse(long_host, &a, NULL), "a host of 256 characters");
}

static void test_endpoint(void) {
  al_endpoint e, f;
  struct sockaddr_storage ss;
  tap_ok(al_endpoint_parse("::ffff:127.0.0.1", 5, &e) && e.family == 4 && e.addr[0] == 127,
         "IPv4 in IPv6 is IPv4");
  tap_is_u64(al_endpoint_sockaddr(&e, &ss), sizeof(struct sockaddr_in), "IPv4 sockaddr");
  tap_ok(al_endpoint_from_sockaddr((struct sockaddr *)&ss, &f) && al_endpoint_equal(&e, &f),
         "back");
  al_endpoint_parse("fe80::1", 7, &e);
  tap_is_u64(al_endpoint_sockaddr(&e, &ss), sizeof(struct sockaddr_in6), "IPv6 sockaddr");
  tap_ok(al_endpoint_from_sockaddr((struct sockaddr *)&ss, &f) && al_endpoint_equal(&e, &f),
         "back");
  g_autofree char *text = al_endpoint_text(&e);
  tap_ok(g_str_equal(text, "[fe80::1]:7"), "IPv6 in brackets");
  struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(3)};
  inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr);
  tap_ok(
      al_endpoint_from_sockaddr((struct sockaddr *)&mapped, &f) && f.family == 4 && f.addr[0] == 10,
      "a mapped sockaddr is IPv4");
  ss.ss_family = AF_UNIX;
  tap_ok(!al_endpoint_from_sockaddr((struct sockaddr *)&ss, &f), "another family");
  tap_ok(al_endpoint_parse("0.0.0.0", 0, &e) && al_endpoint_is_wildcard(&e), "0.0.0.0");
  tap_ok(al_endpoint_parse("::", 0, &e) && al_endpoint_is_wildcard(&e), "::");
  tap_ok(al_endpoint_parse("127.9.9.9", 0, &e) && al_endpoint_is_loopback(&e), "127.9.9.9");
  tap_ok(al_endpoint_parse("::1", 0, &e) && al_endpoint_is_loopback(&e), "::1");
  tap_ok(!al_endpoint_parse("1.2.3", 0, &e) && !al_endpoint_parse("", 0, &e), "not addresses");
}

static void test_hostport(void) {
  char host[AL_ADDRESS_HOST_MAX + 1];
  uint16_t port = 1;
  tap_ok(al_hostport_parse("h", 80, host, &port, NULL) && port == 80, "the fallback port");
  tap_ok(!al_hostport_parse("h", -1, host, &port, NULL), "no fallback");
  tap_ok(al_hostport_parse("::1", 80, host, &port, NULL) && !strcmp(host, "::1"), "bare IPv6");
  tap_ok(al_hostport_parse("[::1]", 80, host, &port, NULL) && port == 80, "IPv6 in brackets");
  tap_ok(al_hostport_parse("[::1]:0", 80, host, &port, NULL) && port == 0, "port 0");
  tap_ok(!al_hostport_parse("[::1]x", 80, host, &port, NULL), "text after the bracket");
}

int main(void) {
  test_base32();
  round_trip("192.0.2.7", false);
  round_trip("192.0.2.7", true);
  round_trip("[2001:db8::7]", true);
  round_trip("node.example.org", true);
  test_refused();
  test_endpoint();
  test_hostport();
  return tap_done();
}
