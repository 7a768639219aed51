/* Circuits that carry nothing are ended by those who do not own them; both ends of a circuit share
 * a secret that nobody between them has. */
#include "circuit/upkeep.h"
#include "test_circuit_net.h"

#define IDLE_US (600 * AL_SECOND)

static net n;

static uint32_t sweep(int i, uint32_t looks, uint32_t *cursor) {
  al_circuit_sweeping at = {*cursor, looks, IDLE_US};
  al_circuit_gone gone;
  uint32_t ended = 0;
  while (al_circuit_sweep(&n.node[i].cs, n.now, &at, &gone)) {
    ended++;
    tap_ok(gone.reason == AL_REASON_TIMEOUT, "node %d ends one", i);
    while (al_circuit_gone_next(&n.node[i].cs, &gone) != 0) {
    }
  }
  *cursor = at.cursor;
  return ended;
}

static uint32_t sweep_all(int i) {
  uint32_t cursor = 0;
  return sweep(i, 1000, &cursor);
}

static void test_secret(void) {
  uint8_t a[32], b[32], c[32];
  tap_ok(net_build(&n, 3), "a circuit of three hops");
  tap_ok(al_circuit_resume_secret(&n.node[0].cs, n.node[0].circ, a), "the origin has its secret");
  tap_ok(al_circuit_resume_secret(&n.node[3].cs, n.node[3].circ, b), "its end has it");
  tap_is_mem(a, b, sizeof a, "the same");
  tap_ok(!al_circuit_resume_secret(&n.node[2].cs, n.node[2].circ, c), "a relay has none");
  tap_ok(!al_circuit_resume_secret(&n.node[0].cs, 0, c), "nor no circuit");
  tap_ok(al_circuit_speaks_on(&n.node[0].cs, n.node[0].circ) == NET_NEXT &&
             al_circuit_speaks_on(&n.node[3].cs, n.node[3].circ) == NET_PREV &&
             al_circuit_speaks_on(&n.node[1].cs, n.node[1].circ) == 0,
         "ends speak, relays do not");
}

static void test_sweep(void) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  int at = 1;
  for (int i = 0; i <= 3; i++) tap_is_u64(sweep_all(i), 0, "nothing is old at node %d", i);
  n.now += IDLE_US - 1;
  tap_ok(net_seal(&n, 3, 1, cell), "a cell goes along");
  tap_ok(net_run(&n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER && at == 3, "to the end");
  n.now += 2;
  for (int i = 0; i <= 3; i++) tap_is_u64(sweep_all(i), 0, "that keeps it, node %d", i);
  n.now += IDLE_US;
  tap_is_u64(sweep_all(0), 0, "its origin keeps it");
  for (int i = 1; i <= 3; i++) {
    tap_is_u64(sweep_all(i), 1, "node %d does not", i);
    tap_is_u64(net_counter(&n, i, AL_COUNT_circuit_idle), 1, "circuit_idle");
  }
}

/* A few at a time, all of them in the end. */
static void test_rounds(void) {
  for (int i = 0; i < 10; i++) tap_ok(net_build(&n, 2), "circuit %d", i);
  uint32_t cursor = 0, ended = 0;
  for (int k = 0; k < 20; k++) ended += sweep(2, 3, &cursor);
  n.now += IDLE_US;
  for (int k = 0; k < 3; k++) ended += sweep(2, 3, &cursor);
  tap_ok(ended > 0 && ended <= 9, "three looks at a time (%u)", ended);
  for (int k = 0; k < 20; k++) ended += sweep(2, 3, &cursor);
  tap_is_u64(ended, 10, "all in the end");
}

int main(void) {
  net_init(&n, al_suite_null(), 5);
  net_start_all(&n);
  test_secret();
  test_sweep();
  test_rounds();
  net_clear(&n);
  return tap_done();
}
