/* args.c — parse the command line. */
#include "args.h"

#include <stdio.h>
#include <string.h>

#include "daemon/error.h"

enum { HELP_COLUMN = 32, HELP_WIDTH = 100 };

/* One option as it stands on the line. */
typedef struct word {
  char *name;        /* without the dashes */
  const char *value; /* behind `=`, or NULL */
  bool off;          /* --no-name */
} word;

static bool fail(GError **err, const char *format, const char *name, const char *near) {
  g_autofree char *what = g_strdup_printf("%s `--%s`", format, name);
  g_set_error(err, AL_ERROR, AL_EXIT_USAGE, near ? "%s; did you mean `--%s`?" : "%s", what, near);
  return false;
}

static void give(al_args *a, const al_option *o, const char *value) {
  al_given g = {o, g_strdup(value)};
  g_array_append_val(a->given, g);
}

/* The value of an option: behind `=`, or the next word. */
static const char *value_of(const word *w, char ***argv, GError **err) {
  if (w->value) return w->value;
  if ((*argv)[1]) return *++*argv;
  fail(err, "a value is missing behind", w->name, NULL);
  return NULL;
}

static const al_option *option_for(unsigned take, const char *name) {
  const al_option *o = al_option_find(name);
  bool client = strcmp(name, "control") == 0 || strcmp(name, "state") == 0;
  return take & AL_ARGS_NODE || (take & AL_ARGS_CLIENT && client) ? o : NULL;
}

static bool take_switch(al_args *a, unsigned take, const word *w, GError **err) {
  bool *flag = strcmp(w->name, "help") == 0                                  ? &a->help
               : strcmp(w->name, "json") == 0 && take & AL_ARGS_CLIENT       ? &a->json
               : strcmp(w->name, "direct") == 0 && take & AL_ARGS_DHT        ? &a->direct
               : strcmp(w->name, "mutable") == 0 && take & AL_ARGS_DHT       ? &a->is_mutable
               : strcmp(w->name, "check-config") == 0 && take & AL_ARGS_NODE ? &a->check_config
                                                                             : NULL;
  if (!flag) return false;
  if (w->value || w->off) return fail(err, "no value is wanted by", w->name, NULL);
  *flag = true;
  return true;
}

static const char **service_option(al_args *a, const char *name) {
  return strcmp(name, "name") == 0      ? &a->name
         : strcmp(name, "port") == 0    ? &a->port
         : strcmp(name, "clients") == 0 ? &a->clients
                                        : NULL;
}

static bool take_option(al_args *a, unsigned take, const word *w, char ***argv, GError **err) {
  const al_option *o = option_for(take, w->name);
  const char **text = strcmp(w->name, "config") == 0 && take               ? &a->config
                      : strcmp(w->name, "salt") == 0 && take & AL_ARGS_DHT ? &a->salt
                      : strcmp(w->name, "key") == 0 && take & AL_ARGS_DHT  ? &a->key
                                                                           : NULL;
  if (text && !w->off) {
    *text = value_of(w, argv, err);
    return *text != NULL;
  }
  const char **own = take & AL_ARGS_SERVICE ? service_option(a, w->name) : NULL;
  if (own && !w->off) {
    *own = value_of(w, argv, err);
    return *own != NULL;
  }
  if (!o)
    return fail(err, "unknown option", w->name,
                take & AL_ARGS_NODE ? al_option_suggest(w->name) : NULL);
  if (w->off && o->kind != AL_OPTION_BOOL) return fail(err, "not a switch:", w->name, NULL);
  if (o->kind == AL_OPTION_BOOL) {
    give(a, o, w->off ? "no" : w->value ? w->value : "yes");
    return true;
  }
  const char *value = value_of(w, argv, err);
  if (!value) return false;
  give(a, o, value);
  return true;
}

/* `--no-relay` is `relay` off, unless an option is really called so. */
static word split(const char *text) {
  const char *eq = strchr(text, '=');
  word w = {.name = eq ? g_strndup(text, (gsize)(eq - text)) : g_strdup(text)};
  w.value = eq ? eq + 1 : NULL;
  if (g_str_has_prefix(w.name, "no-")) {
    char *rest = g_strdup(w.name + 3);
    g_free(w.name);
    w.name = rest;
    w.off = true;
  }
  return w;
}

static bool take_word(al_args *a, unsigned take, char ***argv, GError **err) {
  GError *inner = NULL;
  word w = split(**argv + 2);
  bool good = take_switch(a, take, &w, &inner);
  if (!good && !inner) good = take_option(a, take, &w, argv, &inner);
  g_free(w.name);
  if (inner) g_propagate_error(err, inner);
  return good;
}

bool al_args_parse(al_args *ret, unsigned take, char **argv, GError **err) {
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  bool options = true;
  *ret = (al_args){.given = g_array_new(FALSE, FALSE, sizeof(al_given))};
  for (; *argv; argv++) {
    if (options && strcmp(*argv, "--") == 0)
      options = false;
    else if (options &&
             (strcmp(*argv, "-h") == 0 || (strcmp(*argv, "--help") == 0 && take == AL_ARGS_OWN)))
      ret->help = true;
    else if (options && g_str_has_prefix(*argv, "--") && take != AL_ARGS_OWN) {
      if (!take_word(ret, take, &argv, err)) return false;
    } else if (options && **argv == '-' && (*argv)[1] && take != AL_ARGS_OWN) {
      g_set_error(err, AL_ERROR, AL_EXIT_USAGE, "unknown option `%s`", *argv);
      return false;
    } else {
      g_ptr_array_add(words, g_strdup(*argv));
    }
  }
  g_ptr_array_add(words, NULL);
  ret->words = (char **)g_ptr_array_steal(words, NULL);
  return true;
}

void al_args_clear(al_args *a) {
  for (guint i = 0; a->given && i < a->given->len; i++)
    g_free(g_array_index(a->given, al_given, i).value);
  if (a->given) g_array_unref(a->given);
  g_strfreev(a->words);
}

al_settings *al_args_settings(const al_args *a, al_config_source *source, GError **err) {
  source->file = a->config;
  source->given = a->given;
  return al_config_load(source, err);
}

/* A paragraph in the second column. */
static void print_help(const char *left, const char *text) {
  int column = printf("  %s", left);
  if (column >= HELP_COLUMN - 1) {
    putchar('\n');
    column = 0;
  }
  printf("%*s", HELP_COLUMN - column, "");
  column = HELP_COLUMN;
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  for (guint i = 0; words[i]; i++) {
    int len = (int)strlen(words[i]);
    if (i && column + 1 + len > HELP_WIDTH) {
      printf("\n%*s", HELP_COLUMN, "");
      column = HELP_COLUMN;
    } else if (i) {
      putchar(' ');
      column++;
    }
    fputs(words[i], stdout);
    column += len;
  }
  putchar('\n');
}

static void print_option(const al_option *o) {
  g_autofree char *left = NULL, *text = NULL;
  bool shown = *o->fallback && o->kind != AL_OPTION_BOOL;
  if (o->kind == AL_OPTION_BOOL)
    left = g_strdup_printf("--%s, --no-%s", o->name, o->name);
  else if (o->kind == AL_OPTION_CHOICE)
    left = g_strdup_printf("--%s %s", o->name, o->limits);
  else
    left = g_strdup_printf("--%s %s", o->name, o->argument);
  text = o->kind == AL_OPTION_BOOL ? g_strdup_printf("%s (default: %s)", o->help, o->fallback)
         : shown                   ? g_strdup_printf("%s (default: %s)", o->help, o->fallback)
                                   : g_strdup(o->help);
  print_help(left, text);
}

void al_args_print_options(unsigned take) {
  const char *group = "";
  if (take & AL_ARGS_CLIENT) {
    puts("\nOptions:");
    if (take & AL_ARGS_SERVICE) {
      print_help("--name NAME", "what the service is called here; default: made from HOST:PORT");
      print_help("--port PORT", "the port that clients ask for; default: that of HOST:PORT");
      print_help("--clients FILE",
                 "only these clients may connect: a line each, the public key that `allium service "
                 "client-key` printed there; an empty file: everybody");
    }
    print_help("--json", "print JSON");
    if (take & AL_ARGS_DHT) {
      print_help("--direct",
                 "ask over the node's own links, not through a circuit: faster, and "
                 "those asked learn who asks");
      print_help("--mutable",
                 "put a record that can be changed: signed by --key, named by it "
                 "and by --salt");
      print_help("--salt TEXT", "tells the records of one key apart; at most 32 bytes");
      print_help("--key FILE", "the signer's secret key; made if there is no such file");
    }
    print_help("--control SOCKET", "the node's control socket");
    print_help("--state DIR", "the node's state directory, where its control socket is looked for");
    print_help("--config FILE", "the node's configuration file");
  } else if (take & AL_ARGS_NODE) {
    puts("\nOptions:");
    print_help("--config FILE",
               "configuration file; default: $ALLIUM_CONFIG, $XDG_CONFIG_HOME/allium/allium.conf, "
               "/etc/allium/allium.conf");
    print_help("--check-config", "read the settings, say whether they are good, and end");
  } else {
    puts("\nOptions:");
  }
  print_help("-h, --help", "this text");
  for (size_t i = 0; take & AL_ARGS_NODE && al_option_at(i); i++) {
    const al_option *o = al_option_at(i);
    if (strcmp(group, o->group) != 0) printf("\n[%s]\n", o->group);
    group = o->group;
    print_option(o);
  }
}
