/* channel.c — see channel.h.
 * The window is what the network holds (the congestion window) plus a reserve of unsent bytes that
 * keeps it full between two turns of the main loop: what leaves in 10 ms, at least 32 KiB, at most
 * unsent_max. So the queue in front of the network adds about 10 ms of delay. */
#include "channel.h"

#include <string.h>

enum {
  PPID_DCEP = 50,
  PPID_BINARY = 53,
  DCEP_ACK = 2,
  DCEP_OPEN = 3,
  DCEP_OPEN_BYTES = 12,
  RESERVE_MIN = 32 << 10,
  RESERVE_MS = 10,
  BUFFER_SLACK = 64 << 10, /* usrsctp's own accounting, and real-time messages above the credit */
  RT_BYTES = 16 << 10,     /* real-time messages may exceed the window by this much */
};

void al_channels_init(al_channels *c, al_sctp *s, uint32_t unsent_max, uint32_t buffer_bytes) {
  memset(c, 0, sizeof *c);
  c->sctp = s;
  c->stream[AL_CHANNEL_BULK] = 0;
  c->stream[AL_CHANNEL_RT] = 1;
  c->unsent_max = MAX(unsent_max, (uint32_t)RESERVE_MIN);
  c->buffer_bytes = buffer_bytes;
}

/* A browser that opens the channels in band names them; what it says of reliability is its own
 * side's business, ours is fixed by the channel. */
static al_channel_verdict on_open(al_channels *c, uint16_t stream, al_bytes m) {
  if (m.len < DCEP_OPEN_BYTES) return AL_CHANNEL_BAD;
  size_t label = (size_t)(m.ptr[8] << 8 | m.ptr[9]),
         protocol = (size_t)(m.ptr[10] << 8 | m.ptr[11]);
  const uint8_t *name = m.ptr + DCEP_OPEN_BYTES;
  uint8_t ack = DCEP_ACK;
  if (m.len != DCEP_OPEN_BYTES + label + protocol) return AL_CHANNEL_BAD;
  if (label == 4 && memcmp(name, "bulk", 4) == 0)
    c->stream[AL_CHANNEL_BULK] = stream;
  else if (label == 2 && memcmp(name, "rt", 2) == 0)
    c->stream[AL_CHANNEL_RT] = stream;
  else
    return AL_CHANNEL_BAD;
  al_sctp_message answer = {.stream = stream, .ppid = PPID_DCEP, .data = {&ack, 1}};
  return al_sctp_send(c->sctp, &answer) == AL_OK ? AL_CHANNEL_DONE : AL_CHANNEL_BAD;
}

al_channel_verdict al_channels_rx(al_channels *c, uint16_t stream, uint32_t ppid, al_bytes m) {
  if (ppid == PPID_DCEP) {
    if (m.len == 1 && m.ptr[0] == DCEP_ACK) return AL_CHANNEL_DONE;
    return m.len && m.ptr[0] == DCEP_OPEN ? on_open(c, stream, m) : AL_CHANNEL_BAD;
  }
  if (ppid != PPID_BINARY || m.len == 0 || m.len > AL_FRAME_BYTES) return AL_CHANNEL_BAD;
  if (stream != c->stream[AL_CHANNEL_BULK] && stream != c->stream[AL_CHANNEL_RT])
    return AL_CHANNEL_BAD;
  return AL_CHANNEL_FRAME;
}

static void look(al_channels *c) {
  al_sctp_path_info path;
  uint32_t buffered = al_sctp_buffered(c->sctp);
  al_sctp_path(c->sctp, &path);
  uint64_t reserve = path.rate * RESERVE_MS / 1000;
  reserve = CLAMP(reserve, (uint64_t)RESERVE_MIN, c->unsent_max);
  uint64_t window = MIN(path.cwnd + reserve, (uint64_t)c->buffer_bytes - BUFFER_SLACK);
  c->window = (uint32_t)window;
  c->level = window > buffered ? (uint32_t)(window - buffered) : 0;
  c->step = (uint32_t)reserve / 4;
}

al_err al_channels_send(al_channels *c, al_channel channel, al_bytes frame, bool *ret_dropped) {
  al_sctp_message m = {.stream = c->stream[channel],
                       .ppid = PPID_BINARY,
                       .unordered = true,
                       .fleeting = channel == AL_CHANNEL_RT,
                       .data = frame};
  *ret_dropped = false;
  if (channel == AL_CHANNEL_RT && al_sctp_buffered(c->sctp) > c->window + RT_BYTES) {
    *ret_dropped = true; /* late news is no news */
    return AL_OK;
  }
  if (channel == AL_CHANNEL_BULK && frame.len > c->granted) return AL_EAGAIN;
  al_err e = al_sctp_send(c->sctp, &m);
  if (channel == AL_CHANNEL_BULK) {
    if (e == AL_OK) c->granted -= (uint32_t)frame.len;
    return e;
  }
  if (e != AL_EAGAIN) return e;
  *ret_dropped = true;
  return AL_OK;
}

bool al_channels_credit(al_channels *c, uint32_t *ret_level) {
  look(c);
  if (c->level < c->granted || c->level - c->granted < MAX(c->step, (uint32_t)AL_FRAME_BYTES))
    return false;
  *ret_level = c->granted = c->level;
  return true;
}
