/* tx.c — see link.h: the frames that a link sends of its own, and the sealing of others. */
#include "link/keys.h"

bool al_link_may_seal(const al_links *ls, al_link link) { return al_link_is_up(ls, link); }

bool al_link_has_urgent(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || s->state == AL_LINK_CLOSING) return false;
  if (s->state != AL_LINK_OPEN) return s->out[AL_LINK_LANE_OWN].head != 0;
  return s->close_due || s->pong_due || s->pings_due != 0 || s->pad_due || s->rekey_due ||
         s->out[AL_LINK_LANE_OWN].head != 0;
}

bool al_link_urgent_is_rt(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  return s != NULL && s->state == AL_LINK_OPEN && !s->close_due &&
         (s->pong_due || s->pings_due != 0 || s->pad_due);
}

bool al_link_has_message(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  return s != NULL && s->state == AL_LINK_OPEN &&
         (s->out[AL_LINK_LANE_SPHINX].head | s->out[AL_LINK_LANE_RECORDS].head) != 0;
}

bool al_link_may_message(const al_links *ls, al_link link, al_message_kind kind) {
  const al_link_session *s = al_link_session_get(ls, link);
  if (!al_link_may_seal(ls, link)) return false;
  uint32_t records = s->out[AL_LINK_LANE_RECORDS].count;
  if (records + s->out[AL_LINK_LANE_SPHINX].count >= AL_LINK_OUT_MAX) return false;
  if (!al_link_share_left(ls, AL_LINK_USE_OUT, (uint8_t)kind)) return false;
  return al_message_is_prompt((uint8_t)kind) || records < AL_LINK_RECORDS_MAX;
}

al_err al_link_send_message(al_links *ls, al_link link, al_message_kind kind, uint32_t id,
                            al_bytes bytes) {
  AL_ASSERT(kind != AL_MESSAGE_REKEY && kind != AL_MESSAGE_REKEYED);
  AL_ASSERT(al_message_valid((uint8_t)kind, (uint32_t)bytes.len));
  al_link_session *s = al_link_session_get(ls, link);
  if (!al_link_may_seal(ls, link)) return AL_ESTATE;
  if (!al_link_may_message(ls, link, kind)) return AL_EFULL;
  const al_link_need need = {AL_LINK_USE_OUT, (uint8_t)kind, (uint32_t)bytes.len};
  uint32_t slot = al_link_slot_take(ls, s, &need, al_link_when(ls, s->last_rx));
  if (slot == 0) return AL_EFULL; /* shared places, and memory is out */
  al_link_slot *t = al_link_slot_at(ls, slot);
  if (kind != AL_MESSAGE_SPHINX) {
    if (++s->message_id == 0) s->message_id = 1;
    id = s->message_id;
  }
  t->id = id;
  t->total = (uint32_t)bytes.len;
  memcpy(al_link_slot_body(ls, slot), bytes.ptr, bytes.len);
  bool prompt = al_message_is_prompt((uint8_t)kind);
  al_link_enqueue(ls, s, prompt ? AL_LINK_LANE_SPHINX : AL_LINK_LANE_RECORDS, slot);
  return AL_OK;
}

al_err al_link_send_close(al_links *ls, al_link link, al_time now, al_link_code code) {
  al_link_session *s = al_link_session_get(ls, link);
  if (!al_link_may_seal(ls, link)) return AL_ESTATE;
  al_links_clock(ls, now);
  al_link_slots_forget(ls, s);
  s->close_due = true;
  s->close_code = (uint8_t)code;
  al_link_close_at(s, now + AL_LINK_CLOSE_US);
  al_link_arm_all(ls, s);
  return AL_OK;
}

/* ---- sealing ---- */

static void seal_bytes(al_links *ls, al_link_session *s, al_time now, uint8_t *frame, size_t len) {
  uint64_t counter = (uint64_t)s->tx_phase << AL_LINK_PHASE_BITS | s->tx_number++;
  al_link_bytes_seal(ls->cfg.suite, al_link_tx_key(ls, s), counter, frame, len);
  al_link_rekey_check(ls, s, now);
}

static void seal(al_links *ls, al_link_session *s, al_time now, uint8_t *frame) {
  seal_bytes(ls, s, now, frame, AL_FRAME_BYTES);
}

void al_link_seal(al_links *ls, al_link link, al_time now, uint8_t frame[AL_FRAME_BYTES]) {
  AL_ASSERT(al_link_may_seal(ls, link));
  al_link_session *s = al_link_session_get(ls, link);
  al_links_clock(ls, now);
  seal(ls, s, now, frame);
  al_link_note_tx(ls, s, now, true);
}

/* A cell of the link itself: eight bytes, then zeros. */
static void own_cell(const al_cell_header *h, uint64_t value, uint8_t *frame) {
  al_cell_encode(h, frame + AL_LINK_CELL_AT);
  memset(frame + AL_LINK_PAYLOAD_AT, 0, AL_CELL_PAYLOAD_BYTES);
  al_store_u64(frame + AL_LINK_PAYLOAD_AT, value);
}

static void fragment(al_links *ls, al_link_session *s, al_time now, al_link_lane lane,
                     uint8_t *frame) {
  uint32_t slot = s->out[lane].head;
  al_link_slot *t = al_link_slot_at(ls, slot);
  const uint8_t *body = al_link_slot_body(ls, slot);
  uint32_t at = t->sent * (uint32_t)AL_CELL_PAYLOAD_BYTES;
  uint32_t len = (uint32_t)al_min_size(t->total - at, AL_CELL_PAYLOAD_BYTES);
  al_cell_header h = {
      .id = t->id,
      .type = AL_CELL_MESSAGE,
      .flags = t->kind,
      .counter = al_cell_fragment(t->total, t->sent),
  };
  al_cell_encode(&h, frame + AL_LINK_CELL_AT);
  memcpy(frame + AL_LINK_PAYLOAD_AT, body + at, len);
  memset(frame + AL_LINK_PAYLOAD_AT + len, 0, AL_CELL_PAYLOAD_BYTES - len);
  seal(ls, s, now, frame);
  al_link_note_tx(ls, s, now, lane != AL_LINK_LANE_RECORDS);
  if (++t->sent == al_message_fragments(t->total)) al_link_dequeue(ls, s, lane);
}

static void handshake(al_links *ls, al_link_session *s, al_time now, uint8_t *frame) {
  uint32_t slot = s->out[AL_LINK_LANE_OWN].head;
  al_link_slot *t = al_link_slot_at(ls, slot);
  al_handshake_encode(frame, (al_handshake_type)t->kind,
                      al_view(al_link_slot_body(ls, slot), t->total), t->sent, ls->cfg.rng);
  (void)now;
  if (++s->frames_tx == 0) s->tx_high++;
  if (++t->sent == al_handshake_frames(t->total)) al_link_dequeue(ls, s, AL_LINK_LANE_OWN);
}

/* ---- which frame is next ---- */

static void close_frame(al_links *ls, al_link_session *s, al_time now, uint8_t *frame) {
  al_cell_header h = {.type = AL_CELL_CLOSE, .flags = s->close_code};
  own_cell(&h, 0, frame);
  seal(ls, s, now, frame);
  al_link_end(ls, s);
  al_link_close_at(s, now + AL_LINK_CLOSE_US);
  al_link_arm_all(ls, s);
}

/* PONG, PING or PADDING, if one is due: how long the frame is. */
static size_t rt_frame(al_links *ls, al_link_session *s, al_time now, uint8_t *frame) {
  al_cell_header h = {.type = AL_CELL_PADDING};
  uint64_t value = 0;
  bool small = false;
  if (s->pong_due) {
    h.type = AL_CELL_PONG;
    value = s->pong;
    small = s->pong_short;
    s->pong_due = false;
  } else if (s->pings_due != 0) {
    h.type = AL_CELL_PING;
    value = al_link_ping_sent(ls, s, now);
    small = s->ping_short;
    s->pings_due--;
  } else if (!s->pad_due) {
    return 0;
  }
  if (small) {
    al_store_u64(frame + AL_LINK_CELL_AT, h.type);
    al_store_u64(frame + AL_LINK_CELL_AT + 8, value);
  } else {
    own_cell(&h, value, frame);
  }
  size_t len = small ? AL_LINK_SHORT_BYTES : AL_FRAME_BYTES;
  seal_bytes(ls, s, now, frame, len);
  al_link_note_tx(ls, s, now, false);
  return len;
}

static bool own_lane(al_links *ls, al_link_session *s, al_time now, uint8_t *frame) {
  if (s->rekey_due) al_link_rekey_ask(ls, s, now);
  uint32_t slot = s->out[AL_LINK_LANE_OWN].head;
  if (slot == 0) return false;
  if (al_link_slot_at(ls, slot)->use == AL_LINK_USE_SHAKE)
    handshake(ls, s, now, frame);
  else
    fragment(ls, s, now, AL_LINK_LANE_OWN, frame);
  return true;
}

size_t al_link_next(al_links *ls, al_link link, al_time now, uint8_t frame[AL_FRAME_BYTES],
                    al_channel *ch) {
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || s->state == AL_LINK_CLOSING) return 0;
  al_links_clock(ls, now);
  *ch = AL_CHANNEL_BULK;
  if (s->state != AL_LINK_OPEN) return own_lane(ls, s, now, frame) ? AL_FRAME_BYTES : 0;
  if (s->close_due) {
    close_frame(ls, s, now, frame);
    return AL_FRAME_BYTES;
  }
  size_t len = rt_frame(ls, s, now, frame);
  if (len != 0) {
    *ch = AL_CHANNEL_RT;
    return len;
  }
  if (own_lane(ls, s, now, frame)) return AL_FRAME_BYTES;
  for (al_link_lane lane = AL_LINK_LANE_SPHINX; lane < AL_LINK_LANES; lane++) {
    if (s->out[lane].head == 0) continue;
    fragment(ls, s, now, lane, frame);
    return AL_FRAME_BYTES;
  }
  return 0;
}
