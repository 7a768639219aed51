/* Exit policies: their text, and what they let through. */
#include "daemon/policy.h"

#include <arpa/inet.h>

#include "daemon_core.h"
#include "tap.h"

static void fake_event(const al_event *ev) { (void)ev; }

static void same(const char *text, const char *want) {
  al_policy p;
  GError *err = NULL;
  g_autofree char *shown = g_strescape(text, NULL); /* a name is one line */
  if (!tap_ok(al_policy_parse(text, &p, &err), "`%s`: %s", shown, err ? err->message : "good"))
    return;
  g_autofree char *again = al_policy_text(p.rules, p.count);
  tap_ok(g_str_equal(again, want), "is `%s`", again);
}

static void wrong(const char *text, const char *want) {
  al_policy p;
  GError *err = NULL;
  bool good = al_policy_parse(text, &p, &err);
  tap_ok(!good && strstr(err->message, want), "`%s`: %s", text, err ? err->message : "taken");
  g_clear_error(&err);
}

static void test_text(void) {
  same("", "");
  same("accept 127.0.0.1:8080", "accept 127.0.0.1:8080");
  same(" accept  10.0.0.0/8:80-443 ,, reject *:* ", "accept 10.0.0.0/8:80-443, reject *:*");
  same("accept [2001:db8::]/32:*\nreject *:25", "accept [2001:db8::]/32:*, reject *:25");
  same("accept [2001:db8::/32]:1", "accept [2001:db8::]/32:1");
  same("accept [::1]:80", "accept [::1]:80");
  same("accept 0.0.0.0/0:80", "accept 0.0.0.0/0:80");
  same("accept [::ffff:1.2.3.4]:80", "accept 1.2.3.4:80");
  wrong("allow *:80", "want `accept");
  wrong("accept", "want `accept");
  wrong("accept *", "ports are missing");
  wrong("accept *:0", "want ports");
  wrong("accept *:80-", "want ports");
  wrong("accept *:80-79", "want ports");
  wrong("accept *:65536", "want ports");
  wrong("accept localhost:80", "names do not work");
  wrong("accept 1.2.3:80", "names do not work");
  wrong("accept 1.2.3.4/33:80", "prefix");
  wrong("accept 1.2.3.4/24:80", "bits set behind");
  wrong("accept [2001:db8::1]/32:80", "bits set behind");
  wrong("accept 2001:db8::1:80", "in brackets");
  wrong(
      "accept *:1,accept *:2,accept *:3,accept *:4,accept *:5,accept *:6,accept *:7,accept *:8,"
      "accept *:9,accept *:10,accept *:11,accept *:12,accept *:13,accept *:14,accept *:15,"
      "accept *:16,accept *:17",
      "more than 16");
}

static bool accepts(const char *text, const char *host, uint16_t port) {
  al_policy p;
  al_target t = {.port = port};
  g_assert(al_policy_parse(text, &p, NULL));
  if (inet_pton(AF_INET, host, t.host) == 1)
    t.kind = AL_TARGET_IPV4, t.host_len = 4;
  else if (inet_pton(AF_INET6, host, t.host) == 1)
    t.kind = AL_TARGET_IPV6, t.host_len = 16;
  else
    t.kind = AL_TARGET_NAME, t.host_len = 1, t.host[0] = 'n';
  return al_policy_accepts(&p, &t);
}

static void test_decision(void) {
  static const char *const inside[] = {"127.0.0.1",      "10.0.0.1",     "172.16.0.1",
                                       "172.31.255.255", "192.168.1.1",  "169.254.169.254",
                                       "100.64.0.1",     "192.0.0.8",    "198.18.0.1",
                                       "224.0.0.1",      "240.0.0.1",    "255.255.255.255",
                                       "0.1.2.3",        "::1",          "fe80::1",
                                       "fc00::1",        "fd12::1",      "ff02::1",
                                       "64:ff9b::a00:1", "2002:a00:1::", "2001:0:1::1",
                                       "fec0::1"};
  static const char *const outside[] = {
      "1.1.1.1",         "9.255.255.255", "11.0.0.1",    "172.32.0.1",  "192.167.0.1",
      "223.255.255.255", "2606:4700::1",  "2001:db8::1", "100.128.0.1", "169.253.0.1"};
  for (size_t i = 0; i < G_N_ELEMENTS(inside); i++)
    tap_ok(!accepts("accept *:*", inside[i], 80), "`*` is not %s", inside[i]);
  for (size_t i = 0; i < G_N_ELEMENTS(outside); i++)
    tap_ok(accepts("accept *:*", outside[i], 80), "`*` is %s", outside[i]);
  tap_ok(accepts("accept 127.0.0.1:80", "127.0.0.1", 80), "loopback when it is named");
  tap_ok(!accepts("accept 127.0.0.1:80", "127.0.0.1", 81), "another port");
  tap_ok(!accepts("accept 127.0.0.1:80", "127.0.0.2", 80), "another address");
  tap_ok(!accepts("accept 0.0.0.0/0:*", "127.0.0.1", 80), "a range of everything is `*`");
  tap_ok(!accepts("accept 0.0.0.0:*, accept [::]:*", "0.0.0.0", 80), "0.0.0.0 means this host");
  tap_ok(!accepts("accept 0.0.0.0:*, accept [::]:*", "::", 80), "so does ::");
  tap_ok(!accepts("reject 10.1.0.0/16:*, accept 10.0.0.0/8:*", "10.1.2.3", 80), "first rule wins");
  tap_ok(accepts("reject 10.1.0.0/16:*, accept 10.0.0.0/8:*", "10.2.2.3", 80), "or the second");
  tap_ok(!accepts("", "1.1.1.1", 80), "no policy");
  tap_ok(accepts("accept *:443", "name", 443), "a name may be accepted");
  tap_ok(!accepts("accept *:443", "name", 80), "but not at every port");
}

int main(void) {
  test_text();
  test_decision();
  return tap_done();
}
