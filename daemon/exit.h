/* exit.h — the last hop's work: connect to the targets that others ask for, as far as the policy
 * accepts them. Names are resolved here, and every address they lead to is held against the policy.
 */
#ifndef AL_DAEMON_EXIT_H
#define AL_DAEMON_EXIT_H

#include "pipe.h"
#include "policy.h"

typedef struct al_exit al_exit;

/* al_exit_info — for metrics. */
typedef struct al_exit_info {
  uint32_t open; /* targets connected or being connected */
  uint64_t requested, refused, unreachable, connected;
} al_exit_info;

/* al_exit_patience — how long a target may take. */
typedef struct al_exit_patience {
  guint total_ms; /* name and all addresses: 15000 */
  guint each_ms;  /* one address, when there are more: 5000 */
} al_exit_patience;

/* al_exit_new — an exit; with an empty policy it refuses everything.
 *   Result: never NULL.   Cost: none.   Source: none.   Tested: unit/daemon_exit. */
al_exit *al_exit_new(al_pipes *pipes, const al_policy *policy, const al_exit_patience *patience);

/* al_exit_set_policy — for requests from now on.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_exit. */
void al_exit_set_policy(al_exit *x, const al_policy *policy);

/* al_exit_request — AL_EV_STREAM_REQUEST: somebody asks for a target.
 *   Result: none; al_stream_accept or al_stream_reset follows, now or later.
 *   Cost:   a connect, or a resolver's question.   Source: PROTOCOL.md 8.4.
 *   Tested: unit/daemon_exit, e2e. */
void al_exit_request(al_exit *x, al_stream stream, const al_target *target);

/* al_exit_connect — the same for a target that the owner exposed: no policy applies.
 *   Result: none; al_stream_accept or al_stream_reset follows, now or later.
 *   Cost:   a connect, or a resolver's question.   Source: PROTOCOL.md 9.
 *   Tested: e2e/test_service. */
void al_exit_connect(al_exit *x, al_stream stream, const al_target *target);

/* al_exit_stop — refuse new requests with AL_REASON_SHUTDOWN.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_exit. */
void al_exit_stop(al_exit *x);

/* al_exit_free — end everything at once; NULL is allowed.
 *   Result: none.   Cost: O(connections).   Source: none.   Tested: unit/daemon_exit. */
void al_exit_free(al_exit *x);

/* al_exit_inspect — the figures.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_exit. */
void al_exit_inspect(const al_exit *x, al_exit_info *ret);

#endif
