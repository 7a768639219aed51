/* policy.h — the exit policy: which targets this node opens connections to. Text form:
 *   accept 127.0.0.1:8080, accept 10.0.0.0/8:80-443, accept [2001:db8::]/32:*, accept *:443, reject
 * *:* The first rule that matches decides; what no rule accepts is refused. */
#ifndef AL_DAEMON_POLICY_H
#define AL_DAEMON_POLICY_H

#include <glib.h>

#include "allium/allium.h"

/* al_policy — the rules as the core publishes them, and those among them that may decide about an
 * address inside somebody's own network (see al_policy_accepts). */
typedef struct al_policy {
  uint32_t count, named_count; /* count 0: not an exit */
  al_exit_rule rules[AL_EXIT_RULES_MAX];
  al_exit_rule named[AL_EXIT_RULES_MAX];
} al_policy;

/* al_policy_parse — text to rules; NULL and "" mean "not an exit".
 *   err  names the rule and what is wrong with it                                        [out]
 * Result: false and err (AL_EXIT_CONFIG).   Cost: O(text).   Source: PROTOCOL.md 3.4.
 * Tested: unit/daemon_policy. */
bool al_policy_parse(const char *text, al_policy *ret, GError **err);

/* al_policy_text — rules as text, to be freed with g_free.
 *   Result: never NULL.   Cost: O(rules).   Source: PROTOCOL.md 3.4.   Tested: unit/daemon_policy.
 */
char *al_policy_text(const al_exit_rule *rules, size_t count);

/* al_policy_accepts — may this node connect to an address? `accept *` speaks of the public Internet
 * only: a loopback, private, link-local, multicast or reserved address needs a rule that names its
 * range. The unspecified addresses (0.0.0.0, ::), which mean this host, are never accepted. An IPv4
 * address inside IPv6 must have been unwrapped (al_endpoint_parse). A name is accepted when some
 * rule may accept what it resolves to. Result: accepted.   Cost: O(rules).   Source: RFC 6890.
 * Tested: unit/daemon_policy. */
bool al_policy_accepts(const al_policy *p, const al_target *t);

/* al_policy_is_special — is an address outside the public Internet?
 *   Result: true for the ranges named above.   Cost: O(ranges).   Source: RFC 6890.
 *   Tested: unit/daemon_policy. */
bool al_policy_is_special(const al_target *t);

#endif
