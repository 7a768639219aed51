/* assert.h — AL_ASSERT: our own bugs, found at the place where they happen, in release too. Layer
 * 0. */
#ifndef AL_BASE_ASSERT_H
#define AL_BASE_ASSERT_H

/* al_assert_failed — what the host does when the core has found a bug in itself. The core has no
 * way to print or to end: each program supplies this function (tests/support/assert_host.c is one).
 *   expr   the condition that was false                                        [static string]
 *   file   source file, line  its line
 * Result: none: it does not return.   Cost: the program.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_assert. */
_Noreturn void al_assert_failed(const char *expr, const char *file, int line);

/* AL_ASSERT — the condition is true unless this program has a bug. Never for what a peer can cause.
 */
#define AL_ASSERT(cond) ((cond) ? (void)0 : al_assert_failed(#cond, __FILE__, __LINE__))

#endif
