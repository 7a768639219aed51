/* flow.c — streams: the public commands, events of the stream module to the host, and packets
 * between bundles and circuits. */
#include "circuit/upkeep.h"
#include "node/inner.h"
#include "node/standby.h"
#include "node/wake.h"
#include "wire/resume.h"

enum { RELAY_KIND_DROP = 0 };

const char *al_reason_text(al_reason r) {
  switch (r) {
#define AL_REASON(name, value, socks, text) \
  case AL_REASON_##name:                    \
    return text;
#include "allium/reasons.def"
#undef AL_REASON
  }
  return "unknown reason";
}

uint8_t al_reason_socks(al_reason r) {
  static const uint8_t reply[] = {
#define AL_REASON(name, value, socks, text) [value] = (socks),
#include "allium/reasons.def"
#undef AL_REASON
  };
  return (size_t)r < sizeof reply ? reply[r] : 1;
}

/* ---- between circuits and bundles ---- */

void al_node_flow_rx(al_node *n, al_work *w, al_circ circ, al_buf buf, uint8_t *payload) {
  if (al_node_meet_rx(n, w, circ, buf, payload)) return;
  uint32_t path, end = al_node_end_of(n, circ, &path);
  if (end != 0 && payload[0] == AL_RESUME_KIND) {
    al_node_resume_rx(n, w, circ, payload);
    al_buf_drop(w, buf);
    return;
  }
  /* What overtakes JOINED would count for the wrong bundle: as if lost on the way. */
  bool early = end != 0 && al_node_origin_joins(n, n->ends[end - 1].origin) != 0;
  if (end == 0 || early || payload[0] != AL_STREAM_KIND_BUNDLE) {
    if (payload[0] != RELAY_KIND_DROP) al_count(&n->counters, AL_COUNT_node_relay_payload);
    al_buf_drop(w, buf);
    return;
  }
  (void)al_bundle_rx(n->streams, n->ends[end - 1].bundle, path, n->now,
                     al_view(payload, AL_STREAM_PAYLOAD_BYTES));
  al_work_hold(w, buf); /* events look into it until the drain */
}

bool al_node_flow_fill(al_node *n, al_circ circ, uint8_t *payload) {
  if (al_node_meet_fill(n, circ, payload)) return true;
  uint32_t path, end = al_node_end_of(n, circ, &path);
  if (end == 0) return false;
  if (al_node_resume_fill(n, end, path, payload)) return true;
  return al_bundle_fill(n->streams, n->ends[end - 1].bundle, path, n->now, payload);
}

/* Bundles that may have something to send are put into their circuits' turn. */
void al_node_flow_wants(al_node *n) {
  for (al_bundle b; (b = al_streams_next(n->streams)) != 0;) {
    al_bundle_info info;
    if (!al_bundle_look(n->streams, b, AL_BUNDLE_PATHS_MAX, &info) || info.user == 0) continue;
    if (al_node_session_is(info.user)) {
      al_node_session_wants(n, b, info.user);
      continue;
    }
    const node_end *e = &n->ends[info.user - 1];
    for (uint32_t k = 0; k < AL_BUNDLE_PATHS_MAX && e->bundle == b; k++) {
      if (e->circ[k] == 0) continue;
      if (al_bundle_wants(n->streams, b, k, n->now) != AL_BUNDLE_WANT_NOW) continue;
      al_circuit_want_send(n->circuits, e->circ[k], true);
      al_node_touch(n, al_circuit_speaks_on(n->circuits, e->circ[k]));
    }
  }
}

al_target al_node_target_of(const al_stream_target *t) {
  al_target out = {.kind = (al_target_kind)t->kind, .port = t->port};
  out.host_len = (uint8_t)t->host.len;
  memcpy(out.host, t->host.ptr, t->host.len);
  return out;
}

/* Nothing comes back on a circuit: it is suspected, and after a while dead, whatever its links
 * say. */
static void silent(al_node *n, al_work *w, const al_stream_event *ev) {
  if (ev->bundle_user == 0) return;
  const node_end *e = &n->ends[ev->bundle_user - 1];
  if (e->bundle != ev->bundle || e->circ[ev->path] == 0) return;
  if (ev->kind == AL_STREAM_EV_SUSPECT) {
    if (e->origin != 0) al_node_origin_suspect(n, e->origin);
    return;
  }
  al_count(&n->counters, AL_COUNT_stream_timeout);
  al_node_destroy(n, w, e->circ[ev->path], AL_REASON_TIMEOUT);
}

static al_circ circuit_of(const al_node *n, uint32_t end) {
  for (uint32_t k = 0; end != 0 && k < AL_BUNDLE_PATHS_MAX; k++) {
    if (n->ends[end - 1].circ[k] != 0) return n->ends[end - 1].circ[k];
  }
  return 0;
}

static void tell_stream(al_node *n, al_work *w, const al_stream_event *from) {
  al_event ev = {.stream = from->stream, .count = from->count, .data = from->data};
  al_target target;
  if (al_node_session_is(from->bundle_user)) {
    if (!al_node_session_event(n, w, from, &ev)) return;
  } else {
    ev.circ = circuit_of(n, from->bundle_user);
  }
  ev.reason = (al_reason)from->reason;
  switch (from->kind) {
    case AL_STREAM_EV_REQUEST:
      target = al_node_target_of(&from->target);
      ev.target = &target;
      ev.kind = AL_EV_STREAM_REQUEST;
      break;
    case AL_STREAM_EV_OPENED:
      ev.kind = AL_EV_STREAM_OPEN;
      break;
    case AL_STREAM_EV_DATA:
      ev.kind = AL_EV_STREAM_DATA;
      break;
    case AL_STREAM_EV_FIN:
      ev.kind = AL_EV_STREAM_FIN;
      break;
    case AL_STREAM_EV_WRITABLE:
      ev.kind = AL_EV_STREAM_WRITABLE;
      break;
    case AL_STREAM_EV_RESET:
      ev.kind = AL_EV_STREAM_RESET;
      break;
    case AL_STREAM_EV_CLOSED:
      ev.kind = AL_EV_STREAM_CLOSED;
      break;
    case AL_STREAM_EV_SUSPECT:
    case AL_STREAM_EV_SILENT:
      return;
  }
  al_node_tell(n, w, &ev);
}

/* Events of one packet always fit into a drained queue; those of many streams that end at once are
 * told over several drains. Result: whether all were told. */
bool al_node_flow_events(al_node *n, al_work *w) {
  al_stream_event ev;
  for (;;) {
    n->events_left = !al_work_may_tell(w);
    if (n->events_left || !al_streams_event(n->streams, &ev)) break;
    bool own = !al_node_session_is(ev.bundle_user); /* of a circuit, not of two joined ones */
    if (own && (ev.kind == AL_STREAM_EV_SILENT || ev.kind == AL_STREAM_EV_SUSPECT)) {
      silent(n, w, &ev);
    } else if (own && al_node_inner_is(&ev)) {
      al_node_inner_event(n, w, &ev);
    } else if (own && ev.kind == AL_STREAM_EV_REQUEST && n->rules_count == 0) {
      al_count(&n->counters, AL_COUNT_stream_refused);
      al_streams_reset(n->streams, n->now, ev.stream, AL_REASON_POLICY);
    } else {
      tell_stream(n, w, &ev);
    }
  }
  if (n->events_left) n->again = true;
  return !n->events_left;
}

/* ---- commands ---- */

static void advance(al_node *n, al_time now) {
  if (now > n->now) n->now = now;
}

static bool target_valid(const al_target *t) {
  if (t->port == 0) return false;
  switch (t->kind) {
    case AL_TARGET_IPV4:
      return t->host_len == 4;
    case AL_TARGET_IPV6:
      return t->host_len == 16;
    case AL_TARGET_NODE: /* opened by the node, for what hosts ask of it */
      return false;
    case AL_TARGET_NAME:
      return t->host_len >= 1 && !al_has_byte(t->host, t->host_len, 0);
  }
  return false;
}

al_err al_stream_open(al_node *n, al_work *w, al_time now, const al_target *t, uint64_t isolation,
                      al_stream *ret) {
  advance(n, now);
  if (!target_valid(t)) return AL_EINVAL;
  if (n->closing) return AL_ESTATE;
  if (!al_work_may_tell(w)) return AL_EFULL; /* effects must be drained first */
  al_stream_target st = {(uint8_t)t->kind, t->port, al_view(t->host, t->host_len)};
  al_reason why = AL_REASON_RESOURCE;
  al_stream s;
  al_err e = al_node_wake(n);
  if (e == AL_OK) e = al_streams_open(n->streams, n->now, 0, &st, &s);
  if (e != AL_OK) return e;
  uint32_t origin = al_node_origin_for(n, w, t, isolation, &why);
  *ret = s;
  if (origin == 0 || al_streams_attach(n->streams, n->now, s,
                                       n->ends[n->origins[origin - 1].end - 1].bundle) != AL_OK) {
    al_streams_reset(n->streams, n->now, s, AL_REASON_CANCELLED);
    al_event ev = {.kind = AL_EV_STREAM_RESET, .stream = s, .reason = why};
    al_node_tell(n, w, &ev);
  }
  al_node_finish(n, w);
  return AL_OK;
}

al_err al_stream_accept(al_node *n, al_work *w, al_time now, al_stream s) {
  advance(n, now);
  al_err e = al_streams_accept(n->streams, n->now, s);
  al_node_finish(n, w);
  return e;
}

al_err al_stream_write(al_node *n, al_work *w, al_time now, al_stream s, al_bytes data,
                       size_t *taken) {
  advance(n, now);
  *taken = 0;
  al_err e = al_streams_put(n->streams, n->now, s, data, taken);
  al_node_finish(n, w);
  return e;
}

size_t al_stream_writable(const al_node *n, al_stream s) {
  return al_streams_writable(n->streams, s);
}

al_err al_stream_consume(al_node *n, al_work *w, al_time now, al_stream s, size_t bytes) {
  advance(n, now);
  al_err e = al_streams_consume(n->streams, n->now, s, bytes);
  al_node_finish(n, w);
  return e;
}

al_err al_stream_shut(al_node *n, al_work *w, al_time now, al_stream s) {
  advance(n, now);
  al_err e = al_streams_shut(n->streams, n->now, s);
  al_node_finish(n, w);
  return e;
}

void al_stream_reset(al_node *n, al_work *w, al_time now, al_stream s, al_reason why) {
  advance(n, now);
  al_streams_reset(n->streams, n->now, s, (uint8_t)why);
  al_node_finish(n, w);
}
