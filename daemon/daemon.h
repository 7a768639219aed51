/* daemon.h — `allium node`: everything that runs in it, and its life. */
#ifndef AL_DAEMON_DAEMON_H
#define AL_DAEMON_DAEMON_H

#include "config.h"
#include "daemon/webrtc/webrtc.h"
#include "exit.h"
#include "face.h"
#include "join.h"
#include "services.h"
#include "socks.h"
#include "state.h"
#include "store.h"

typedef struct al_control al_control;
typedef struct al_clock al_clock;

typedef enum al_daemon_phase {
  AL_DAEMON_STARTING,
  AL_DAEMON_RUNNING,
  AL_DAEMON_DRAINING, /* no new streams; those that are open may finish */
  AL_DAEMON_CLOSING,  /* neighbours are told */
} al_daemon_phase;

/* al_daemon — the parts of a running node. Read by report.c, metrics.c and control.c. */
typedef struct al_daemon {
  const al_config_source *source; /* for SIGHUP */
  al_settings *settings;
  GMainLoop *loop;
  al_daemon_phase phase;
  int signals;
  gint64 started_us, phase_us;
  guint sources[6]; /* signal handlers and periodic work */

  al_state *state;
  al_store *store;
  al_poll *poll;
  al_clock *clock;
  al_drive *drive;
  al_work *work;
  al_node *node;
  al_transport *transport;
  al_pipes *pipes;
  al_socks *socks;
  al_exit *exit;
  al_services *services;
  al_joins *joins;
  al_control *control;

  al_policy policy;
  al_face face;
  uint8_t secret[AL_ADDRESS_SECRET_BYTES];
  uint8_t network_secret[32];
  bool joined, circuit; /* said once */
  guint joined_timer;
} al_daemon;

/* al_daemon_run — start, run until SIGTERM or SIGINT, stop.
 *   source  where the settings came from, for SIGHUP                                       [in]
 *   s       taken over                                                                     [in]
 * Result: false and err when it could not start.   Cost: the life of the program.
 * Source: docs/OPERATIONS.md.   Tested: e2e. */
bool al_daemon_run(const al_config_source *source, al_settings *s, GError **err);

/* al_daemon_join — dial an address, for the control socket.
 *   Result: none; done is called.   Cost: as al_join.   Source: none.   Tested: e2e. */
void al_daemon_join(al_daemon *d, const al_peer_address *a, al_join_done done, void *data);

#endif
