/* upkeep.c — see upkeep.h. */
#include "circuit/upkeep.h"

#include "circuit/table.h"

/* Has this circuit carried nothing for so long? */
static bool stale(al_circuit_item *c, al_time now, uint64_t idle_us) {
  uint32_t cells = (uint32_t)(c->cells_rx + c->cells_tx);
  if (c->swept_at == 0 || cells != c->swept_cells) {
    c->swept_cells = cells;
    c->swept_at = al_max_u64(now, 1);
    return false;
  }
  return al_time_since(now, c->swept_at) >= idle_us;
}

bool al_circuit_sweep(al_circuits *cs, al_time now, al_circuit_sweeping *at,
                      al_circuit_gone *gone) {
  while (at->looks > 0) {
    at->looks--;
    al_circ circ = al_slab_each(&cs->items, &at->cursor);
    if (circ == 0) {
      at->cursor = 0;
      at->looks = 0;
      return false;
    }
    al_circuit_item *c = al_circuit_get(cs, circ);
    if (c->role == AL_CIRCUIT_ORIGIN || !c->open || !stale(c, now, at->idle_us)) continue;
    al_count(cs->cfg.counters, AL_COUNT_circuit_idle);
    al_circuit_end(cs, c, AL_REASON_TIMEOUT, gone);
    return true;
  }
  return false;
}

bool al_circuit_resume_secret(const al_circuits *cs, al_circ circ, uint8_t ret[32]) {
  const al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL || !c->open || c->role == AL_CIRCUIT_RELAY) return false;
  memcpy(ret, c->hop[c->hops - 1]->resume, sizeof c->hop[0]->resume);
  return true;
}

al_link al_circuit_speaks_on(const al_circuits *cs, al_circ circ) {
  const al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL || c->role == AL_CIRCUIT_RELAY) return 0;
  return c->side[c->role == AL_CIRCUIT_ORIGIN ? AL_CIRCUIT_FORWARD : AL_CIRCUIT_BACKWARD].link;
}
