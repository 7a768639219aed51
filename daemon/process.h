/* process.h — what this process uses of the machine. */
#ifndef AL_DAEMON_PROCESS_H
#define AL_DAEMON_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct al_process_info {
  double cpu_s; /* user and system */
  uint64_t rss_bytes;
  uint32_t fds_max;
} al_process_info;

/* al_process_inspect — as of now.
 *   Result: none; what cannot be known is 0.   Cost: two system calls and a file.
 *   Source: proc(5).   Tested: e2e. */
void al_process_inspect(al_process_info *ret);

/* al_process_prepare — before anything is opened: private files, as many descriptors as the system
 * allows, and no death by a closed socket or a full disk.
 *   Result: none.   Cost: system calls.   Source: none.   Tested: e2e. */
void al_process_prepare(void);

/* al_process_notify — tell the service manager, if there is one.
 *   text  such as "READY=1"                                                               [in]
 * Result: none.   Cost: one datagram.   Source: sd_notify(3).   Tested: e2e. */
void al_process_notify(const char *text);

#endif
