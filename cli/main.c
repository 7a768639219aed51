/* main.c — `allium VERB`: find the verb, read the rest of the line, run it. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "daemon/error.h"
#include "sim.h"
#include "verb.h"

static const al_verb verbs[] = {
#define AL_VERB(name, words, count, take, summary) \
  {#name, words, summary, count, take, al_verb_##name},
#include "verbs.def"
#undef AL_VERB
};

const al_verb *al_verb_at(size_t index) {
  return index < G_N_ELEMENTS(verbs) ? &verbs[index] : NULL;
}

const al_verb *al_verb_find(const char *name) {
  for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
    if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
  return NULL;
}

int al_verb_unknown(const char *name) {
  const char *near = NULL;
  unsigned least = (unsigned)strlen(name) / 3 + 2;
  for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
    unsigned d = al_suggest_distance(name, verbs[i].name);
    if (d < least) {
      least = d;
      near = verbs[i].name;
    }
  }
  if (near)
    fprintf(stderr, "allium: unknown verb `%s`; did you mean `%s`?\n", name, near);
  else
    fprintf(stderr, "allium: unknown verb `%s`; see `allium help`\n", name);
  return AL_EXIT_USAGE;
}

void al_usage_verb(const al_verb *v) {
  printf("Usage: allium %s%s%s%s\n\n%s\n", v->name, v->take ? " [OPTION...]" : "",
         *v->words ? " " : "", v->words, v->summary);
  if (v->take == AL_ARGS_OWN)
    al_sim_print_options();
  else
    al_args_print_options(v->take);
}

void al_usage(void) {
  puts("Usage: allium VERB [OPTION...]\n\nA private peer-to-peer onion network.\n\nVerbs:");
  for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
    g_autofree char *left = g_strconcat(verbs[i].name, " ", verbs[i].words, NULL);
    printf("  %-16s%s\n", left, verbs[i].summary);
  }
  puts(
      "\n`allium VERB --help` tells the options of a verb.\n\n"
      "Exit status: 0 good, 1 failed, 2 wrong command line, 3 no node answers,\n"
      "4 wrong configuration, 5 state unusable, 6 cannot listen.");
}

int al_complain(const GError *err) {
  fprintf(stderr, "allium: %s\n", err->message);
  return al_error_status(err);
}

static bool count_good(const al_verb *v, int words) {
  if (v->count >= 0) return words == v->count;
  return v->count == -1 ? words <= 1 : words >= 1;
}

static int run(const al_verb *v, char **argv) {
  al_args args;
  g_autoptr(GError) err = NULL;
  int status;
  if (!al_args_parse(&args, v->take, argv, &err)) {
    status = al_complain(err);
    fprintf(stderr, "allium: see `allium %s --help`\n", v->name);
    al_args_clear(&args);
    return status;
  }
  int words = (int)g_strv_length(args.words);
  if (args.help) {
    al_usage_verb(v);
    status = AL_EXIT_OK;
  } else if (v->take != AL_ARGS_OWN && !count_good(v, words)) {
    fprintf(stderr, "allium: usage: allium %s%s%s\n", v->name, *v->words ? " " : "", v->words);
    status = AL_EXIT_USAGE;
  } else {
    status = v->run(&args);
  }
  al_args_clear(&args);
  return status;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  if (argc < 2) {
    al_usage();
    return AL_EXIT_USAGE;
  }
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
  const al_verb *v = al_verb_find(name);
  if (!v) return al_verb_unknown(name);
  int status = run(v, argv + 2);
  if (fflush(stdout) != 0 || ferror(stdout)) return AL_EXIT_FAILED;
  return status;
}
