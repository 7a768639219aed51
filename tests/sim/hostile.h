/* hostile.h — a neighbour that keeps the rules of links just as far as it likes: it has the link
 * and circuit modules of the core, so that what it sends is authentic, and no core to keep it
 * honest. Lives at a node's place in a world. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "circuit/circuit.h"
#include "link/link.h"
#include "sphinx/sphinx.h"
#include "world.h"

/* How it carries other nodes' circuits, if it does. Cells only; set-up is always honest. */
typedef enum hostile_mischief {
  HOSTILE_NO_RELAY = 0,
  HOSTILE_FAITHFUL,
  HOSTILE_DROP_ALL,
  HOSTILE_DROP_SOME, /* every 20th */
  HOSTILE_ALTER,     /* every 20th */
  HOSTILE_REPEAT,    /* every cell once more */
  HOSTILE_SWAP,      /* neighbours change places */
} hostile_mischief;

typedef struct hostile {
  world *w;
  uint32_t node;
  const al_suite *suite;
  al_alloc alloc;
  al_rng rng;
  al_counters counters;
  al_identity identity;
  al_keyring keys;
  uint8_t root[32];
  uint8_t onion_seed[2][32], onion_pk[2][AL_KEM_PK_BYTES], onion_sk[2][AL_KEM_SK_BYTES];
  al_desc fields; /* of its descriptor: change them, then hostile_describe */
  uint8_t record[AL_DESC_BYTES_MAX];
  al_bytes descriptor;
  al_links links;
  al_circuits circuits;
  al_link link; /* the last that came up */
  al_bytes secret;

  /* what it does */
  bool silent; /* sends nothing by itself any more, not even PONG */
  hostile_mischief mischief;
  al_bytes answers[8]; /* records given for every WANT, whoever was asked for */
  uint32_t answers_count;
  void (*on_dht)(struct hostile *h, al_link link, al_bytes message); /* NULL, or a lie to tell */
  void *ctx;

  /* what it heard */
  uint32_t ups, downs, closes, destroys, created, messages[8], delivered;
  al_down_reason down_why;
  al_reason destroy_why, circuit_why;
  al_circ opened;
  uint8_t payload[AL_RELAY_BYTES]; /* of the last relay payload */
  uint8_t resume_op;               /* of the last RESUME among them */
  uint32_t relayed;
  uint8_t swap[AL_CELL_BYTES]; /* a cell kept back ... */
  al_link swap_link;           /* ... for this link */
} hostile;

/* Take the place of a node; its keys follow from its place. */
void hostile_start(hostile *h, world *w, uint32_t node, al_bytes secret);
void hostile_stop(hostile *h);
/* Sign `fields` anew. */
void hostile_describe(hostile *h);
/* Dial a node, run the world until the link is up or five seconds passed. */
bool hostile_dial(hostile *h, uint32_t victim);
/* An authentic frame with any cell; its header may be anything. */
void hostile_cell(hostile *h, uint32_t victim, const uint8_t cell[AL_CELL_BYTES]);
/* Send what its link module has queued. */
void hostile_pump(hostile *h, al_link link);
/* A cell with this header and payload (padded with zeros). */
void hostile_send(hostile *h, uint32_t victim, const uint8_t header[AL_CELL_HEADER_BYTES],
                  al_bytes payload);
/* A message of any kind and length, in as many fragments as it takes. */
void hostile_message(hostile *h, uint32_t victim, uint8_t kind, uint32_t id, al_bytes bytes);
/* A set-up packet over these nodes, not sent; result: its circuit, and its id on the link. */
al_circ hostile_packet(hostile *h, const uint32_t *hops, uint8_t count, uint8_t *packet,
                       uint32_t *ret_id);
/* A circuit over these nodes; runs the world for up to five seconds. 0: refused. */
al_circ hostile_circuit(hostile *h, uint32_t victim, const uint32_t *hops, uint8_t count);
/* A relay payload of any content to the last hop. */
void hostile_relay(hostile *h, uint32_t victim, al_circ circ, uint8_t hops, al_bytes payload);
/* The cell of such a payload, not sent. */
void hostile_relay_cell(hostile *h, al_circ circ, uint8_t hops, al_bytes payload, uint8_t *cell);

#endif
