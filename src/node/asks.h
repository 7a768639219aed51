/* asks.h — what the state of a node holds of the DHT's records: see records.h. Layer 4, private. */
#ifndef AL_NODE_ASKS_H
#define AL_NODE_ASKS_H

#include "node/bounds.h"
#include "allium/al_dht.h"
#include "dht/dht.h"
#include "dht/records.h"
#include "stream/stream.h"
#include "wire/ask.h"

/* node_inner_out — bytes that wait to be written to a stream; allocated by its owner. */
typedef struct node_inner_out {
  const uint8_t *ptr;
  uint32_t len, sent;
  bool fin; /* shut the stream behind them */
} node_inner_out;

enum {
  AL_NODE_ASKS_MAX = 32,        /* of the host and for others, under way at a time */
  AL_NODE_ASKS_SERVED_MAX = 16, /* ... of these for others */
  AL_NODE_ASK_US = 30000000,    /* one ends after this at the latest */
  AL_NODE_ASK_NODES = 8,        /* nodes that keep a record at a place: the closest ones */
  AL_NODE_ASK_CANDIDATES = 16,  /* closest ones that were named, the false ones among them ... */
  AL_NODE_ASK_CROWD = 6,        /* ... of which so many nearer than nodes usually are */
  AL_NODE_ASK_QUICK = 4,        /* those of a place asked for a record before it is looked up */
  AL_NODE_ASK_RUNS = 6,         /* asked at a time */
  AL_NODE_ASK_QUORUM = 3,       /* answers wanted for a record that can change */
  AL_NODE_ASK_TRIES = 2,        /* circuits tried */
  AL_NODE_ASK_PATHS = 3,        /* disjoint paths of a lookup */
  AL_NODE_FAR_CLOSER = 16,      /* with so many closer contacts a record is for others */
  AL_NODE_LOOKUP_RECORD = 16,   /* al_dht_ask.user of lookups for records */
  AL_NODE_PUTS_PER_S = 8,       /* records taken from one neighbour; four seconds' worth at once */
  AL_NODE_ELSEWHERE = 8,        /* one upkeep of so many goes to any place of a record */
  AL_NODE_HANDS_MAX = 4,        /* neighbours that came and were not brought records yet */
  AL_NODE_BRIEF_US = 20000000,  /* a circuit for questions is given up so long after the last */
};

/* node_ask_owner — whose question it is. */
typedef enum node_ask_owner {
  ASK_HOST = 1,
  ASK_SERVED,  /* somebody at the end of a circuit */
  ASK_SERVICE, /* desc.c: a record of a service */
  ASK_UPKEEP,  /* a record that is brought to the closest nodes again */
  ASK_HAND,    /* ... to one that came */
} node_ask_owner;

typedef enum node_ask_stage {
  ASK_IDLE = 0, /* the upkeep's own, between two records */
  ASK_READING,  /* served: the request is not whole */
  ASK_GETTING,  /* whoever has it on the way to its places */
  ASK_FINDING,  /* the closest nodes of its places are looked up */
  ASK_NAMING,   /* the descriptor of a node is looked for */
  ASK_ASKING,   /* they are asked one by one */
  ASK_CIRCUIT,  /* somebody else does all that */
  ASK_WRITING,  /* served: the answer goes out */
  ASK_DONE,     /* told; forgotten with the next input */
} node_ask_stage;

/* One lookup of a question. */
typedef struct node_run {
  uint32_t lookup;      /* 0: none */
  uint8_t place, which; /* of its best */
} node_run;

/* A place where a record is kept, and the nodes closest to it. */
typedef struct node_ask_place {
  al_id at;
  uint8_t count, next;
  bool begun; /* its lookup is under way, or over */
  al_id best[AL_NODE_ASK_CANDIDATES];
  uint8_t verdict[AL_NODE_ASK_CANDIDATES];
} node_ask_place;

/* A question under way. */
typedef struct node_ask {
  struct node_ask *next;
  uint32_t serial;
  uint32_t token; /* SERVICE: whose it is */
  bool heard;     /* SERVICE: the answer was taken */
  node_ask_owner owner;
  node_ask_stage stage;
  al_record_op op;
  al_record_status status;
  bool direct;
  bool found_nodes;               /* the closest nodes were looked up: there is no other way left */
  uint8_t quorum, tries, waiting; /* waiting: no lookup was free */
  uint8_t places;                 /* in use */
  uint8_t answers, hops;
  al_id key;
  al_id from[AL_ASK_QUORUM_MAX]; /* who answered, and at which place */
  uint8_t from_count, from_place[AL_ASK_QUORUM_MAX];
  node_ask_place place[AL_RECORD_PLACES];
  node_run run[AL_NODE_ASK_RUNS];
  al_stream stream;
  node_inner_out out;
  al_time started, deadline;
  uint32_t lifetime_s, bytes_len, bytes_max, found_len;
  uint64_t found_sequence;
  uint8_t *bytes; /* the request; lifetime and record are its end */
  uint8_t *found; /* AL_ASK_REPLY_BYTES_MAX: lifetime and record; or what comes over the stream */
  al_record_answer told;
} node_ask;

/* A neighbour that came. */
typedef struct node_hand {
  al_link link;
  uint32_t cursor;
} node_hand;

/* A query that concerns records. */
typedef struct node_record_query {
  const al_dht_message *query;
  al_link from; /* 0: the node itself asks */
  bool here;    /* nobody else is to be asked any more */
} node_record_query;

/* What a node has of it all. */
typedef struct node_records {
  al_records store;
  node_ask *asks;
  node_ask *upkeep; /* brings one record at a time; its memory comes with the store's */
  uint32_t asks_count, served_count, serial, hands_count;
  node_hand hands[AL_NODE_HANDS_MAX];
} node_records;

#endif
