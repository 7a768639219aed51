/* sealed.c — relay payloads from end to end: sealed once more under keys that no relay has. */
#include "service/session.h"

enum { NUMBER_AT = 1, TEXT_AT = 7, TAG_AT = TEXT_AT + AL_SEALED_TEXT_BYTES };
#define NUMBER_LAST (((uint64_t)1 << 48) - 1)

void al_sealed_init(al_sealed *s, const al_session_keys *k, bool client) {
  memcpy(s->tx, client ? k->to_service : k->to_client, sizeof s->tx);
  memcpy(s->rx, client ? k->to_client : k->to_service, sizeof s->rx);
  s->next = 0;
  al_window_init(&s->window, 48);
}

bool al_sealed_close(al_sealed *s, const al_suite *suite, uint8_t *payload) {
  if (s->next >= NUMBER_LAST) return false;
  payload[0] = AL_RELAY_KIND_SEALED;
  al_store_u48(payload + NUMBER_AT, s->next);
  suite->seal(payload + TEXT_AT, AL_SEALED_TEXT_BYTES, payload + TAG_AT, s->tx, s->next,
              (al_bytes){NULL, 0});
  s->next++;
  return true;
}

al_err al_sealed_open(al_sealed *s, const al_suite *suite, uint8_t *payload) {
  const uint64_t number = al_load_u48(payload + NUMBER_AT);
  if (!al_window_fresh(&s->window, number)) return AL_ESTATE;
  if (suite->open(payload + TEXT_AT, AL_SEALED_TEXT_BYTES, payload + TAG_AT, s->rx, number,
                  (al_bytes){NULL, 0}) != AL_OK)
    return AL_ECRYPTO;
  return al_window_take(&s->window, number) ? AL_OK : AL_ESTATE;
}
