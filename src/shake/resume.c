/* resume.c — see resume.h. */
#include "shake/resume.h"

#include "base/assert.h"
#include "base/bytes.h"

void al_resume_name(const al_suite *suite, const uint8_t secret[AL_RESUME_SECRET_BYTES],
                    uint8_t ret[AL_RESUME_ID_BYTES]) {
  al_kdf(suite, secret, AL_LABEL_RESUME_NAME, (al_bytes){NULL, 0},
         (al_span){ret, AL_RESUME_ID_BYTES});
}

void al_resume_make(const al_suite *suite, al_resume_op op,
                    const uint8_t secret[AL_RESUME_SECRET_BYTES],
                    const uint8_t circuit[AL_RESUME_ID_BYTES], al_resume *ret) {
  AL_ASSERT(op == AL_RESUME_JOIN || op == AL_RESUME_JOINED);
  ret->op = (uint8_t)op;
  al_resume_name(suite, secret, ret->id);
  al_kdf(suite, secret, op == AL_RESUME_JOIN ? AL_LABEL_RESUME_JOIN : AL_LABEL_RESUME_ACCEPT,
         al_view(circuit, AL_RESUME_ID_BYTES), (al_span){ret->tag, sizeof ret->tag});
}

bool al_resume_check(const al_suite *suite, const al_resume *m,
                     const uint8_t secret[AL_RESUME_SECRET_BYTES],
                     const uint8_t circuit[AL_RESUME_ID_BYTES]) {
  al_resume want;
  if (m->op != AL_RESUME_JOIN && m->op != AL_RESUME_JOINED) return false;
  al_resume_make(suite, (al_resume_op)m->op, secret, circuit, &want);
  bool same =
      al_equal_ct(m->id, want.id, sizeof want.id) && al_equal_ct(m->tag, want.tag, sizeof want.tag);
  al_wipe(&want, sizeof want);
  return same;
}
