/* ice.c — see ice.h. libnice finds and keeps the path and reads the socket; what we send goes past
 * it, on the selected socket, in batches. */
#include "ice.h"

#include <arpa/inet.h>
#include <nice/agent.h>
#include <string.h>
#include <unistd.h>

enum { COMPONENT = 1, PACE_PRIVATE_MS = 2, PACE_MS = 5, IDLE_MS = 100 };

typedef struct ice {
  al_session *s;
  NiceAgent *agent;
  guint stream;
} ice;

static void on_recv(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf,
                    gpointer u) {
  ice *i = u;
  al_transport *t = i->s->t;
  (void)agent;
  (void)stream;
  (void)component;
  t->count.packets_in++;
  t->count.bytes_in += len;
  t->count.reads++;
  if (len && buf[0] >= 20 && buf[0] <= 63)
    al_session_input(i->s, (al_bytes){(const uint8_t *)buf, len});
  else
    t->count.drop_short++;
  al_transport_after(t);
}

static void on_selected(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
                        NiceCandidate *remote, gpointer u) {
  ice *i = u;
  struct sockaddr_storage to;
  (void)local;
  GSocket *g = nice_agent_get_selected_socket(agent, stream, component);
  if (!g) return;
  memset(&to, 0, sizeof to);
  nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)&to);
  al_outbox_aim(&i->s->out, g_socket_get_fd(g), &to,
                to.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
  g_object_unref(g);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer u) {
  ice *i = u;
  (void)agent;
  (void)stream;
  (void)component;
  if (state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY)
    al_session_path(i->s);
  else if (state == NICE_COMPONENT_STATE_FAILED)
    al_session_end(i->s, AL_DOWN_TIMEOUT);
}

static void ice_free(void *self) {
  ice *i = self;
  g_signal_handlers_disconnect_by_data(i->agent, i);
  nice_agent_attach_recv(i->agent, i->stream, COMPONENT, NULL, NULL, NULL);
  nice_agent_remove_stream(i->agent, i->stream);
  g_object_unref(i->agent);
  g_free(i);
}

/* libnice would skip loopback and gather on every other interface: name the one address that the
 * kernel would speak from. */
static bool add_local(ice *i, const al_udp_addr *to) {
  struct sockaddr_storage ss;
  bool v6 = !al_udp_addr_is_v4(to);
  socklen_t len = al_udp_addr_sockaddr(to, v6, &ss);
  int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&ss, len) == 0;
  len = sizeof ss;
  ok = ok && getsockname(fd, (struct sockaddr *)&ss, &len) == 0;
  if (fd >= 0) close(fd);
  if (!ok) return false;
  NiceAddress local;
  nice_address_init(&local);
  nice_address_set_from_sockaddr(&local, (struct sockaddr *)&ss);
  nice_address_set_port(&local, 0);
  return nice_agent_add_local_address(i->agent, &local);
}

static bool set_remote(ice *i, const al_rtc_address *a) {
  struct sockaddr_storage ss;
  char key[25];
  al_udp_addr_sockaddr(&a->at, !al_udp_addr_is_v4(&a->at), &ss);
  al_webrtc_password_text(a->password, key);
  if (!nice_agent_set_remote_credentials(i->agent, i->stream, AL_WEBRTC_UFRAG, key)) return false;
  NiceCandidate *c = nice_candidate_new(NICE_CANDIDATE_TYPE_HOST);
  nice_address_set_from_sockaddr(&c->addr, (struct sockaddr *)&ss);
  c->transport = NICE_CANDIDATE_TRANSPORT_UDP;
  c->stream_id = i->stream;
  c->component_id = COMPONENT;
  c->priority = 2130706431;
  g_strlcpy(c->foundation, "1", sizeof c->foundation);
  GSList *one = g_slist_append(NULL, c);
  int n = nice_agent_set_remote_candidates(i->agent, i->stream, COMPONENT, one);
  g_slist_free_full(one, (GDestroyNotify)nice_candidate_free);
  return n == 1;
}

static void big_buffers(ice *i) {
  GPtrArray *socks = nice_agent_get_sockets(i->agent, i->stream, COMPONENT);
  for (guint k = 0; socks && k < socks->len; k++)
    al_udp_fd_setup(g_socket_get_fd(g_ptr_array_index(socks, k)));
  if (socks) g_ptr_array_unref(socks);
}

bool al_ice_start(al_session *s, const al_rtc_address *a) {
  ice *i = g_new0(ice, 1);
  guint pace = s->t->cfg.pace_ms;
  if (!pace) pace = al_udp_addr_is_private(&a->at) ? PACE_PRIVATE_MS : PACE_MS;
  i->s = s;
  i->agent = nice_agent_new_full(NULL, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_ICE_TRICKLE);
  g_object_set(i->agent, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode", TRUE,
               "stun-pacing-timer", pace, "idle-timeout", (guint)IDLE_MS, NULL);
  i->stream = nice_agent_add_stream(i->agent, 1);
  g_signal_connect(i->agent, "component-state-changed", G_CALLBACK(on_state), i);
  g_signal_connect(i->agent, "new-selected-pair-full", G_CALLBACK(on_selected), i);
  nice_agent_attach_recv(i->agent, i->stream, COMPONENT, NULL, on_recv, i);
  s->carrier = (al_carrier){.self = i, .free = ice_free};
  if (!add_local(i, &a->at) || !nice_agent_gather_candidates(i->agent, i->stream) ||
      !set_remote(i, a)) {
    al_session_end(s, AL_DOWN_TIMEOUT);
    return false;
  }
  big_buffers(i);
  nice_agent_peer_candidate_gathering_done(i->agent, i->stream);
  return true;
}
