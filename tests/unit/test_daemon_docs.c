/* Manual, example and completions name every option and verb, and the example is a good file.
 * usage: test_daemon_docs ROOT */
#include <glib/gstdio.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tap.h"

static const char *root;

static char *text_of(const char *name) {
  g_autofree char *path = g_build_filename(root, name, NULL);
  char *text = NULL;
  g_file_get_contents(path, &text, NULL, NULL);
  tap_ok(text, "%s is there", name);
  return text ? text : g_strdup("");
}

/* Every option, in the form that the document has for it. */
static void options_in(const char *name, const char *before, const char *after) {
  g_autofree char *text = text_of(name);
  unsigned missing = 0;
  for (size_t i = 0; al_option_at(i); i++) {
    g_autofree char *want = g_strconcat(before, al_option_at(i)->name, after, NULL);
    if (strstr(text, want)) continue;
    missing++;
    printf("# %s lacks `%s`\n", name, want);
  }
  tap_is_u64(missing, 0, "%s names every option", name);
}

static void verbs_in(const char *name, const char *before) {
  static const char *const verbs[] = {
#define AL_VERB(verb, words, count, take, summary) #verb,
#include "cli/verbs.def"
#undef AL_VERB
  };
  g_autofree char *text = text_of(name);
  for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
    g_autofree char *want = g_strconcat(before, verbs[i], NULL);
    tap_ok(strstr(text, want), "%s names the verb %s", name, verbs[i]);
  }
}

/* The example says the defaults: uncommented it is a good file with the same values. */
static void test_example(void) {
  g_autofree char *text = text_of("data/allium.conf");
  char *env[] = {(char *)"HOME=/h", NULL};
  char path[] = "/tmp/allium-docs-XXXXXX";
  int fd = mkstemp(path);
  GError *err = NULL;
  GString *bare = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    bool key = lines[i][0] == '#' && lines[i][1] != ' ';
    g_string_append_printf(bare, "%s\n", lines[i] + (key ? 1 : 0));
  }
  al_config_source source = {.file = path, .environ = env};
  g_file_set_contents(path, text, -1, NULL);
  al_settings *plain = al_config_load(&source, &err);
  tap_ok(plain, "the example is good: %s", err ? err->message : "yes");
  g_clear_error(&err);
  g_file_set_contents(path, bare->str, -1, NULL);
  al_settings *full = al_config_load(&source, &err);
  tap_ok(full, "so it is with every key in use: %s", err ? err->message : "yes");
  for (size_t i = 0; plain && full && al_option_at(i); i++) {
    const al_option *o = al_option_at(i);
    g_autofree char *a = al_option_text(plain, o), *b = al_option_text(full, o);
    if (*o->fallback) tap_ok(strcmp(a, b) == 0, "%s: default `%s`, example `%s`", o->name, a, b);
  }
  al_config_free(plain);
  al_config_free(full);
  g_string_free(bare, TRUE);
  close(fd);
  g_unlink(path);
}

/* The manual gives the defaults of the table. */
static void test_defaults(void) {
  g_autofree char *text = text_of("data/allium.conf.5");
  for (size_t i = 0; al_option_at(i); i++) {
    const al_option *o = al_option_at(i);
    g_autofree char *item = g_strdup_printf(".It Cm %s No", o->name);
    g_autofree char *want = g_strdup_printf("\nDefault:\n.Ql %s .\n", o->fallback);
    const char *at = strstr(text, item), *next = at ? strstr(at + 1, ".It Cm") : NULL;
    g_autofree char *part =
        at ? g_strndup(at, next ? (gsize)(next - at) : strlen(at)) : g_strdup("");
    if (*o->fallback) tap_ok(strstr(part, want), "the manual gives the default of %s", o->name);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  root = argv[1];
  options_in("data/allium.conf", "\n#", " = ");
  options_in("data/allium.conf.5", ".It Cm ", " No = ");
  options_in("data/completions/allium.bash", " --", "");
  options_in("data/completions/_allium", "--", "[");
  options_in("data/completions/allium.fish", "$node -l ", " ");
  verbs_in("data/allium.1", "Cm ");
  verbs_in("data/completions/allium.bash", "");
  verbs_in("data/completions/_allium", "'");
  verbs_in("data/completions/allium.fish", "-a ");
  test_example();
  test_defaults();
  return tap_done();
}
