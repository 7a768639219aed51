/* Who may join a bundle: whoever has its secret, on the circuit it was made for. */
#include "shake/resume.h"
#include "tap.h"

int main(void) {
  const al_suite *suite = al_suite_hacl();
  uint8_t bundle[32], other[32], circuit[16], elsewhere[16], name[16];
  memset(bundle, 1, sizeof bundle);
  memset(other, 2, sizeof other);
  al_resume_name(suite, other, circuit);
  al_resume_name(suite, bundle, name);
  memset(elsewhere, 3, sizeof elsewhere);
  tap_ok(memcmp(name, circuit, sizeof name) != 0, "each secret has its name");
  for (int op = AL_RESUME_JOIN; op <= AL_RESUME_JOINED; op++) {
    al_resume m, o;
    al_resume_make(suite, (al_resume_op)op, bundle, circuit, &m);
    tap_ok(m.op == op && memcmp(m.id, name, sizeof name) == 0, "op %d names the bundle", op);
    tap_ok(al_resume_check(suite, &m, bundle, circuit), "  it proves the secret");
    tap_ok(!al_resume_check(suite, &m, other, circuit), "  no other one");
    tap_ok(!al_resume_check(suite, &m, bundle, elsewhere), "  on this circuit only: no replay");
    uint32_t taken = 0;
    for (size_t i = 0; i < 8 * (sizeof m.id + sizeof m.tag); i++) {
      o = m;
      uint8_t *at = i < 128 ? &o.id[i / 8] : &o.tag[(i - 128) / 8];
      *at ^= (uint8_t)(1u << i % 8);
      taken += al_resume_check(suite, &o, bundle, circuit);
    }
    tap_is_u64(taken, 0, "  no bit of it may change");
    o = m;
    o.op = (uint8_t)(op == AL_RESUME_JOIN ? AL_RESUME_JOINED : AL_RESUME_JOIN);
    tap_ok(!al_resume_check(suite, &o, bundle, circuit), "  nor be sent back as the answer");
    o.op = AL_RESUME_REFUSED;
    tap_ok(!al_resume_check(suite, &o, bundle, circuit), "  and a refusal proves nothing");
  }
  return tap_done();
}
