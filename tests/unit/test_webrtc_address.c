/* Address records, certificates on disk, passwords as text. */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tap.h"
#include "test_webrtc_rig.h"
#include "webrtc/address.h"
#include "webrtc/cert.h"

static char *dir;

static void test_record(void) {
  static const char *const good[] = {"127.0.0.1", "10.1.2.3", "203.0.113.77", "::1", "2001:db8::5"};
  static const char *const bad[] = {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"};
  uint8_t b[AL_WEBRTC_ADDRESS_MAX], again[AL_WEBRTC_ADDRESS_MAX];
  al_rtc_address a, c;
  memset(&a, 0, sizeof a);
  for (size_t i = 0; i < 32; i++) a.certificate[i] = (uint8_t)(i + 1);
  for (size_t i = 0; i < 18; i++) a.password[i] = (uint8_t)(0xf0 + i);
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
    al_udp_addr_parse(&a.at, good[i], 4433);
    size_t n = al_rtc_address_encode(b, &a), short_ones = 0;
    tap_is_u64(n, strchr(good[i], ':') ? 70 : 58, "length of a record with %s", good[i]);
    bool same = al_rtc_address_decode(&c, (al_bytes){b, n}) &&
                al_rtc_address_encode(again, &c) == n && memcmp(b, again, n) == 0;
    tap_ok(same, "decodes to what was encoded");
    for (size_t len = 0; len < n; len++)
      short_ones += al_rtc_address_decode(&c, (al_bytes){b, len});
    tap_is_u64(short_ones, 0, "no truncation decodes");
    for (int kind = 0; kind < 256; kind++) {
      b[0] = (uint8_t)kind;
      short_ones += kind != 1 && al_rtc_address_decode(&c, (al_bytes){b, n});
    }
    tap_is_u64(short_ones, 0, "no other kind does");
  }
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    al_udp_addr_parse(&a.at, bad[i], 4433);
    size_t n = al_rtc_address_encode(b, &a);
    tap_ok(!al_rtc_address_decode(&c, (al_bytes){b, n}), "%s is nobody's address", bad[i]);
  }
  al_udp_addr_parse(&a.at, "10.0.0.1", 0);
  size_t n = al_rtc_address_encode(b, &a);
  tap_ok(!al_rtc_address_decode(&c, (al_bytes){b, n}), "port 0 is none");
  memset(b, 0, sizeof b);
  b[0] = 1;
  b[1] = 6;
  b[12] = b[13] = 0xff;
  b[14] = 10;
  b[18] = 1;
  tap_ok(!al_rtc_address_decode(&c, (al_bytes){b, 70}), "IPv4 has one form only");
  char text[25];
  al_webrtc_password_text(a.password, text);
  tap_ok(strcmp(text, "8PHy8/T19vf4+fr7/P3+/wAB") == 0, "a password as ice-chars: %s", text);
}

static void test_certificate(void) {
  al_cert a, b;
  GError *e = NULL;
  struct stat st;
  char *path = g_build_filename(dir, "certificate.pem", NULL), *text = NULL, *after = NULL;
  gsize len;
  al_webrtc_identity id = {.path = path}, by_text = {0};
  tap_ok(!al_cert_open(&a, &id, false, &e) && e && strstr(e->message, path),
         "a missing file, not to be made: %s", e ? e->message : "");
  g_clear_error(&e);
  tap_ok(al_cert_open(&a, &id, true, &e), "a missing file is made");
  tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "with mode 0600");
  tap_ok(al_cert_open(&b, &id, true, &e), "and opened again");
  tap_is_mem(a.hash, b.hash, 32, "with the same hash");
  al_cert_clear(&b);
  g_file_get_contents(path, &text, &len, NULL);
  by_text.pem = text;
  tap_ok(al_cert_open(&b, &by_text, false, &e) && memcmp(a.hash, b.hash, 32) == 0, "or as text");
  al_cert_clear(&b);
  memset(text + 60, 'A', 40);
  g_file_set_contents(path, text, (gssize)len, NULL);
  tap_ok(!al_cert_open(&b, &id, true, &e) && e, "a damaged file is refused: %s",
         e ? e->message : "");
  g_clear_error(&e);
  g_file_get_contents(path, &after, &len, NULL);
  tap_ok(strcmp(text, after) == 0, "and left alone");
  g_free(after);
  g_free(text);
  g_unlink(path);
  al_cert_clear(&a);
  g_free(path);

  id.path = "/nonexistent-directory/certificate.pem";
  tap_ok(!al_cert_open(&a, &id, true, &e) && e, "no directory: %s", e ? e->message : "");
  g_clear_error(&e);

  uint8_t binding[32], d[32], w[32];
  static const uint8_t want[32] = {0x14, 0x60, 0x2e, 0x48, 0x87, 0x07, 0xfc, 0xf5, 0x97, 0x94, 0x66,
                                   0xea, 0x7f, 0xd1, 0x7f, 0xc9, 0x70, 0x9b, 0xa5, 0xd5, 0x2b, 0xa6,
                                   0x76, 0x6c, 0xc6, 0x70, 0x21, 0xc0, 0x72, 0xe2, 0xd8, 0x52};
  memset(d, 1, 32);
  memset(w, 2, 32);
  al_cert_binding(binding, d, w);
  tap_is_mem(binding, want, 32, "the binding of two fixed hashes");
}

/* Both certificates are served while one replaces the other: the password tells which is meant. */
static void test_rotation(void) {
  rig_node a, b;
  al_webrtc_config c;
  uint8_t before[AL_WEBRTC_ADDRESS_MAX];
  char *p1 = g_build_filename(dir, "one.pem", NULL), *p2 = g_build_filename(dir, "two.pem", NULL);
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  al_webrtc_config_init(&c);
  c.bind[0] = "127.0.0.1";
  c.identity.path = p1;
  tap_ok(rig_start(&b, &c, 7, NULL), "a node with its first certificate");
  size_t len = al_webrtc_address(b.t, "127.0.0.1", before);
  c.port = al_webrtc_port(b.t);
  al_webrtc_free(b.t);
  al_webrtc_identity previous = {.path = p1};
  memset(previous.password, 7, sizeof previous.password);
  c.identity.path = p2;
  c.previous = &previous;
  tap_ok(rig_start(&b, &c, 8, NULL), "the same node with a second one");
  tap_ok(rig_start(&a, NULL, 1, NULL), "a dialler");
  rig_open_record(&a, 1, (al_bytes){before, len});
  rig_open(&a, 2, &b);
  rig_run(300);
  tap_ok(a.link[1].up && !a.link[1].down, "the old address still works");
  tap_ok(a.link[2].up && !a.link[2].down, "so does the new one");
  tap_ok(memcmp(a.link[1].binding, a.link[2].binding, 32) != 0, "with another binding");
  tap_ok(memcmp(before + 8, al_webrtc_certificate(b.t), 32) != 0,
         "the new record names the new one");
  al_webrtc_free(a.t);
  al_webrtc_free(b.t);
  g_unlink(p1);
  g_unlink(p2);
  g_free(p1);
  g_free(p2);
}

int main(void) {
  dir = g_dir_make_tmp("allium-XXXXXX", NULL);
  test_record();
  test_certificate();
  test_rotation();
  tap_ok(g_rmdir(dir) == 0, "no file is left behind");
  g_free(dir);
  return tap_done();
}
