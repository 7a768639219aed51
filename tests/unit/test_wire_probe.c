/* PROBE messages: what is written is read again, nothing else is, and all are what the Python model
 * makes of the document. Argument: tests/vectors. */
#include "tap.h"
#include "test_wire_vectors.h"
#include "wire/probe.h"

static void test_vectors(void) {
  uint8_t b[AL_PROBE_BYTES];
  for (uint8_t op = AL_PROBE_ASK; op <= AL_PROBE_LOST; op++) {
    al_probe p = {.op = op, .nonce = op == AL_PROBE_LOST ? 0 : 0x0123456789abcdef};
    memcpy(p.about.b, vec("node").ptr, sizeof p.about.b);
    al_probe_encode(&p, b);
    tap_ok(vec_is(vec("probe.%u", op), b, sizeof b), "op %u as the model writes it", op);
  }
}

int main(int argc, char **argv) {
  uint8_t b[AL_PROBE_BYTES + 1] = {0};
  if (argc < 2) return 2;
  vec_load(argv[1], "bundle.txt");
  test_vectors();
  for (unsigned op = 0; op < 256; op++) {
    for (int nonce = 0; nonce < 2; nonce++) {
      al_probe p = {.op = (uint8_t)op, .nonce = nonce ? 0x0102030405060708u : 0}, got;
      bool good = op >= AL_PROBE_ASK && op <= AL_PROBE_LOST && (op == AL_PROBE_LOST) == !nonce;
      memset(p.about.b, 0xab, sizeof p.about.b);
      if (good) {
        al_probe_encode(&p, b);
        tap_ok(al_probe_decode(al_view(b, AL_PROBE_BYTES), &got) == AL_OK, "op %u", op);
        tap_is_mem(&got, &p, sizeof p, "  comes back");
        tap_ok(al_probe_decode(al_view(b, AL_PROBE_BYTES - 1), &got) == AL_EPARSE &&
                   al_probe_decode(al_view(b, AL_PROBE_BYTES + 1), &got) == AL_EPARSE,
               "  in its length only");
        memset(b + 9, 0, 32);
        tap_ok(al_probe_decode(al_view(b, AL_PROBE_BYTES), &got) == AL_EPARSE, "  about somebody");
        continue;
      }
      b[0] = (uint8_t)op;
      memset(b + 1, nonce, 8);
      memset(b + 9, 0xab, 32);
      if (al_probe_decode(al_view(b, AL_PROBE_BYTES), &got) == AL_OK)
        tap_ok(false, "op %u with nonce %d is taken", op, nonce);
    }
  }
  return tap_done();
}
