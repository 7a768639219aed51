/* bench_link — the transport alone: set-up time, throughput, CPU per MB, memory and idle cost of a
 * link. One process answers (--answer), another dials (--dial HEX); --pair forks both on loopback.
 * Every result is one line of JSON. */
#include <glib.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "webrtc/webrtc.h"

enum { LINKS_MAX = 4096 };

static struct {
  gboolean answer, pair, nice;
  char *dial, *bind;
  int port, setup, links, cwnd, cwnd_max, burst, cc, abc, sack, sack_ms, buffer, unsent, mtu, size;
  double bulk, idle;
} opt = {.links = 1, .size = AL_FRAME_BYTES, .cc = -1, .burst = -1};

typedef struct node {
  al_transport *t;
  uint32_t credit[LINKS_MAX];
  unsigned ups, downs;
  al_link next_in;
  uint64_t sent, received, messages;
  gint64 first_us, last_us, up_us;
  bool pumping;
} node;

static node me;

static double cpu_ms(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static long rss_kib(void) {
  char *text = NULL;
  long pages = 0;
  if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL)) sscanf(text, "%*d %ld", &pages);
  g_free(text);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- the sink ---- */

static void pump(al_link link) {
  static uint8_t frame[AL_FRAME_BYTES];
  while (me.credit[link] >= (uint32_t)opt.size) {
    if (al_webrtc_ops()->send(me.t, link, AL_CHANNEL_BULK, (al_bytes){frame, (size_t)opt.size}) !=
        AL_OK)
      return;
    me.credit[link] -= (uint32_t)opt.size;
    me.sent += (uint64_t)opt.size;
  }
}

static al_link on_up(void *ctx, al_link link, const uint8_t binding[32], void *ref) {
  (void)ctx;
  (void)binding;
  me.up_us = g_get_monotonic_time();
  me.ups++;
  if (!link) {
    link = 1 + me.next_in++ % (LINKS_MAX - 1);
    al_webrtc_ops()->accept(me.t, link, ref);
  }
  return link;
}

static void on_down(void *ctx, al_link link, al_down_reason why) {
  (void)ctx;
  if (!me.pumping) me.downs++;
  if (me.pumping) fprintf(stderr, "bench_link: link %u went down: %d\n", link, why);
  if (opt.answer && me.received) {
    al_webrtc_counters c;
    al_webrtc_count(me.t, &c);
    double s = (double)(me.last_us - me.first_us) / 1e6, mb = (double)me.received / 1e6;
    printf(
        "{\"bench\":\"receive\",\"mb\":%.1f,\"mbit_s\":%.1f,\"cpu_ms_mb\":%.2f,"
        "\"packets_read\":%.1f,\"writes\":%" PRIu64 "}\n",
        mb, mb * 8 / s, cpu_ms() / mb, (double)c.packets_in / (double)MAX(c.reads, 1), c.writes);
    fflush(stdout);
    me.received = 0;
  }
}

static void on_rx(void *ctx, al_link link, al_bytes frame) {
  (void)ctx;
  (void)link;
  if (!me.received) me.first_us = g_get_monotonic_time();
  me.received += frame.len;
  if (++me.messages % 64 == 0) me.last_us = g_get_monotonic_time();
}

static void on_credit(void *ctx, al_link link, uint32_t bytes) {
  (void)ctx;
  me.credit[link] = bytes;
  if (me.pumping) pump(link);
}

/* ---- runs ---- */

static gboolean set_flag(gpointer p) {
  *(bool *)p = true;
  return G_SOURCE_REMOVE;
}

static void run_for(double seconds) {
  bool done = false;
  g_timeout_add((guint)(seconds * 1000), set_flag, &done);
  while (!done) g_main_context_iteration(NULL, TRUE);
}

static void until(const unsigned *what, unsigned at_least) {
  while (*what < at_least) g_main_context_iteration(NULL, TRUE);
}

static al_bytes address(void) {
  static uint8_t record[AL_WEBRTC_ADDRESS_MAX];
  size_t len = strlen(opt.dial) / 2;
  for (size_t i = 0; i < len && i < sizeof record; i++) {
    unsigned v;
    sscanf(opt.dial + 2 * i, "%2x", &v);
    record[i] = (uint8_t)v;
  }
  return (al_bytes){record, len};
}

static int by_value(const void *x, const void *y) {
  const double *a = x, *b = y;
  return *a < *b ? -1 : *a > *b;
}

static void run_setup(void) {
  double *ms = g_new(double, opt.setup), cpu = cpu_ms();
  for (int i = 0; i < opt.setup; i++) {
    al_link link = (al_link)(1 + i % (LINKS_MAX - 1));
    unsigned ups = me.ups, downs = me.downs;
    gint64 t0 = g_get_monotonic_time();
    if (al_webrtc_ops()->open(me.t, link, address()) != AL_OK) exit(1);
    while (me.ups == ups && me.downs == downs) g_main_context_iteration(NULL, TRUE);
    ms[i] = (double)(me.up_us - t0) / 1e3;
    if (me.ups == ups) fprintf(stderr, "bench_link: a dial failed\n");
    run_for(0.005); /* let the answerer hear that we are up */
    al_webrtc_ops()->close(me.t, link);
    until(&me.downs, downs + 1);
  }
  cpu = cpu_ms() - cpu;
  qsort(ms, (size_t)opt.setup, sizeof *ms, by_value);
  printf(
      "{\"bench\":\"setup\",\"dialler\":\"%s\",\"dials\":%d,\"median_ms\":%.2f,\"p99_ms\":%.2f,"
      "\"max_ms\":%.2f,\"cpu_ms\":%.2f}\n",
      opt.nice ? "nice" : "own", opt.setup, ms[opt.setup / 2], ms[opt.setup * 99 / 100],
      ms[opt.setup - 1], cpu / opt.setup);
  g_free(ms);
}

static void open_links(void) {
  for (int i = 0; i < opt.links; i++)
    if (al_webrtc_ops()->open(me.t, (al_link)(i + 1), address()) != AL_OK) exit(1);
  until(&me.ups, (unsigned)opt.links);
}

static uint64_t buffered(void) {
  uint64_t sum = 0;
  al_webrtc_info info;
  for (int i = 0; i < opt.links; i++)
    if (al_webrtc_link_info(me.t, (al_link)(i + 1), &info)) sum += info.buffered;
  return sum;
}

static void run_bulk(void) {
  open_links();
  me.pumping = true;
  double cpu = cpu_ms(), second[64] = {0};
  gint64 t0 = g_get_monotonic_time();
  uint64_t before = 0;
  for (int i = 0; i < opt.links; i++) pump((al_link)(i + 1));
  int n = (int)(opt.bulk + 0.5);
  for (int i = 0; i < n && i < 64; i++) {
    gint64 t1 = g_get_monotonic_time();
    run_for(1);
    uint64_t acked = me.sent - buffered();
    second[i] = (double)(acked - before) * 8 / (double)(g_get_monotonic_time() - t1);
    before = acked;
  }
  cpu = cpu_ms() - cpu;
  double s = (double)(g_get_monotonic_time() - t0) / 1e6, mb = (double)before / 1e6;
  al_webrtc_info info = {0};
  al_webrtc_counters c;
  al_webrtc_link_info(me.t, 1, &info);
  al_webrtc_count(me.t, &c);
  printf(
      "{\"bench\":\"send\",\"dialler\":\"%s\",\"links\":%d,\"mb\":%.1f,\"mbit_s\":%.1f,"
      "\"cpu_ms_mb\":%.2f,\"cwnd\":%u,\"rtt_ms\":%.1f,\"packets_write\":%.1f,\"drop_send\":%" PRIu64
      ",\"by_second\":[",
      opt.nice ? "nice" : "own", opt.links, mb, mb * 8 / s, cpu / mb, info.cwnd, info.rtt_us / 1e3,
      (double)c.packets_out / (double)MAX(c.writes, 1), c.drop_send);
  for (int i = 0; i < n && i < 64; i++) printf("%s%.1f", i ? "," : "", second[i]);
  printf("]}\n");
  fflush(stdout);
  me.pumping = false;
}

static void run_idle(void) {
  long before = rss_kib();
  size_t heap = mallinfo2().uordblks;
  open_links();
  run_for(3);
  double cpu = cpu_ms();
  run_for(opt.idle);
  cpu = cpu_ms() - cpu;
  printf(
      "{\"bench\":\"idle\",\"dialler\":\"%s\",\"links\":%d,\"cpu_us_s\":%.0f,"
      "\"cpu_us_s_link\":%.1f,\"rss_kib_link\":%.1f,\"heap_kib_link\":%.1f,\"rss_mib\":%.1f}\n",
      opt.nice ? "nice" : "own", opt.links, cpu * 1e3 / opt.idle, cpu * 1e3 / opt.idle / opt.links,
      (double)(rss_kib() - before) / opt.links,
      (double)(mallinfo2().uordblks - heap) / 1024 / opt.links, (double)rss_kib() / 1024);
}

/* ---- start ---- */

static void start(void) {
  al_webrtc_config c;
  al_transport_sink sink = {.up = on_up, .down = on_down, .rx = on_rx, .credit = on_credit};
  GError *e = NULL;
  al_webrtc_config_init(&c);
  c.bind[0] = opt.bind ? opt.bind : "127.0.0.1";
  c.port = (uint16_t)opt.port;
  c.sessions_per_address = LINKS_MAX;
  c.dialler = opt.nice ? AL_WEBRTC_DIAL_NICE : AL_WEBRTC_DIAL_OWN;
  if (opt.cwnd) c.sctp.initial_cwnd = (uint32_t)opt.cwnd;
  if (opt.cwnd_max) c.sctp.cwnd_max = (uint32_t)opt.cwnd_max;
  if (opt.burst >= 0) c.sctp.max_burst = (uint32_t)opt.burst;
  if (opt.cc >= 0) c.sctp.cc_module = (uint32_t)opt.cc;
  if (opt.abc) c.sctp.abc = (uint32_t)opt.abc;
  if (opt.sack) c.sctp.sack_packets = (uint32_t)opt.sack;
  if (opt.sack_ms) c.sctp.sack_delay_ms = (uint32_t)opt.sack_ms;
  if (opt.buffer) c.sctp.buffer_bytes = (uint32_t)opt.buffer;
  if (opt.unsent) c.unsent_max = (uint32_t)opt.unsent;
  if (opt.mtu) c.sctp.mtu = (uint32_t)opt.mtu;
  me.t = al_webrtc_new(&c, &sink, &e);
  if (!me.t) {
    fprintf(stderr, "bench_link: %s\n", e->message);
    exit(1);
  }
}

static void answer(int fd) {
  uint8_t record[AL_WEBRTC_ADDRESS_MAX];
  char hex[2 * AL_WEBRTC_ADDRESS_MAX + 2];
  start();
  size_t len = al_webrtc_address(me.t, opt.bind ? opt.bind : "127.0.0.1", record);
  for (size_t i = 0; i < len; i++) sprintf(hex + 2 * i, "%02x", record[i]);
  hex[2 * len] = '\n';
  hex[2 * len + 1] = 0;
  if (write(fd, hex, strlen(hex)) < 0) exit(1);
  if (fd != 1) close(fd);
  for (;;) g_main_context_iteration(NULL, TRUE);
}

static pid_t fork_answerer(void) {
  static char hex[2 * AL_WEBRTC_ADDRESS_MAX + 2];
  int p[2];
  if (pipe(p)) exit(1);
  pid_t pid = fork();
  if (pid == 0) {
    close(p[0]);
    opt.answer = TRUE;
    answer(p[1]);
  }
  close(p[1]);
  ssize_t n = read(p[0], hex, sizeof hex - 1);
  if (n <= 0) exit(1);
  hex[n - 1] = 0;
  opt.dial = hex;
  return pid;
}

int main(int argc, char **argv) {
  const GOptionEntry entries[] = {
      {"answer", 0, 0, G_OPTION_ARG_NONE, &opt.answer, "print the address as hex and answer", NULL},
      {"dial", 0, 0, G_OPTION_ARG_STRING, &opt.dial, "dial that address", "HEX"},
      {"pair", 0, 0, G_OPTION_ARG_NONE, &opt.pair, "two processes on loopback", NULL},
      {"bind", 0, 0, G_OPTION_ARG_STRING, &opt.bind, "address (127.0.0.1)", "IP"},
      {"port", 0, 0, G_OPTION_ARG_INT, &opt.port, "port (any)", "N"},
      {"nice", 0, 0, G_OPTION_ARG_NONE, &opt.nice, "dial through libnice", NULL},
      {"setup", 0, 0, G_OPTION_ARG_INT, &opt.setup, "set-up time of N dials", "N"},
      {"bulk", 0, 0, G_OPTION_ARG_DOUBLE, &opt.bulk, "send for so long", "S"},
      {"idle", 0, 0, G_OPTION_ARG_DOUBLE, &opt.idle, "hold idle links for so long", "S"},
      {"links", 0, 0, G_OPTION_ARG_INT, &opt.links, "links (1)", "N"},
      {"size", 0, 0, G_OPTION_ARG_INT, &opt.size, "message size (1120)", "BYTES"},
      {"cwnd", 0, 0, G_OPTION_ARG_INT, &opt.cwnd, "initial window", "PACKETS"},
      {"cwnd-max", 0, 0, G_OPTION_ARG_INT, &opt.cwnd_max, "window limit", "BYTES"},
      {"burst", 0, 0, G_OPTION_ARG_INT, &opt.burst, "max burst", "PACKETS"},
      {"cc", 0, 0, G_OPTION_ARG_INT, &opt.cc, "congestion module", "0..3"},
      {"abc", 0, 0, G_OPTION_ARG_INT, &opt.abc, "slow start growth a SACK", "PACKETS"},
      {"sack", 0, 0, G_OPTION_ARG_INT, &opt.sack, "packets a SACK", "N"},
      {"sack-ms", 0, 0, G_OPTION_ARG_INT, &opt.sack_ms, "SACK delay", "MS"},
      {"buffer", 0, 0, G_OPTION_ARG_INT, &opt.buffer, "association buffers", "BYTES"},
      {"unsent", 0, 0, G_OPTION_ARG_INT, &opt.unsent, "high mark", "BYTES"},
      {"mtu", 0, 0, G_OPTION_ARG_INT, &opt.mtu, "IP packet size", "BYTES"},
      G_OPTION_ENTRY_NULL};
  GError *e = NULL;
  GOptionContext *g = g_option_context_new("- measure the transport");
  g_option_context_add_main_entries(g, entries, NULL);
  if (!g_option_context_parse(g, &argc, &argv, &e)) {
    fprintf(stderr, "bench_link: %s\n", e->message);
    return 2;
  }
  g_option_context_free(g);
  if (opt.answer) answer(1);
  pid_t child = opt.pair ? fork_answerer() : 0;
  if (!opt.dial || opt.links >= LINKS_MAX || opt.size > AL_FRAME_BYTES) {
    fprintf(stderr, "bench_link: --answer, --dial HEX or --pair\n");
    return 2;
  }
  start();
  if (opt.setup) run_setup();
  if (opt.bulk > 0) run_bulk();
  if (opt.idle > 0) run_idle();
  fflush(stdout);
  unsigned downs = me.downs;
  al_webrtc_close_all(me.t);
  if (me.ups > downs) run_for(0.3);
  al_webrtc_free(me.t);
  if (child) {
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
  }
  return 0;
}
