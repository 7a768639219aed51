/* echo — the transport for a browser to talk to: sends every frame back on the bulk channel, as
 * fast as its credit lets it. One line of JSON per event on stdout; commands on stdin: "close
 * LINK", "count", end of file to leave. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "webrtc/webrtc.h"

enum { LINKS = 256 };

static al_transport *transport;
static GQueue waiting[LINKS];
static al_link next_link = 1;

static al_link on_up(void *ctx, al_link link, const uint8_t binding[32], void *ref) {
  (void)ctx;
  (void)link;
  (void)binding;
  al_webrtc_ops()->accept(transport, next_link, ref);
  printf("{\"event\":\"up\",\"link\":%u}\n", (unsigned)next_link);
  return next_link++;
}

static void on_down(void *ctx, al_link link, al_down_reason why) {
  (void)ctx;
  g_queue_clear_full(&waiting[link % LINKS], (GDestroyNotify)g_bytes_unref);
  printf("{\"event\":\"down\",\"link\":%u,\"reason\":%d}\n", (unsigned)link, (int)why);
}

static void flush(al_link link) {
  GQueue *q = &waiting[link % LINKS];
  for (GBytes *b; (b = g_queue_peek_head(q)); g_bytes_unref(g_queue_pop_head(q))) {
    al_bytes frame;
    frame.ptr = g_bytes_get_data(b, &frame.len);
    if (al_webrtc_ops()->send(transport, link, AL_CHANNEL_BULK, frame) != AL_OK) return;
  }
}

static void on_rx(void *ctx, al_link link, al_bytes frame) {
  (void)ctx;
  g_queue_push_tail(&waiting[link % LINKS], g_bytes_new(frame.ptr, frame.len));
  flush(link);
}

static void on_credit(void *ctx, al_link link, uint32_t bytes) {
  (void)ctx;
  (void)bytes;
  flush(link);
}

static gboolean on_command(GIOChannel *in, GIOCondition cond, gpointer loop) {
  gchar *line = NULL;
  unsigned link;
  (void)cond;
  if (g_io_channel_read_line(in, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
  }
  if (sscanf(line, "close %u", &link) == 1) al_webrtc_ops()->close(transport, link);
  if (g_str_has_prefix(line, "count")) {
    al_webrtc_counters c;
    al_webrtc_count(transport, &c);
    printf("{\"event\":\"count\"");
#define AL_COUNT(name, text) printf(",\"" #name "\":%" PRIu64, c.name);
#include "webrtc/counters.def"
#undef AL_COUNT
    printf("}\n");
  }
  g_free(line);
  return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
  al_webrtc_config c;
  al_transport_sink sink = {.up = on_up, .down = on_down, .rx = on_rx, .credit = on_credit};
  GError *e = NULL;
  char password[25];
  setvbuf(stdout, NULL, _IOLBF, 0);
  al_webrtc_config_init(&c);
  c.bind[0] = argc > 1 ? argv[1] : "127.0.0.1";
  c.silence_ms = argc > 2 ? (uint32_t)atoi(argv[2]) : 30000;
  for (size_t i = 0; i < sizeof c.identity.password; i++)
    c.identity.password[i] = (uint8_t)g_random_int();
  transport = al_webrtc_new(&c, &sink, &e);
  if (!transport) {
    fprintf(stderr, "echo: %s\n", e->message);
    return 1;
  }
  al_webrtc_password_text(c.identity.password, password);
  printf("{\"event\":\"listening\",\"port\":%u,\"password\":\"%s\",\"fingerprint\":\"",
         (unsigned)al_webrtc_port(transport), password);
  for (int i = 0; i < 32; i++) printf(i ? ":%02X" : "%02X", al_webrtc_certificate(transport)[i]);
  printf("\"}\n");
  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  GIOChannel *in = g_io_channel_unix_new(STDIN_FILENO);
  g_io_add_watch(in, G_IO_IN | G_IO_HUP, on_command, loop);
  g_main_loop_run(loop);
  al_webrtc_free(transport);
  for (int i = 0; i < LINKS; i++) g_queue_clear_full(&waiting[i], (GDestroyNotify)g_bytes_unref);
  g_io_channel_unref(in);
  g_main_loop_unref(loop);
  return 0;
}
