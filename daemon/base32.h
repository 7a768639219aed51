/* base32.h — RFC 4648 base32 in lower case without padding: node IDs, secrets of addresses, state
 * files. Canonical: one text for one value. */
#ifndef AL_DAEMON_BASE32_H
#define AL_DAEMON_BASE32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the text of n bytes, without the closing zero. */
#define AL_BASE32_LEN(n) (((n)*8 + 4) / 5)

/* al_base32_encode — bytes as text.
 *   out  AL_BASE32_LEN(len) + 1 bytes, closed by a zero                                  [out]
 * Result: none.   Cost: O(len).   Source: RFC 4648 6.   Tested: unit/daemon_address. */
void al_base32_encode(char *out, const uint8_t *in, size_t len);

/* al_base32_decode — text as exactly out_len bytes; upper case is taken too.
 *   text, text_len  need not be closed by a zero                                         [in]
 * Result: false for another length, a foreign character or set spare bits.
 * Cost: O(len).   Source: RFC 4648 6.   Tested: unit/daemon_address. */
bool al_base32_decode(uint8_t *out, size_t out_len, const char *text, size_t text_len);

#endif
