/* rx.c — see link.h: one frame in, one verdict out. */
#include "link/keys.h"

static al_link_verdict drop(al_links *ls, al_counter why) {
  al_count(ls->cfg.counters, why);
  return AL_LINK_DROP;
}

/* The answerer's link is proved by the first data frame that opens. */
static void became_up(al_links *ls, al_link_session *s, al_time now, al_link_in *ret) {
  al_id peer = *al_link_peer_id(ls, s);
  bool named = al_link_name(ls, s, &peer);
  AL_ASSERT(named); /* it has claimed to be that */
  s->state = AL_LINK_OPEN;
  al_link_ping_now(ls, s, now);
  al_link_arm_all(ls, s);
  ret->became_up = true;
  ret->peer = peer;
}

/* A whole message for the caller. */
static al_link_verdict whole(al_links *ls, const al_link_message *m, uint32_t slot,
                             al_link_in *ret) {
  if (slot != 0) al_link_slot_use(ls, slot, AL_LINK_USE_LENT);
  ret->message = *m;
  ret->slot = slot;
  return AL_LINK_MESSAGE;
}

static al_link_verdict message(al_links *ls, al_link_session *s, uint8_t *payload, al_time now,
                               al_link_in *ret) {
  const al_cell_header *h = &ret->cell;
  al_link_part p = {
      .use = AL_LINK_USE_IN,
      .kind = h->flags,
      .id = h->id,
      .total = al_cell_message_total(h),
      .index = al_cell_message_index(h),
      .stride = AL_CELL_PAYLOAD_BYTES,
      .bytes = payload,
  };
  al_link_message m = {(al_message_kind)p.kind, p.id, payload, p.total};
  memset(&ret->cell, 0, sizeof ret->cell);
  if (p.total <= p.stride) return whole(ls, &m, 0, ret); /* it stays in the frame */
  uint32_t slot = 0;
  if (!al_link_assemble(ls, s, &p, now, &slot)) return drop(ls, AL_COUNT_link_slots);
  if (slot == 0) return AL_LINK_NONE;
  m.ptr = al_link_slot_body(ls, slot);
  if (p.kind != AL_MESSAGE_REKEY && p.kind != AL_MESSAGE_REKEYED) return whole(ls, &m, slot, ret);
  bool good = al_link_rekey_rx(ls, s, m.kind, m.ptr, now);
  al_link_slot_drop(ls, slot);
  return good ? AL_LINK_NONE : AL_LINK_DROP;
}

static al_link_verdict cell(al_links *ls, al_link_session *s, uint8_t *payload, al_time now,
                            al_link_in *ret) {
  switch (ret->cell.type) {
    case AL_CELL_CIRCUIT:
    case AL_CELL_CREATED:
    case AL_CELL_DESTROY:
      ret->payload = payload;
      return AL_LINK_CELL;
    case AL_CELL_MESSAGE:
      return message(ls, s, payload, now, ret);
    case AL_CELL_PING:
      s->pong = al_load_u64(payload);
      s->pong_due = true;
      s->pong_short = false;
      return AL_LINK_NONE;
    case AL_CELL_PONG:
      al_link_pong(ls, s, al_load_u64(payload), now);
      return AL_LINK_NONE;
    case AL_CELL_CLOSE:
      ret->code = ret->cell.flags;
      al_link_end(ls, s);
      return AL_LINK_CLOSED;
    default:
      return AL_LINK_NONE; /* PADDING */
  }
}

/* A short frame: type, seven zeros, eight bytes. */
static al_link_verdict short_cell(al_links *ls, al_link_session *s, const uint8_t *plain,
                                  al_time now) {
  uint64_t head = al_load_u64(plain), value = al_load_u64(plain + 8);
  if (head == AL_CELL_PING) {
    s->pong = value;
    s->pong_due = s->pong_short = true;
  } else if (head == AL_CELL_PONG) {
    al_link_pong(ls, s, value, now);
  } else {
    return drop(ls, AL_COUNT_link_parse);
  }
  return AL_LINK_NONE;
}

static al_link_verdict data_rx(al_links *ls, al_link_session *s, al_span frame, al_time now,
                               al_link_in *ret) {
  al_counter why;
  if (!s->have_keys || s->state == AL_LINK_CLOSING) return drop(ls, AL_COUNT_link_state);
  if (!al_link_keys_open(ls, s, now, frame, &why)) return drop(ls, why);
  if (++s->frames_rx == 0) s->rx_high++;
  al_link_note_rx(ls, s, now);
  if (s->state == AL_LINK_SHAKING) became_up(ls, s, now, ret);
  al_link_rekey_check(ls, s, now);
  al_link_verdict v;
  if (frame.len == AL_LINK_SHORT_BYTES) {
    v = short_cell(ls, s, frame.ptr + AL_LINK_CELL_AT, now);
  } else if (al_cell_decode(frame.ptr + AL_LINK_CELL_AT, &ret->cell) == AL_OK) {
    v = cell(ls, s, frame.ptr + AL_LINK_PAYLOAD_AT, now, ret);
  } else {
    v = drop(ls, AL_COUNT_link_parse);
  }
  if (v != AL_LINK_CELL) memset(&ret->cell, 0, sizeof ret->cell);
  if (ret->became_up && (v == AL_LINK_NONE || v == AL_LINK_DROP)) v = AL_LINK_UP;
  return v;
}

al_link_verdict al_link_rx(al_links *ls, al_link link, al_span frame, al_time now,
                           al_link_in *ret) {
  memset(ret, 0, sizeof *ret);
  al_links_clock(ls, now);
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL) return drop(ls, AL_COUNT_link_state);
  if (frame.len != AL_FRAME_BYTES && frame.len != AL_LINK_SHORT_BYTES)
    return drop(ls, AL_COUNT_link_frame_size);
  if (frame.len == AL_FRAME_BYTES && al_handshake_is(frame.ptr))
    return al_link_shake_rx(ls, s, frame.ptr, now, ret);
  return data_rx(ls, s, frame, now, ret);
}
