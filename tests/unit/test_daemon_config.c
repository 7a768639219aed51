/* Settings: precedence, every kind of value, and errors that say where. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/error.h"
#include "daemon/listen.h"
#include "tap.h"

static char dir[] = "/tmp/allium-config-XXXXXX";
static char *conf;

static void write_conf(const char *text) { g_file_set_contents(conf, text, -1, NULL); }

static al_settings *load(char **env, const GArray *given, GError **err) {
  al_config_source s = {.file = conf, .environ = env, .given = given};
  return al_config_load(&s, err);
}

/* The file must be refused with this text in the message. */
static void refused(const char *text, const char *want) {
  char *env[] = {(char *)"HOME=/nowhere", NULL};
  GError *err = NULL;
  write_conf(text);
  al_settings *s = load(env, NULL, &err);
  tap_ok(!s && err && strstr(err->message, want) && al_error_status(err) == AL_EXIT_CONFIG,
         "refused: %s (%s)", want, err ? err->message : "no error");
  al_config_free(s);
  g_clear_error(&err);
}

static void test_errors(void) {
  refused("[node]\nhops = 9\n", "allium.conf:2: hops: `9` is not a number from 1 to 5");
  refused("[node]\nhops = 3x\n", "allium.conf:2: hops: `3x` is not a number");
  refused("# c\n\n[node]\nhopps = 3\n", ":4: unknown key `hopps`; did you mean `hops`?");
  refused("[node]\nzzzzzzzzz = 3\n", ":2: unknown key `zzzzzzzzz`");
  refused("[nodes]\n", ":1: unknown group [nodes]");
  refused("[node\n", ":1: the group's `]` is missing");
  refused("hops = 3\n", ":1: `hops` stands before the first [group]");
  refused("[socks]\nhops = 3\n", ":2: `hops` belongs in [node], not in [socks]");
  refused("[node]\nhops = 2\nhops = 3\n", ":3: `hops` was given in line 2 already");
  refused("[node]\nhops\n", ":2: want `key = value`");
  refused("[node]\nrelay = maybe\n", ":2: relay: `maybe` is not yes or no");
  refused("[node]\npadding = full\n", ":2: padding: `full` is none of off, reduced");
  refused("[exit]\nexit-policy = accept 10.0.0.1/8:80\n", ":2: exit-policy: exit rule `accept 10");
  refused("[network]\njoin = allium:here\n", ":2: join: `allium:here`");
  refused("[network]\nlisten = localhost\n", ":2: listen: `localhost`");
  refused("[network]\nannounce = 0.0.0.0\n", ":2: announce: `0.0.0.0`");
  refused("[network]\nnetwork =\n", ":2: network: a network name has 1 to 64 bytes");
  refused("[socks]\nsocks = unix:relative\n", ":2: socks: `unix:relative`");
  refused("[socks]\nsocks = localhost:1080\n", ":2: socks: `localhost:1080`");
  refused("[node]\nhops = 3\n\n# \xff\n", ":4: not a text file");
  refused("[network]\nannounce = 1.2.3.4;1.2.3.5;1.2.3.6;1.2.3.7;1.2.3.8\n", "more than 4");
}

static void test_defaults(void) {
  char *env[] = {(char *)"HOME=/home/x", NULL};
  write_conf("");
  g_autoptr(al_settings) s = load(env, NULL, NULL);
  if (!tap_ok(s, "an empty file is a configuration")) return;
  tap_is_u64(s->hops, 3, "hops");
  tap_is_u64(s->port, 9251, "port");
  tap_ok(s->relay, "relay");
  tap_is_u64(s->padding, 1, "padding is reduced");
  tap_is_u64(s->log_level, AL_LOG_INFO, "log level");
  tap_ok(g_str_equal(s->network, "allium"), "network name");
  tap_ok(g_str_equal(s->state, "/home/x/.local/state/allium"), "state below the home directory");
  tap_ok(g_str_equal(s->control, "/home/x/.local/state/allium/control.sock"), "control socket");
  tap_ok(g_strv_length(s->socks) == 1 && g_str_equal(s->socks[0], "127.0.0.1:9250"), "socks");
  tap_ok(g_strv_length(s->join) == 0 && *s->exit_policy == 0, "no way in and no exit");
}

static void test_precedence(void) {
  char *env[] = {(char *)"HOME=/h",
                 (char *)"ALLIUM_HOPS=4",
                 (char *)"ALLIUM_PORT=1",
                 (char *)"ALLIUM_SOCKS=127.0.0.1:1 127.0.0.1:2",
                 (char *)"STATE_DIRECTORY=/var/lib/allium",
                 (char *)"RUNTIME_DIRECTORY=/run/allium",
                 NULL};
  g_autoptr(GArray) given = g_array_new(FALSE, FALSE, sizeof(al_given));
  al_given hops = {al_option_find("hops"), (char *)"5"},
           relay = {al_option_find("relay"), (char *)"no"};
  al_given l1 = {al_option_find("listen"), (char *)"127.0.0.1"};
  al_given l2 = {al_option_find("listen"), (char *)"::1"};
  g_array_append_val(given, hops);
  g_array_append_val(given, relay);
  g_array_append_val(given, l1);
  g_array_append_val(given, l2);
  write_conf(
      "[node]\nhops=2\nrelay = yes\n drain = 7 \n[network]\nport=2\nlisten=10.0.0.1;10.0.0.2\n"
      "[exit]\nexit-policy = accept 127.0.0.1:80, reject *:*\n");
  g_autoptr(al_settings) s = load(env, given, NULL);
  if (!tap_ok(s, "loaded")) return;
  tap_is_u64(s->hops, 5, "the command line wins over environment and file");
  tap_is_u64(s->port, 1, "the environment wins over the file");
  tap_is_u64(s->drain, 7, "the file wins over the default");
  tap_ok(!s->relay, "a switch can be turned off");
  tap_ok(g_strv_length(s->listen) == 2 && g_str_equal(s->listen[1], "::1"),
         "a list is replaced as a whole, repeated options add up");
  tap_ok(g_strv_length(s->socks) == 2, "a list from the environment");
  tap_ok(g_str_equal(s->state, "/var/lib/allium"), "state where systemd says");
  tap_ok(g_str_equal(s->control, "/run/allium/control.sock"), "control socket where systemd says");
  tap_ok(g_str_equal(s->exit_policy, "accept 127.0.0.1:80, reject *:*"), "a value with commas");
}

static void test_other_places(void) {
  char *env[] = {(char *)"HOME=/h", (char *)"ALLIUM_HOPS=six", NULL}, *none[] = {NULL};
  GError *err = NULL;
  g_autoptr(GArray) given = g_array_new(FALSE, FALSE, sizeof(al_given));
  al_given port = {al_option_find("port"), (char *)"99999"};
  write_conf("");
  tap_ok(!load(env, NULL, &err) && strstr(err->message, "ALLIUM_HOPS: `six`"), "a wrong variable");
  g_clear_error(&err);
  env[1] = NULL;
  g_array_append_val(given, port);
  tap_ok(!load(env, given, &err) && strstr(err->message, "--port: `99999`"), "a wrong option");
  g_clear_error(&err);
  tap_ok(!load(none, NULL, &err) && strstr(err->message, "no place for the state"), "no home");
  g_clear_error(&err);
  al_config_source gone = {.file = "/nowhere/allium.conf", .environ = env};
  tap_ok(!al_config_load(&gone, &err) && strstr(err->message, "/nowhere/allium.conf"), "no file");
  g_clear_error(&err);
  tap_ok(al_error_status(g_error_new(G_FILE_ERROR, 99, "x")) == AL_EXIT_FAILED, "foreign errors");
}

/* The files that are looked for, in order. */
static void test_search(void) {
  g_autofree char *xdg = g_build_filename(dir, "xdg", NULL);
  g_autofree char *sub = g_build_filename(xdg, "allium", NULL);
  g_autofree char *own = g_build_filename(sub, "allium.conf", NULL);
  g_autofree char *x = g_strconcat("XDG_CONFIG_HOME=", xdg, NULL);
  g_autofree char *c = g_strconcat("ALLIUM_CONFIG=", conf, NULL);
  char *env[] = {(char *)"HOME=/h", x, c, NULL};
  al_config_source source = {.environ = env};
  g_mkdir_with_parents(sub, 0700);
  g_file_set_contents(own, "[node]\nhops=1\n", -1, NULL);
  write_conf("[node]\nhops=2\n");
  al_settings *s = al_config_load(&source, NULL);
  tap_ok(s && s->hops == 2 && g_str_equal(s->file, conf), "$ALLIUM_CONFIG first");
  al_config_free(s);
  env[2] = NULL;
  s = al_config_load(&source, NULL);
  tap_ok(s && s->hops == 1 && g_str_equal(s->file, own), "then $XDG_CONFIG_HOME");
  al_config_free(s);
  g_remove(own);
  g_rmdir(sub);
  g_rmdir(xdg);
}

static void test_table(void) {
  tap_is_u64(al_suggest_distance("status", "stauts"), 1, "swapped letters are one mistake");
  tap_is_u64(al_suggest_distance("", "abc"), 3, "distance from nothing");
  tap_ok(!al_option_suggest("qqqqqqqq"), "no suggestion for what is like nothing");
  tap_ok(!al_option_find("nothing"), "no such option");
  g_autofree char *env = al_option_env(al_option_find("log-level"));
  tap_ok(g_str_equal(env, "ALLIUM_LOG_LEVEL"), "name in the environment");
  al_listen_spec spec;
  tap_ok(al_listen_parse("off", &spec, NULL) && spec.kind == AL_LISTEN_OFF, "off");
  tap_ok(al_listen_parse("9250", &spec, NULL) && spec.endpoint.addr[0] == 127, "a bare port");
  tap_ok(al_listen_parse("[::1]:5", &spec, NULL) && spec.endpoint.family == 6, "IPv6");
  tap_ok(al_listen_parse("unix:/x", &spec, NULL) && spec.kind == AL_LISTEN_UNIX, "a Unix socket");
  g_autofree char *name = g_strnfill(200, 'x'), *path = g_strconcat("unix:/", name, NULL);
  tap_ok(!al_listen_parse(path, &spec, NULL), "a path too long for a socket");
}

int main(void) {
  if (!mkdtemp(dir)) return 1;
  conf = g_build_filename(dir, "allium.conf", NULL);
  test_errors();
  test_defaults();
  test_precedence();
  test_other_places();
  test_search();
  test_table();
  g_remove(conf);
  g_rmdir(dir);
  g_free(conf);
  return tap_done();
}
