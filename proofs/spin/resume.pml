/* resume.pml — circuits die, others join the bundle (PROTOCOL.md 6.5, 8.6, 8.7). An end sends the
 * items 0..ITEMS-1 to an origin. A circuit's cells may overtake each other; when it dies all that is
 * under way is lost, and either side hears of it late.
 *
 * Claims, for every order of events:
 *   assertions      the end never takes for arrived what the origin has not (nothing is lost), the
 *                   origin takes items in order, once each, and only circuits on which the origin
 *                   itself said JOIN carry the bundle;
 *   no dead end     nothing is left to happen only when all items are there or both sides have given
 *                   the streams up, and neither side keeps a circuit.
 * BUG_EARLY, BUG_UNBOUND and BUG_FORGET break one of them each: tools/verify sees them fail. */
#define ITEMS 2
#define CIRCUITS 2
#ifndef BUILDS
#define BUILDS 2 /* circuits built besides the first */
#endif
#define ROOM 2   /* cells under way in one direction of a circuit; more are dropped by a queue */

mtype = { JOIN, JOINED, REFUSED, DATA, ACK, DESTROY };

/* What a side knows of a circuit. ASKING at the end: fresh, with an empty bundle of its own. */
#define NONE 0
#define ASKING 1
#define CARRIES 2

chan fwd[CIRCUITS] = [ROOM] of { mtype, byte };
chan bwd[CIRCUITS] = [ROOM] of { mtype, byte };
byte o[CIRCUITS], e[CIRCUITS];
bool alive[CIRCUITS];   /* the relays between them still carry it */
bool asked[CIRCUITS];   /* the origin has said JOIN on this very circuit */
byte taken;             /* items the origin has passed on, in order */
byte una;               /* items the end holds for arrived */
byte builds;
bool o_gone, e_gone;    /* the streams are given up */
bool begun;

#define finished (taken == ITEMS && una == ITEMS)
#define o_over (o_gone || finished)
#define e_over (e_gone || finished)

inline say(ch, what, n) {
  if
  :: nfull(ch) -> ch!what(n)
  :: full(ch) -> skip
  fi
}

inline drop_all(ch) {
  do
  :: nempty(ch) -> ch?_, _
  :: empty(ch) -> break
  od
}

inline cut(c) {
  alive[c] = false;
  drop_all(fwd[c]);
  drop_all(bwd[c])
}

active proctype Killer() {
  byte c;
  begun;
  do
  :: atomic { alive[0] && builds < BUILDS -> c = 0; cut(c) }
  :: atomic { alive[1] && builds < BUILDS -> c = 1; cut(c) }
  :: builds == BUILDS -> break /* the last circuits live: else nothing could be claimed */
  :: o_over && e_over -> break
  od
}

/* ---- the origin: builds circuits, asks to join, takes items ---- */

inline o_data(c, n) {
  if
#ifdef BUG_EARLY /* what overtakes JOINED counts for the circuit's own, empty bundle */
  :: o[c] == ASKING -> say(fwd[c], ACK, n + 1)
#else
  :: o[c] == ASKING -> skip /* as if lost */
#endif
  :: o[c] == CARRIES ->
    if
    :: n == taken && !o_gone -> taken++
    :: else -> skip
    fi;
    say(fwd[c], ACK, taken)
  :: o[c] == NONE -> skip
  fi
}

inline o_build(c) {
  drop_all(fwd[c]);
  drop_all(bwd[c]);
  builds++;
  alive[c] = true;
  asked[c] = true;
  o[c] = ASKING;
  e[c] = ASKING;
  say(fwd[c], JOIN, 0)
}

inline o_leave(c) { /* DESTROY with reason DONE: heard unless the circuit is dead by then */
  if
  :: alive[c] -> drop_all(fwd[c]); fwd[c]!DESTROY(0)
  :: else -> skip
  fi;
  o[c] = NONE
}

#define o_may_build(c) (!o_over && o[c] == NONE && e[c] == NONE && !alive[c] && \
                        o[1 - c] != ASKING && builds < BUILDS)

#define ORIGIN(c) \
  :: atomic { bwd[c]??JOINED(n) -> if :: o[c] == ASKING -> o[c] = CARRIES :: else -> skip fi } \
  :: atomic { bwd[c]??REFUSED(n) -> o_refused(c) } \
  :: atomic { bwd[c]??DATA(n) -> o_data(c, n) } \
  :: atomic { bwd[c]??DESTROY(n) -> o[c] = NONE; cut(c) } \
  :: atomic { !alive[c] && o[c] != NONE -> o[c] = NONE } /* DESTROY of a neighbour, or silence */ \
  :: atomic { o_may_build(c) -> o_build(c) } \
  :: atomic { o[c] == ASKING && alive[c] && nfull(fwd[c]) && !o_over -> say(fwd[c], JOIN, 0) } \
  :: atomic { o_over && o[c] != NONE && !(FORGETS && c == 1) -> o_leave(c) } \
  :: atomic { o_over && o[c] != NONE && FORGETS && c == 1 -> o[c] = NONE }

#ifdef BUG_FORGET /* it forgets the one that stands by */
#define FORGETS true
#else
#define FORGETS false
#endif

inline o_refused(c) {
  if
  :: o[c] == ASKING -> o_leave(c); o_gone = (o[1 - c] != CARRIES || o_gone)
  :: else -> skip
  fi
}

active proctype Origin() {
  byte n;
  begun;
  do
  ORIGIN(0)
  ORIGIN(1)
  :: atomic { !o_over && o[0] == NONE && o[1] == NONE && builds == BUILDS -> o_gone = true }
  :: o_over && o[0] == NONE && o[1] == NONE -> break
  od
}

/* ---- the end: sends items, answers JOIN, waits a minute for another circuit ---- */

inline e_join(c) {
  if
  :: e[c] == NONE -> skip
  :: e[c] != NONE && e_gone -> say(bwd[c], REFUSED, 0)
  :: e[c] != NONE && !e_gone -> e[c] = CARRIES; say(bwd[c], JOINED, 0)
  fi
}

#define e_detached (e[0] != CARRIES && e[1] != CARRIES)

inline e_destroyed(c) {
  e[c] = NONE;
  cut(c);
  if
  :: e_detached && !finished -> e_gone = true
  :: else -> skip
  fi
}

/* Once over, and when the origin is gone, what is left goes with its link. */
#define END(c) \
  :: atomic { fwd[c]??JOIN(n) -> e_join(c) } \
  :: atomic { fwd[c]??ACK(n) -> \
       if \
       :: e[c] == CARRIES && n > una && n <= ITEMS -> una = n \
       :: else -> skip \
       fi } \
  :: atomic { fwd[c]??DESTROY(n) -> e_destroyed(c) } \
  :: atomic { !alive[c] && e[c] != NONE -> e[c] = NONE } \
  :: atomic { e[c] == CARRIES && alive[c] && !e_over && una < ITEMS && nfull(bwd[c]) -> \
              assert(asked[c]); say(bwd[c], DATA, una) } \
  :: atomic { e[c] == CARRIES && alive[c] && !e_over && una + 1 < ITEMS && nfull(bwd[c]) -> \
              say(bwd[c], DATA, una + 1) }

active proctype End() {
  byte n;
  begun;
  do
  END(0)
  END(1)
#ifdef BUG_UNBOUND /* a tag that is good on every circuit: somebody repeats it on his own */
  :: atomic { e[1] == NONE && !alive[1] && !e_gone && builds == 1 ->
              e[1] = CARRIES; asked[1] = false; alive[1] = true }
#endif
  :: atomic { !e_over && e[0] == NONE && e[1] == NONE && o_over -> e_gone = true } /* a minute */
  :: e_over && o_over && e[0] == NONE && e[1] == NONE -> break
  od
}

init {
  d_step {
    alive[0] = true;
    asked[0] = true;
    o[0] = CARRIES;
    e[0] = CARRIES;
    begun = true
  }
}

/* Whatever happens. */
active proctype Watch() {
  begun;
  do
  :: atomic { una > taken -> assert(false) }
  :: atomic { (e[0] == CARRIES && !asked[0]) || (e[1] == CARRIES && !asked[1]) -> assert(false) }
  :: o_over && e_over && o[0] == NONE && o[1] == NONE && e[0] == NONE && e[1] == NONE -> break
  od
}
