/* The addresses a node announces, and tables for people. */
#include "daemon/face.h"

#include "cli/table.h"
#include "daemon/config.h"
#include "daemon_core.h"
#include "tap.h"

static void fake_event(const al_event *ev) { (void)ev; }

static unsigned rank(const char *host) {
  al_endpoint e;
  g_assert(al_endpoint_parse(host, 1, &e));
  return al_face_rank(&e);
}

static void set(al_settings *s, const char *name, const char *a, const char *b) {
  const char *values[] = {a, b, NULL};
  g_assert(al_option_set(s, al_option_find(name), values, NULL));
}

static void test_face(void) {
  char *env[] = {(char *)"HOME=/h", NULL};
  al_config_source source = {.environ = env};
  g_autoptr(al_settings) s = al_config_load(&source, NULL);
  uint8_t secret[AL_ADDRESS_SECRET_BYTES] = {1, 2, 3};
  al_face f, g;
  set(s, "listen", "127.0.0.1", NULL);
  al_face_make(&f, s, secret, 77);
  tap_ok(f.count == 1 && g_str_equal(f.address[0].host, "127.0.0.1") && f.address[0].port == 77,
         "loopback when it is all there is");
  tap_ok(f.record_len[0] == 58 && f.record[0][8] == 1, "with its record");
  set(s, "listen", "127.0.0.1", "192.0.2.1");
  al_face_make(&g, s, secret, 77);
  tap_ok(g.count == 1 && g_str_equal(g.address[0].host, "192.0.2.1"),
         "not beside something better");
  tap_ok(!al_face_equal(&f, &g) && al_face_equal(&g, &g), "faces are compared");
  set(s, "listen", "10.0.0.1", "2001:db8::1");
  al_face_make(&f, s, secret, 77);
  tap_ok(f.count == 2 && g_str_equal(f.address[0].host, "2001:db8::1"), "public before private");
  set(s, "announce", "192.0.2.9:5", "127.0.0.1");
  al_face_make(&f, s, secret, 77);
  tap_ok(f.count == 2 && f.address[0].port == 5 && f.address[1].port == 77,
         "what is announced is announced, the port is its own or the one listened on");
  set(s, "announce", NULL, NULL);
  set(s, "listen", "*", NULL);
  al_face_make(&f, s, secret, 77);
  tap_ok(f.count >= 1, "`*` has %u addresses here", f.count);
  tap_ok(rank("1.1.1.1") == 3 && rank("2606:4700::1") == 3, "public");
  tap_ok(rank("192.168.1.1") == 2 && rank("fd00::1") == 2, "private");
  tap_ok(rank("127.0.0.1") == 1 && rank("::1") == 1, "loopback");
  tap_ok(
      rank("fe80::1") == 0 && rank("169.254.1.1") == 0 && rank("::") == 0 && rank("224.1.1.1") == 0,
      "of no use");
}

static void duration(double s, const char *want) {
  g_autofree char *text = al_table_duration(s);
  tap_ok(g_str_equal(text, want), "%g s is %s", s, text);
}

static void test_table(void) {
  static const char *const head[] = {"A", ">BB", "C", NULL};
  al_table *t = al_table_new(head);
  al_table_add(t, g_strdup("long"));
  al_table_add(t, g_strdup("1"));
  al_table_add(t, g_strdup("x"));
  al_table_add(t, g_strdup("\xc3\xa4"));
  al_table_add(t, g_strdup("123"));
  al_table_add(t, g_strdup(""));
  g_autofree char *text = al_table_text(t);
  g_autofree char *shown = g_strescape(text, NULL);
  tap_ok(g_str_equal(text, "A      BB  C\nlong    1  x\n\xc3\xa4     123\n"), "columns:\n# %s",
         shown);
  duration(0.0123, "12 ms");
  duration(4.25, "4.2 s");
  duration(200, "3m 20s");
  duration(3600 * 5 + 125, "5h 02m");
  duration(86400 * 12 + 3600 * 4, "12d 4h");
  g_autofree char *id = al_table_short("abcdefghijk");
  tap_ok(g_str_equal(id, "abcdefgh"), "short IDs");
}

int main(void) {
  test_face();
  test_table();
  return tap_done();
}
