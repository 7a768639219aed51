/* fuzz_service.c — any bytes as what strangers give a client or a service: an address, a descriptor
 * (sealed, and the fields inside), a client's box, a request (sealed, and inside), a sealed packet.
 * The first byte says which. With the null provider, whose seals are quick. */
#include <stdlib.h>

#include "service/service_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
  if (!good) abort();
}

/* As much of the input as there is, then zeros. */
static const uint8_t *filled(uint8_t *buf, size_t want, const uint8_t *data, size_t size) {
  memset(buf, 0, want);
  memcpy(buf, data, size < want ? size : want);
  return buf;
}

static void fields(const uint8_t *data, size_t size) {
  static uint8_t buf[AL_DESC_BODY_BYTES], again[AL_REQUEST_TEXT_BYTES];
  al_service_desc d;
  const uint8_t *sig_pk;
  al_request req;
  if (al_desc_body_read(filled(buf, sizeof buf, data, size), &d, &sig_pk) == AL_OK) {
    check(d.intros_count >= 1 && d.intros_count <= AL_INTROS_MAX);
    check(sig_pk == buf + AL_DESC_HEAD_BYTES);
  }
  if (al_request_read(filled(buf, AL_REQUEST_TEXT_BYTES, data, size), &req) != AL_OK) return;
  al_request_write(&req, again);
  check(memcmp(again, buf, sizeof again) == 0);
}

static void packets(const al_suite *s, const uint8_t *data, size_t size) {
  static uint8_t payload[1068], kem_pk[AL_KEM_PK_BYTES], kem_sk[AL_KEM_SK_BYTES];
  static al_name name;
  uint8_t request[AL_MEET_REQUEST_BYTES], id[32] = {1};
  al_session_keys k = {.id = {1}};
  al_sealed sealed;
  al_heard heard;
  const al_ask_to me = {&name, id, kem_pk, kem_sk, NULL};
  al_sealed_init(&sealed, &k, true);
  (void)filled(payload, sizeof payload, data, size);
  (void)al_sealed_open(&sealed, s, payload);
  (void)al_ask_open(s, &me, filled(request, sizeof request, data, size), &heard);
  (void)al_puzzle_bits(s, id, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t sk[AL_KEM_SK_BYTES];
  const al_suite *s = al_suite_null();
  uint8_t cookie[AL_KEY_BYTES];
  al_service_desc d;
  al_name name = {{0}};
  if (size == 0) return 0;
  const al_bytes rest = {data + 1, size - 1};
  const al_desc_from from = {&name, 1, data[0] & 8 ? cookie : NULL};
  memset(cookie, 7, sizeof cookie);
  switch (data[0] & 3) {
    case 0:
      if (al_name_take(s, rest, &name) == AL_OK) check(rest.len == AL_NAME_BYTES);
      break;
    case 1:
      if (al_desc_open(s, &from, rest, &d) == AL_OK) check(rest.len == AL_DESC_SEALED_BYTES);
      if (al_client_open(s, sk, rest, cookie) == AL_OK) check(rest.len == AL_CLIENT_SEALED_BYTES);
      break;
    case 2:
      fields(rest.ptr, rest.len);
      break;
    default:
      packets(s, rest.ptr, rest.len);
      break;
  }
  return 0;
}
