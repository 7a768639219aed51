/* bounds.h — how many, how large and for how long, in a node. Layer 4, private. */
#ifndef AL_NODE_BOUNDS_H
#define AL_NODE_BOUNDS_H

enum {
  AL_NODE_ONION_KEYS = 3,       /* previous, current, next */
  AL_NODE_GRACE_S = 3600,       /* an epoch's key is tried this long beyond its end and start */
  AL_NODE_PENDING_LIMIT = 32,   /* set-up packets that wait for a link to the next hop */
  AL_NODE_PENDING_US = 8000000, /* ... at most so long */
  AL_NODE_ORIGINS_LIMIT = 256,  /* own circuits */
  AL_NODE_TRIPS_LIMIT = 384,    /* ... and those for services */
  AL_NODE_ATTEMPTS_MAX = 4,     /* paths tried for one own circuit */
  AL_NODE_CIRCUITS_SPARE = 8,   /* circuits that there is memory for beyond those there are */
  AL_NODE_SPARES = 2,           /* own circuits kept ready */
  AL_NODE_IDLE_US = 600000000,  /* an own circuit without streams is given up after this */
  AL_NODE_HELD_MAX = 32768,     /* cells held for all circuits */
  AL_NODE_PROBE_US = 1000000,   /* one neighbour is probed in so long */
  AL_NODE_ASKED = 3,            /* neighbours asked about one that does not answer */
  AL_NODE_TOLD = 8,             /* ... told that one is dead */
  AL_NODE_DOUBTS_MAX = 4,       /* in doubt at a time that others are asked about */
  AL_NODE_DOUBT_US = 2000000,   /* answers are waited for so long */
  AL_NODE_HELPS_MAX = 8,        /* looked at for others at a time */
  AL_NODE_HELP_US = 500000,     /* ... so long, looked at every ... */
  AL_NODE_HELP_LOOK_US = 50000,
  AL_NODE_RUMOUR_US = 500000,        /* who was heard since needs no PING because of a rumour */
  AL_NODE_DETACHED_US = 60000000,    /* streams wait so long for another circuit */
  AL_NODE_ALIVE_US = 240000000,      /* an own circuit carries something at least this often ... */
  AL_NODE_RELAYED_US = 600000000,    /* ... one of another node that does not is ended */
  AL_NODE_LOOKS = 64,                /* circuits looked at for that in one round of housekeeping */
  AL_NODE_END_LOST_US = 10000000,    /* two circuits on which the end is lost in so long: it is */
  AL_NODE_STANDBY_US = 2000000,      /* streams older than this, or ... */
  AL_NODE_STANDBY_PACKETS = 1000,    /* ... that moved as much, get a second circuit */
  AL_NODE_STANDBY_WAIT_US = 1000000, /* pause after a second circuit failed, doubling ... */
  AL_NODE_STANDBY_WAIT_MAX_US = 60000000, /* ... up to this */
  AL_NODE_JOINS_ASKED = 5,                /* JOINs on one circuit, one a second */
  AL_NODE_PACKETS_LEAN = 256,             /* packet numbers open on a path of a lean node */
  AL_NODE_DIRTY_US = 600000000,  /* no new streams on a circuit this long after its first */
  AL_NODE_LINKS_STEP = 8,        /* room for links grows by so many */
  AL_NODE_LINKS_WANTED = 4,      /* random neighbours that a node chooses by itself */
  AL_NODE_ROTATE_US = 600000000, /* in a large network: another one after so long, on average ... */
  AL_NODE_ROTATE_YOUNG_US = 30000000, /* ... and after this until it has met enough of them */
  AL_NODE_LINGER_US = 120000000, /* a link that nobody wants is closed by its dialler after this */
  AL_NODE_SETTLE_US = 5000000,   /* so long a newcomer has its link however many there are */
  AL_NODE_ROOM_US = 10000000,    /* a link that a neighbour wants gives way once in so long */
  AL_NODE_LOST_MAX = 8,          /* neighbours that are gone and are tried again */
  AL_NODE_LOST_US = 2000000,     /* pause before the first try; doubles up to ... */
  AL_NODE_LOST_MAX_US = 20000000,
  AL_NODE_LOST_TRIES = 4320,     /* a day of them */
  AL_NODE_MISSED_TRIES = 2,      /* until so many of them nobody is led there */
  AL_NODE_DIALS_MAX = 4,         /* dialled by itself at a time */
  AL_NODE_JOINS_MAX = 8,         /* addresses to join through */
  AL_NODE_HOUSE_US = 1000000,    /* period of housekeeping */
  AL_NODE_PUBLISH_S = 43200,     /* a new descriptor at least this often */
  AL_NODE_TAGS_PER_RECORD = 64,  /* replay tags in one stored record */
  AL_NODE_SNAPSHOT_KEY_MAX = 80, /* bytes of a record's key */
  AL_NODE_STALE_MAX = 16,        /* epochs whose old records are cleaned up at one start */
  AL_NODE_REFUSALS_MAX = 64,     /* of set-up packets, waiting to be told to one neighbour */
  AL_NODE_SWEEP = 8,             /* stored peers looked at in one round of housekeeping */
};

/* AL_NODE_PIECES — pieces of a table for so many links. */
#define AL_NODE_PIECES(links) (((links) + AL_NODE_LINKS_STEP - 1u) / AL_NODE_LINKS_STEP)

#endif
