/* upkeep.h — circuits that nobody uses any more, and the secret that lets a circuit's successor
 * carry on what it carried. Layer 3. */
#ifndef AL_CIRCUIT_UPKEEP_H
#define AL_CIRCUIT_UPKEEP_H

#include "circuit/circuit.h"

/* al_circuit_sweeping — where a sweep is. */
typedef struct al_circuit_sweeping {
  uint32_t cursor; /* where the last call stopped; 0 at first, and when it went once round */
  uint32_t looks;  /* circuits that may still be looked at */
  uint64_t idle_us;
} al_circuit_sweeping;

/* al_circuit_sweep — look at the circuits of others, some at a call: one whose cells did not move
 * for idle_us is ended, reason TIMEOUT. Its origin lets none be silent for so long (PROTOCOL.md
 * 6.5).
 *   at     cursor and looks are advanced                                                [in/out]
 *   gone   written when true                                                            [out]
 * Result: whether a circuit was ended (counted: circuit_idle): call again.
 * Cost:   the circuits looked at.   Source: PROTOCOL.md 6.5.   Tested: unit/circuit_upkeep. */
bool al_circuit_sweep(al_circuits *cs, al_time now, al_circuit_sweeping *at, al_circuit_gone *gone);

/* al_circuit_resume_secret — what origin and end of an open circuit share for PROTOCOL.md 8.7.
 *   ret   32 bytes, written when true                                                   [out]
 * Result: false for a dead handle, a circuit that is not open, and a relay.
 * Cost:   one copy.   Source: PROTOCOL.md 6.1.   Tested: unit/circuit_upkeep. */
bool al_circuit_resume_secret(const al_circuits *cs, al_circ circ, uint8_t ret[32]);

/* al_circuit_speaks_on — the link on which cells that this node originates on a circuit leave.
 *   Result: 0 for a dead handle and for a relay.   Cost: O(1).   Source: PROTOCOL.md 6.3.
 *   Tested: unit/circuit_upkeep. */
al_link al_circuit_speaks_on(const al_circuits *cs, al_circ circ);

#endif
