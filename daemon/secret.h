/* secret.h — small files that hold secrets: mode 0600, checked, replaced atomically. */
#ifndef AL_DAEMON_SECRET_H
#define AL_DAEMON_SECRET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* al_secret_load — read a file that al_secret_save wrote: one line `allium KIND 1 BYTES CHECKSUM`.
 * A file that others may read, that is cut short or was changed is refused.
 *   found  false when there is no file; that is not an error                             [out]
 * Result: false and err (AL_EXIT_STATE).   Cost: reads one file.   Source: docs/OPERATIONS.md.
 * Tested: unit/daemon_store. */
bool al_secret_load(const char *path, const char *kind, GByteArray *ret, bool *found, GError **err);

/* al_secret_save — write it: a new file, fsync, rename, fsync of the directory.
 *   Result: false and err (AL_EXIT_STATE); then the old file is as it was.   Cost: two fsync.
 *   Source: docs/OPERATIONS.md.   Tested: unit/daemon_store. */
bool al_secret_save(const char *path, const char *kind, const uint8_t *bytes, size_t len,
                    GError **err);

/* al_secret_erase — overwrite the bytes and remove the file; a missing one is fine.
 *   Result: false and err.   Cost: one fsync.   Source: docs/OPERATIONS.md.
 *   Tested: unit/daemon_store. */
bool al_secret_erase(const char *path, GError **err);

/* al_secret_make — load a secret of a fixed size, or make it from the system's generator.
 *   made  whether it is new                                                              [out]
 * Result: false and err (AL_EXIT_STATE).   Cost: as load and save.   Source: getrandom(2).
 * Tested: unit/daemon_store. */
bool al_secret_make(const char *path, const char *kind, GByteArray *ret, bool *made, GError **err);

/* al_secret_random — bytes from the system's generator; ends the program when there is none.
 *   Result: none.   Cost: one system call.   Source: getrandom(2).   Tested: unit/daemon_store. */
void al_secret_random(uint8_t *out, size_t len);

/* al_secret_wipe — overwrite bytes in a way that is not optimised away.
 *   Result: none.   Cost: O(len).   Source: none.   Tested: unit/daemon_store. */
void al_secret_wipe(void *bytes, size_t len);

#endif
