/* dtls.c — see dtls.h. A BIO of our own keeps datagram borders: one write is one datagram, one read
 * is one datagram. The retransmission timer begins at 100 ms (OpenSSL's begins at a second). */
#include "dtls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>

enum {
  TIMER_FIRST_US = 100 * 1000,
  TIMER_MAX_US = 2000 * 1000,
  RECORD_MAX = 16384 + 256,
  COOKIE_BYTES = 16,
};

struct al_dtls_ctx {
  SSL_CTX *ssl;
  BIO_METHOD *bio;
};

struct al_dtls {
  SSL *ssl;
  const al_dtls_up *up;
  void *ctx;
  bool client, is_up, failed, progress;
  bool check, mismatch; /* the certificate is compared with `want`; it differed */
  uint8_t want[32], got[32], cookie[COOKIE_BYTES];
  al_bytes in; /* the datagram being read */
  guint timer;
};

/* OpenSSL judges a call by what its error queue holds, which must be empty before. To empty one
 * that is empty already costs 840 instructions, a tenth of a record. */
static void forget_errors(void) {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

static void fail(al_dtls *d, al_down_reason why) {
  if (d->failed) return;
  d->failed = true;
  if (d->timer) g_source_remove(d->timer);
  d->timer = 0;
  d->up->failed(d->ctx, why);
}

/* ---- the datagram BIO ---- */

static int bio_write(BIO *b, const char *data, int len) {
  al_dtls *d = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  d->up->send(d->ctx, (al_bytes){(const uint8_t *)data, (size_t)len}); /* a failed send is a loss */
  return len;
}

static int bio_read(BIO *b, char *out, int len) {
  al_dtls *d = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  if (!d->in.ptr) {
    BIO_set_retry_read(b);
    return -1;
  }
  size_t n = MIN((size_t)len, d->in.len);
  memcpy(out, d->in.ptr, n);
  d->in.ptr = NULL;
  return (int)n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr) {
  (void)b;
  (void)num;
  (void)ptr;
  return cmd == BIO_CTRL_FLUSH ? 1 : 0; /* the MTU is set on the session, never asked for here */
}

static int bio_create(BIO *b) {
  BIO_set_init(b, 1);
  return 1;
}

/* ---- shared settings ---- */

static int verify(X509_STORE_CTX *store, void *u) {
  (void)u;
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  al_dtls *d = SSL_get_app_data(ssl);
  X509 *x = X509_STORE_CTX_get0_cert(store);
  if (!x || !al_cert_hash(x, d->got)) return 0;
  if (d->check && CRYPTO_memcmp(d->got, d->want, 32) != 0) {
    d->mismatch = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
  }
  return 1; /* an answerer takes the hash; the link handshake binds it to a node */
}

static int cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *len) {
  al_dtls *d = SSL_get_app_data(ssl);
  memcpy(cookie, d->cookie, COOKIE_BYTES);
  *len = COOKIE_BYTES;
  return 1;
}

static int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int len) {
  al_dtls *d = SSL_get_app_data(ssl);
  return len == COOKIE_BYTES && CRYPTO_memcmp(cookie, d->cookie, COOKIE_BYTES) == 0;
}

al_dtls_ctx *al_dtls_ctx_new(const al_cert *c) {
  al_dtls_ctx *x = g_new0(al_dtls_ctx, 1);
  SSL_CTX *s = x->ssl = SSL_CTX_new(DTLS_method());
  x->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
  if (!s || !x->bio || !SSL_CTX_set_min_proto_version(s, DTLS1_2_VERSION) ||
      !SSL_CTX_use_certificate(s, c->x509) || !SSL_CTX_use_PrivateKey(s, c->key) ||
      !SSL_CTX_set_cipher_list(s,
                               "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                               "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305") ||
      !SSL_CTX_set1_groups_list(s, "X25519:P-256")) {
    al_dtls_ctx_free(x);
    return NULL;
  }
  SSL_CTX_set_options(s, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(s, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_cert_verify_callback(s, verify, NULL);
  SSL_CTX_set_cookie_generate_cb(s, cookie_make);
  SSL_CTX_set_cookie_verify_cb(s, cookie_check);
  SSL_CTX_set_read_ahead(s, 1);
  BIO_meth_set_write(x->bio, bio_write);
  BIO_meth_set_read(x->bio, bio_read);
  BIO_meth_set_ctrl(x->bio, bio_ctrl);
  BIO_meth_set_create(x->bio, bio_create);
  return x;
}

void al_dtls_ctx_free(al_dtls_ctx *x) {
  if (!x) return;
  SSL_CTX_free(x->ssl);
  BIO_meth_free(x->bio);
  g_free(x);
}

/* ---- the handshake ---- */

static void drive(al_dtls *d);

static gboolean on_timer(gpointer u) {
  al_dtls *d = u;
  d->timer = 0;
  forget_errors();
  if (DTLSv1_handle_timeout(d->ssl) < 0)
    fail(d, AL_DOWN_TIMEOUT);
  else
    drive(d);
  return G_SOURCE_REMOVE;
}

static void arm(al_dtls *d) {
  struct timeval tv;
  if (d->timer) g_source_remove(d->timer);
  d->timer = 0;
  if (!d->is_up && !d->failed && DTLSv1_get_timeout(d->ssl, &tv))
    d->timer = g_timeout_add((guint)(tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000), on_timer, d);
}

static unsigned next_timeout(SSL *ssl, unsigned us) {
  (void)ssl;
  return us == 0 ? TIMER_FIRST_US : MIN(us * 2, (unsigned)TIMER_MAX_US);
}

/* Until it wants input, is done or has failed. */
static void drive(al_dtls *d) {
  forget_errors();
  int r = SSL_do_handshake(d->ssl);
  if (d->failed) return;
  if (r == 1) {
    d->is_up = true;
    arm(d);
    d->up->up(d->ctx, d->got);
  } else if (SSL_get_error(d->ssl, r) == SSL_ERROR_WANT_READ) {
    arm(d);
  } else {
    fail(d, d->mismatch ? AL_DOWN_CERT : AL_DOWN_PROTOCOL);
  }
}

al_dtls *al_dtls_new(al_dtls_ctx *x, const al_dtls_role *role, const al_dtls_up *up, void *ctx) {
  al_dtls *d = g_new0(al_dtls, 1);
  BIO *b = BIO_new(x->bio);
  d->up = up;
  d->ctx = ctx;
  d->client = role->client;
  d->check = role->want != NULL;
  if (role->want) memcpy(d->want, role->want, 32);
  d->ssl = SSL_new(x->ssl);
  if (!b || !d->ssl) g_error("OpenSSL out of memory");
  BIO_set_data(b, d);
  SSL_set_bio(d->ssl, b, b);
  SSL_set_app_data(d->ssl, d);
  if (role->client)
    SSL_set_connect_state(d->ssl);
  else
    SSL_set_accept_state(d->ssl);
  if (role->cookie && RAND_bytes(d->cookie, COOKIE_BYTES) == 1)
    SSL_set_options(d->ssl, SSL_OP_COOKIE_EXCHANGE);
  SSL_set_mtu(d->ssl, role->mtu);
  DTLS_set_timer_cb(d->ssl, next_timeout);
  return d;
}

void al_dtls_free(al_dtls *d) {
  if (!d) return;
  if (d->timer) g_source_remove(d->timer);
  d->failed = true; /* nothing upwards from here */
  forget_errors();
  if (d->is_up) SSL_shutdown(d->ssl); /* close_notify, best effort */
  SSL_free(d->ssl);
  forget_errors();
  g_free(d);
}

void al_dtls_start(al_dtls *d) {
  if (d->client) drive(d);
}

/* ---- records ---- */

static void read_records(al_dtls *d) {
  uint8_t record[RECORD_MAX];
  while (!d->failed) {
    int r = SSL_read(d->ssl, record, sizeof record);
    if (r > 0) {
      d->progress = true;
      d->up->rx(d->ctx, (al_bytes){record, (size_t)r});
      if (!SSL_has_pending(d->ssl)) return;
      continue;
    }
    int e = SSL_get_error(d->ssl, r);
    if (e == SSL_ERROR_ZERO_RETURN || e == SSL_ERROR_SSL) fail(d, AL_DOWN_PEER);
    return; /* bad records were dropped below us */
  }
}

bool al_dtls_input(al_dtls *d, al_bytes datagram) {
  if (d->failed) return false;
  d->in = datagram;
  d->progress = false;
  forget_errors();
  if (!d->is_up) {
    OSSL_HANDSHAKE_STATE before = SSL_get_state(d->ssl);
    drive(d);
    d->progress = SSL_get_state(d->ssl) != before;
    if (!d->is_up || d->failed) return d->progress;
  }
  read_records(d);
  d->in.ptr = NULL;
  return d->progress;
}

void al_dtls_send(al_dtls *d, al_bytes packet) {
  if (!d->is_up || d->failed) return;
  forget_errors();
  if (SSL_write(d->ssl, packet.ptr, (int)packet.len) <= 0) fail(d, AL_DOWN_PROTOCOL);
}
