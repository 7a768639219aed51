/* table.h — text in columns, and figures as people read them. */
#ifndef AL_CLI_TABLE_H
#define AL_CLI_TABLE_H

#include <glib.h>

typedef struct al_table al_table;

/* al_table_new — an empty table.
 *   head  titles, closed by NULL; one that begins with `>` is of figures, aligned right    [in]
 * Result: never NULL.   Cost: none.   Source: none.   Tested: unit/daemon_face. */
al_table *al_table_new(const char *const *head);

/* al_table_add — a cell; the row ends with the last column. Takes the text over (g_free).
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_face. */
void al_table_add(al_table *t, char *text);

/* al_table_text — the whole; frees the table.
 *   Result: lines for g_free, no spaces at their ends.   Cost: O(cells).   Source: none.
 *   Tested: unit/daemon_face. */
char *al_table_text(al_table *t);

/* al_table_duration — "320 ms", "4.2 s", "3m 20s", "5h 02m", "12d 4h"; for g_free. */
char *al_table_duration(double seconds);

/* al_table_short — the first eight characters of a node ID; for g_free. */
char *al_table_short(const char *id);

#endif
