/* service_priv.h — what the files of src/service share. Layer 3, private. */
#ifndef AL_SERVICE_PRIV_H
#define AL_SERVICE_PRIV_H

#include "service/service.h"
#include "service/session.h"

enum { AL_REQUEST_TEXT_BYTES = 128 };

/* al_name_make — the address of two public keys.
 * Result: none.   Cost: two hashes.   Source: PROTOCOL.md 9.1.   Tested: unit/service_keys. */
void al_name_make(const al_suite *suite, const uint8_t *ed_pk, const uint8_t *sig_pk, al_name *ret);

/* al_name_commits — whether an address stands for this signature key.
 * Result: as said.   Cost: two hashes.   Source: PROTOCOL.md 9.1.
 * Tested: unit/service_descriptor. */
bool al_name_commits(const al_suite *suite, const al_name *name, const uint8_t *sig_pk);

/* al_desc_body_read — the fields of a descriptor; nothing is verified but its form.
 *   body         AL_DESC_BODY_BYTES bytes
 *   ret_sig_pk   a view into body; written on success                                  [out]
 * Result: AL_OK, AL_EPARSE.   Cost: constant.   Source: PROTOCOL.md 9.2.
 * Tested: unit/service_descriptor, fuzz/service. */
al_err al_desc_body_read(const uint8_t *body, al_service_desc *ret, const uint8_t **ret_sig_pk);

/* al_request_read — the fields of a request.
 *   text   AL_REQUEST_TEXT_BYTES bytes
 * Result: AL_OK, AL_EPARSE.   Cost: constant.   Source: PROTOCOL.md 9.4.
 * Tested: unit/service_introduce, fuzz/service. */
al_err al_request_read(const uint8_t *text, al_request *ret);

/* al_request_write — the text that al_request_read reads.
 *   Result: none.   Cost: constant.   Source: PROTOCOL.md 9.4.   Tested: fuzz/service. */
void al_request_write(const al_request *req, uint8_t *out);

#endif
