/* verb_node.c — `allium node`: run a node. */
#include <stdio.h>

#include "daemon/daemon.h"
#include "daemon/error.h"
#include "verb.h"

int al_verb_node(const al_args *args) {
  g_auto(GStrv) env = g_get_environ();
  g_autoptr(GError) err = NULL;
  al_config_source source = {.environ = env};
  al_settings *s = al_args_settings(args, &source, &err);
  if (!s) return al_complain(err);
  if (args->check_config) {
    printf("the settings are good%s%s\n", s->file ? ": " : "; there is no configuration file",
           s->file ? s->file : "");
    al_config_free(s);
    return AL_EXIT_OK;
  }
  return al_daemon_run(&source, s, &err) ? AL_EXIT_OK : al_complain(err);
}
