/* dht.h — the messages of the DHT between neighbours: STATE, QUERY, ACK, ANSWER (PROTOCOL.md 7.2).
 * Layer 1. */
#ifndef AL_WIRE_DHT_H
#define AL_WIRE_DHT_H

#include "allium/allium.h"
#include "base/cursor.h"

enum {
  AL_DHT_STATE_BYTES = 4,
  AL_DHT_ACK_BYTES = 12,
  AL_DHT_QUERY_BYTES = 48,  /* in front of its payload */
  AL_DHT_ANSWER_BYTES = 16, /* in front of its entries */
  AL_DHT_ENTRIES_MAX = 16,
  AL_DHT_PATHS_MAX = 4,
  AL_DHT_TTL_MAX = 32,
  AL_DHT_PAYLOAD_BYTES_MAX = 14464, /* leaves an answer room for AL_DHT_ENTRIES_MAX entries */
};

/* al_dht_type — first byte of a message. */
typedef enum al_dht_type {
  AL_DHT_STATE = 1,
  AL_DHT_QUERY = 2,
  AL_DHT_ACK = 3,
  AL_DHT_ANSWER = 4,
} al_dht_type;

/* Flag of a STATE: the sender routes queries. */
enum { AL_DHT_STATE_CONTACT = 1 };

/* al_dht_op — what a query asks of the node that is closest to its target. */
typedef enum al_dht_op {
  AL_DHT_FIND = 1,       /* its name, address and closest neighbours */
  AL_DHT_GET = 2,        /* a record; whoever holds it on the way may answer */
  AL_DHT_PUT = 3,        /* to keep the record in the payload */
  AL_DHT_DESCRIPTOR = 4, /* the descriptor of the node `target`; likewise */
} al_dht_op;

/* Flags of a query: answer from your own table, do not pass it on; only the node whose ID is the
 * target is meant (another one says that it is not there); FIND: the answer must be signed. */
enum { AL_DHT_LOCAL = 1, AL_DHT_EXACT = 2, AL_DHT_SIGNED = 4 };

/* al_dht_ack — what becomes of a query at the next node. */
typedef enum al_dht_ack {
  AL_DHT_TAKEN = 0,
  AL_DHT_BUSY = 1,   /* no room */
  AL_DHT_SEEN = 2,   /* this query came here before, on this path or another */
  AL_DHT_STUCK = 3,  /* nobody closer answers, and this node is not close */
  AL_DHT_TOO_FAR = 4 /* ttl used up */
} al_dht_ack;

/* al_dht_status — what came of a query. */
typedef enum al_dht_status {
  AL_DHT_CLOSEST = 0, /* FIND: here I am; others: it is not here */
  AL_DHT_FOUND = 1,   /* the payload is what was asked for */
  AL_DHT_STORED = 2,
  AL_DHT_REFUSED = 3, /* the payload says why */
} al_dht_status;

/* al_dht_entry — a node that an answer names. */
typedef struct al_dht_entry {
  al_id id;
  al_bytes address; /* record of PROTOCOL.md 3.2, or empty: not known there */
} al_dht_entry;

/* al_dht_message — a decoded message; views lead into the bytes that were decoded. */
typedef struct al_dht_message {
  al_dht_type type;
  uint8_t flags;    /* STATE, QUERY */
  uint8_t op;       /* QUERY: al_dht_op */
  uint8_t code;     /* ACK: al_dht_ack; ANSWER: al_dht_status */
  uint8_t ttl;      /* QUERY: how many more nodes may pass it on */
  uint8_t path;     /* all but STATE: which of the paths of one lookup */
  uint8_t hops;     /* ANSWER: nodes that have passed the answer back */
  uint8_t count;    /* ANSWER: entries, the answerer first */
  uint64_t query;   /* all but STATE: number of the lookup */
  al_id target;     /* QUERY */
  al_bytes entries; /* ANSWER: al_dht_next_entry reads them */
  al_bytes payload; /* QUERY, ANSWER */
} al_dht_message;

/* al_dht_decode — read a message of kind DHT.
 *   bytes   borrowed: ret points into it
 *   ret     written on success                                                         [out]
 * Result: AL_OK, or AL_EPARSE for anything that al_dht_encode would not have written.
 * Cost:   one pass over the entries.
 * Source: PROTOCOL.md 7.2.   Tested: unit/wire_dht, vectors (dht), fuzz/dht. */
al_err al_dht_decode(al_bytes bytes, al_dht_message *ret);

/* al_dht_next_entry — the next entry of an answer.
 *   r     begins as al_rd_init(m->entries)                                             [in/out]
 *   ret   written when true                                                            [out]
 * Result: false at the end.   Cost: constant.
 * Source: PROTOCOL.md 7.2.   Tested: unit/wire_dht, fuzz/dht. */
bool al_dht_next_entry(al_rd *r, al_dht_entry *ret);

/* al_dht_encode — write a whole message; of an answer `entries` is copied as it is (made by
 * al_dht_put_entry).
 *   m   fields that al_dht_decode accepts                                              [asserted]
 *   w   appended to                                                                    [in/out]
 * Result: none; the cursor is bad when it does not fit.   Cost: one copy.
 * Source: PROTOCOL.md 7.2.   Tested: unit/wire_dht, vectors (dht), fuzz/dht. */
void al_dht_encode(const al_dht_message *m, al_wr *w);

/* al_dht_put_entry — append one entry to what is to become `entries` of an answer.
 *   w   appended to                                                                    [in/out]
 * Result: none; the cursor is bad when it does not fit.   Cost: one copy.
 * Source: PROTOCOL.md 7.2.   Tested: unit/wire_dht. */
void al_dht_put_entry(al_wr *w, const al_id *id, al_bytes address);

/* Where the bytes are that a node changes when it passes a message on: the TTL of a QUERY, the
 * hops of an ANSWER. */
enum { AL_DHT_TTL_AT = 3, AL_DHT_HOPS_AT = 3 };

#endif
