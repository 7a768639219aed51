/* inner.c — see inner.h. */
#include "node/inner.h"

#include "node/records.h"
#include "node/wake.h"

al_err al_node_inner_open(al_node *n, al_work *w, const al_target *t, uint64_t isolation,
                          al_stream *ret) {
  al_stream_target st = {(uint8_t)t->kind, t->port, al_view(NULL, 0)};
  al_reason why = AL_REASON_RESOURCE;
  al_stream s;
  AL_ASSERT(t->kind == AL_TARGET_NODE && (t->host_len == 0 || t->host_len == sizeof(al_id)));
  if (n->closing || !al_work_may_tell(w)) return AL_ESTATE;
  al_err e = al_node_wake(n);
  if (e == AL_OK) e = al_streams_open(n->streams, n->now, 0, &st, &s);
  if (e != AL_OK) return e;
  uint32_t origin = al_node_origin_for(n, w, t, isolation, &why);
  if (origin != 0 && n->origins[origin - 1].use.first_used == n->now) {
    n->origins[origin - 1].use.brief = true;
  }
  if (origin == 0 || al_streams_attach(n->streams, n->now, s,
                                       n->ends[n->origins[origin - 1].end - 1].bundle) != AL_OK) {
    al_streams_reset(n->streams, n->now, s, AL_REASON_CANCELLED);
    return AL_ESTATE;
  }
  al_streams_set_early(n->streams, s);
  *ret = s;
  return AL_OK;
}

void al_node_inner_refuse(al_node *n, al_stream s, al_reason why) {
  al_count(&n->counters, AL_COUNT_node_inner_refused);
  al_streams_reset(n->streams, n->now, s, (uint8_t)why);
}

al_err al_node_inner_accept(al_node *n, al_stream s, uint64_t user) {
  al_err e = al_streams_accept(n->streams, n->now, s);
  if (e == AL_OK) {
    al_streams_set_user(n->streams, s, user);
  } else {
    al_node_inner_refuse(n, s, AL_REASON_RESOURCE);
  }
  return e;
}

bool al_node_inner_push(al_node *n, al_stream s, node_inner_out *out) {
  size_t taken = 0;
  al_bytes rest = al_view(out->ptr + out->sent, out->len - out->sent);
  if (rest.len != 0 && al_streams_put(n->streams, n->now, s, rest, &taken) != AL_OK) return false;
  out->sent += (uint32_t)taken;
  if (out->sent != out->len) return false;
  if (out->fin) (void)al_streams_shut(n->streams, n->now, s);
  return true;
}

/* Somebody asks for a service of ours. */
static void request(al_node *n, const al_stream_event *ev) {
  switch (ev->target.port) {
    case AL_SERVICE_DHT:
      al_node_askfar_request(n, ev->stream, ev->data);
      break;
    default:
      al_node_inner_refuse(n, ev->stream, AL_REASON_POLICY);
  }
}

void al_node_inner_event(al_node *n, al_work *w, const al_stream_event *ev) {
  if (ev->kind == AL_STREAM_EV_REQUEST) {
    request(n, ev);
    return;
  }
  switch ((node_inner_owner)(ev->user >> 32)) {
    case INNER_DHT_CLIENT:
    case INNER_DHT_SERVER:
      al_node_askfar_event(n, w, ev);
      break;
    case INNER_NONE:
      break;
  }
}
