/* store.h — the records that the core wants kept: al_store_ops over SQLite and files of mode 0600.
 */
#ifndef AL_DAEMON_STORE_H
#define AL_DAEMON_STORE_H

#include <glib.h>

#include "allium/al_host.h"

enum {
  AL_STORE_KEY_MAX = 80,
  AL_STORE_VALUE_MAX = 16 * 1024,
};

/* al_store_info — for metrics. */
typedef struct al_store_info {
  uint64_t batches, records, errors;
  uint32_t pending; /* changes that are not on disk yet */
} al_store_info;

/* al_store_open — open or make store.db and keys/ below a directory that is locked.
 *   Result: NULL and err (AL_EXIT_STATE: corrupt, of a newer version, unreadable); nothing that was
 *           there is changed then.   Cost: a check of the whole file.   Source: docs/OPERATIONS.md.
 *   Tested: unit/daemon_store. */
al_store *al_store_open(const char *dir, GError **err);

/* al_store_table — the operations for al_drive_new. Changes are queued, written in one transaction
 * a few milliseconds later, in order; a later change of a key replaces an earlier one that waits.
 * When the disk is full or fails, they wait and are tried again every 5 s. Result: a static object.
 * Cost: none.   Source: al_host.h.   Tested: unit/daemon_store. */
const al_store_ops *al_store_table(void);

/* al_store_snapshot — all records, as al_config.snapshot wants them (PROTOCOL.md 3.5).
 *   Result: bytes for g_byte_array_unref (wipe them: keys are among them), or NULL and err.
 *   Cost: reads everything.   Source: PROTOCOL.md 3.5.   Tested: unit/daemon_store. */
GByteArray *al_store_snapshot(al_store *s, GError **err);

/* al_store_flush — write what waits now.
 *   durable  also survive a loss of power: fsync                                         [in]
 * Result: false when something could not be written (it still waits).   Cost: one transaction.
 * Source: docs/OPERATIONS.md.   Tested: unit/daemon_store. */
bool al_store_flush(al_store *s, bool durable);

/* al_store_inspect — the figures.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_store. */
void al_store_inspect(const al_store *s, al_store_info *ret);

/* al_store_close — flush durably and close; NULL is allowed.
 *   Result: none.   Cost: one transaction, fsync.   Source: none.   Tested: unit/daemon_store. */
void al_store_close(al_store *s);

#endif
