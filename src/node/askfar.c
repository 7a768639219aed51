/* askfar.c — questions to the DHT through a circuit (PROTOCOL.md 7.4): the node at its end asks and
 * learns not who wants to know; and the other side of it. Whoever asks believes nothing that is not
 * signed or hashed. */
#include "node/records.h"

static node_ask *ask_of(al_node *n, uint32_t serial) {
  node_ask *a = n->records.asks;
  while (a != NULL && a->serial != serial) a = a->next;
  return a;
}

/* ---- who asks ---- */

/* Questions after different keys do not meet on one circuit; a second try takes another one. */
static uint64_t isolation_of(const node_ask *a) {
  return (al_load_u64(a->key.b) ^ a->tries) | (uint64_t)1 << 63;
}

al_err al_node_askfar_begin(al_node *n, al_work *w, node_ask *a) {
  const al_target t = {.kind = AL_TARGET_NODE, .port = AL_SERVICE_DHT};
  a->tries++;
  al_err e = al_node_inner_open(n, w, &t, isolation_of(a), &a->stream);
  if (e != AL_OK) return e;
  al_streams_set_user(n->streams, a->stream, al_node_inner_user(INNER_DHT_CLIENT, a->serial));
  a->stage = ASK_CIRCUIT;
  a->found_len = 0;
  a->out = (node_inner_out){.ptr = a->bytes, .len = a->bytes_len, .fin = true};
  (void)al_node_inner_push(n, a->stream, &a->out);
  return AL_OK;
}

/* This circuit brought nothing: another one, once. */
static void far_failed(al_node *n, al_work *w, node_ask *a, al_record_status status) {
  a->stream = 0;
  a->found_len = 0;
  a->place[0].count = a->answers = 0;
  if (a->status == AL_RECORD_NOT_FOUND) status = a->status; /* as another one said before */
  a->status = status;
  if (a->tries < AL_NODE_ASK_TRIES && !n->closing && al_node_askfar_begin(n, w, a) == AL_OK) return;
  al_node_ask_finish(n, w, a, status);
}

/* The whole answer lies in a->found. Result: its status, UNREACHABLE when it makes no sense. */
static al_record_status far_read(al_node *n, al_work *w, node_ask *a) {
  al_ask_reply reply;
  if (al_ask_reply_decode(al_view(a->found, a->found_len), &reply) != AL_OK) {
    return AL_RECORD_UNREACHABLE;
  }
  al_rd r = al_rd_init(reply.nodes);
  for (uint32_t i = 0; i < reply.nodes_count; i++) {
    a->place[0].best[i] = al_rd_id(&r);
    a->place[0].verdict[i] = al_rd_u8(&r);
  }
  al_record_status status = (al_record_status)reply.status;
  a->found_len = 0;
  a->place[0].count = reply.nodes_count;
  a->hops = reply.hops;
  if (!al_node_ask_brings(a) || status != AL_RECORD_OK) return status;
  if (reply.record.len < AL_ASK_PREFIX_BYTES) return AL_RECORD_UNREACHABLE;
  if (a->op == AL_RECORD_DESCRIBE) {
    al_bytes descriptor =
        al_view(reply.record.ptr + AL_ASK_PREFIX_BYTES, reply.record.len - AL_ASK_PREFIX_BYTES);
    al_node_descriptor_came(n, w, 0, descriptor, false);
    return al_node_ask_described(n, a) ? AL_RECORD_OK : AL_RECORD_UNREACHABLE;
  }
  if (!al_node_ask_candidate(n, a, reply.record)) return AL_RECORD_UNREACHABLE;
  a->answers = reply.answers; /* by its word */
  return AL_RECORD_OK;
}

static void client_event(al_node *n, al_work *w, node_ask *a, const al_stream_event *ev) {
  al_record_status status;
  switch (ev->kind) {
    case AL_STREAM_EV_WRITABLE:
      (void)al_node_inner_push(n, a->stream, &a->out);
      break;
    case AL_STREAM_EV_DATA:
      if (a->found_len + ev->data.len > AL_ASK_REPLY_BYTES_MAX) {
        al_streams_reset(n->streams, n->now, a->stream, AL_REASON_PROTOCOL);
        far_failed(n, w, a, AL_RECORD_UNREACHABLE);
        break;
      }
      memcpy(a->found + a->found_len, ev->data.ptr, ev->data.len);
      a->found_len += (uint32_t)ev->data.len;
      (void)al_streams_consume(n->streams, n->now, a->stream, ev->data.len);
      break;
    case AL_STREAM_EV_FIN:
      status = far_read(n, w, a);
      if (status == AL_RECORD_OK || status == AL_RECORD_REFUSED) {
        al_node_ask_finish(n, w, a, status);
      } else {
        far_failed(n, w, a, status);
      }
      break;
    case AL_STREAM_EV_RESET:
      far_failed(n, w, a, AL_RECORD_UNREACHABLE);
      break;
    default:
      break;
  }
}

/* ---- who is asked ---- */

void al_node_askfar_request(al_node *n, al_stream s, al_bytes first) {
  node_ask *a = NULL;
  al_record_ask ask = {.op = AL_RECORD_FETCH, .direct = true};
  if (!n->closing && n->relay && n->records.served_count < AL_NODE_ASKS_SERVED_MAX) {
    (void)al_node_ask_new(n, &ask, ASK_SERVED, &a);
  }
  if (a == NULL) {
    al_node_inner_refuse(n, s, AL_REASON_RESOURCE);
    return;
  }
  n->records.served_count++;
  a->stage = ASK_READING;
  a->stream = s;
  /* What comes is longer than what goes: `found` takes the request first. */
  a->found_len = 0;
  if (al_node_inner_accept(n, s, al_node_inner_user(INNER_DHT_SERVER, a->serial)) != AL_OK) {
    a->stage = ASK_DONE;
    return;
  }
  if (first.len != 0) memcpy(a->found, first.ptr, first.len); /* of one packet: it fits */
  a->found_len = (uint32_t)first.len;
  (void)al_streams_consume(n->streams, n->now, s, first.len);
}

/* The request is whole. Result: whether it is one. */
static bool served_read(al_node *n, node_ask *a) {
  al_ask_request q;
  al_record rec;
  if (al_ask_request_decode(al_view(a->found, a->found_len), &q) != AL_OK) return false;
  a->op = (al_record_op)q.op;
  a->quorum = q.quorum == 0 ? 1 : q.quorum;
  a->key = q.key;
  a->lifetime_s = q.lifetime_s;
  if (a->op != AL_RECORD_PUBLISH) return true;
  if (al_record_decode(q.record, &rec) != AL_OK) return false;
  al_id own = al_record_key(n->suite, &rec);
  return al_id_equal(&own, &q.key);
}

/* The request becomes what is asked of others; `found` is free for what they say. */
static void served_begin(al_node *n, al_work *w, node_ask *a) {
  uint8_t *request = a->found;
  al_delete(&n->alloc, a->bytes, a->bytes_max);
  a->found = al_new(&n->alloc, AL_ASK_REPLY_BYTES_MAX);
  a->bytes = request;
  a->bytes_max = AL_ASK_REPLY_BYTES_MAX;
  a->bytes_len = a->found_len;
  a->found_len = 0;
  if (a->found == NULL) {
    al_streams_reset(n->streams, n->now, a->stream, AL_REASON_RESOURCE);
    a->stage = ASK_DONE;
    return;
  }
  al_node_ask_begin(n, w, a);
}

void al_node_askfar_reply(al_node *n, node_ask *a) {
  al_record_node node[AL_RECORD_NODES_MAX];
  uint8_t list[AL_ASK_NODES_MAX * AL_ASK_NODE_BYTES];
  al_wr w = al_wr_init(a->bytes, a->bytes_max), nodes = al_wr_init(list, sizeof list);
  if (a->stream == 0) return; /* who asked is gone */
  al_ask_reply reply = {.status = (uint8_t)a->status, .answers = a->answers, .hops = a->hops};
  reply.nodes_count = al_node_ask_nodes(a, node);
  for (uint32_t i = 0; i < reply.nodes_count; i++) {
    al_wr_id(&nodes, &node[i].id);
    al_wr_u8(&nodes, node[i].verdict);
  }
  reply.nodes = al_wr_view(&nodes);
  if (al_node_ask_brings(a)) reply.record = al_view(a->found, a->found_len);
  al_ask_reply_encode(&reply, &w);
  AL_ASSERT(al_wr_ok(&w));
  a->stage = ASK_WRITING;
  a->out = (node_inner_out){.ptr = a->bytes, .len = (uint32_t)w.len, .fin = true};
  if (al_node_inner_push(n, a->stream, &a->out)) a->stage = ASK_DONE;
}

static void served_event(al_node *n, al_work *w, node_ask *a, const al_stream_event *ev) {
  switch (ev->kind) {
    case AL_STREAM_EV_WRITABLE:
      if (a->stage == ASK_WRITING && al_node_inner_push(n, a->stream, &a->out)) a->stage = ASK_DONE;
      break;
    case AL_STREAM_EV_DATA:
      if (a->stage != ASK_READING || a->found_len + ev->data.len > AL_ASK_REPLY_BYTES_MAX) break;
      memcpy(a->found + a->found_len, ev->data.ptr, ev->data.len);
      a->found_len += (uint32_t)ev->data.len;
      (void)al_streams_consume(n->streams, n->now, a->stream, ev->data.len);
      break;
    case AL_STREAM_EV_FIN:
      if (served_read(n, a)) {
        served_begin(n, w, a);
        break;
      }
      al_count(&n->counters, AL_COUNT_record_request);
      al_streams_reset(n->streams, n->now, a->stream, AL_REASON_PROTOCOL);
      a->stage = ASK_DONE;
      break;
    case AL_STREAM_EV_RESET:
      a->stream = 0;
      al_node_ask_finish(n, w, a, AL_RECORD_UNREACHABLE);
      break;
    default:
      break;
  }
}

void al_node_askfar_event(al_node *n, al_work *w, const al_stream_event *ev) {
  node_ask *a = ask_of(n, (uint32_t)ev->user);
  if (a == NULL || a->stage == ASK_DONE || a->stream != ev->stream) {
    if (ev->kind == AL_STREAM_EV_DATA) {
      (void)al_streams_consume(n->streams, n->now, ev->stream, ev->data.len);
    }
    return;
  }
  if (a->owner == ASK_SERVED) {
    served_event(n, w, a, ev);
  } else {
    client_event(n, w, a, ev);
  }
}
