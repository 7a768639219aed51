/* cert.c — see cert.h. */
#include "cert.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINDING_LABEL "allium binding v1"

bool al_cert_hash(X509 *x, uint8_t out[32]) {
  unsigned n = 0;
  return X509_digest(x, EVP_sha256(), out, &n) == 1 && n == 32;
}

void al_cert_binding(uint8_t out[32], const uint8_t dialler[32], const uint8_t answerer[32]) {
  EVP_MD_CTX *m = EVP_MD_CTX_new();
  unsigned n = 0;
  if (!m || !EVP_DigestInit_ex(m, EVP_sha3_256(), NULL) ||
      !EVP_DigestUpdate(m, BINDING_LABEL, strlen(BINDING_LABEL)) ||
      !EVP_DigestUpdate(m, dialler, 32) || !EVP_DigestUpdate(m, answerer, 32) ||
      !EVP_DigestFinal_ex(m, out, &n) || n != 32)
    g_error("OpenSSL without SHA3-256");
  EVP_MD_CTX_free(m);
}

void al_cert_clear(al_cert *c) {
  X509_free(c->x509);
  EVP_PKEY_free(c->key);
  memset(c, 0, sizeof *c);
}

/* The name and the dates are the same for every node, so that they tell nothing about one; a
 * WebRTC certificate is known by its hash, never by its dates. */
static bool make(al_cert *c) {
  uint64_t serial = 0;
  c->key = EVP_EC_gen("P-256");
  c->x509 = X509_new();
  if (!c->key || !c->x509 || RAND_bytes((unsigned char *)&serial, 7) != 1) return false;
  X509_NAME *name = X509_get_subject_name(c->x509);
  return X509_set_version(c->x509, X509_VERSION_3) &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(c->x509), serial) &&
         ASN1_TIME_set_string_X509(X509_getm_notBefore(c->x509), "20200101000000Z") &&
         ASN1_TIME_set_string_X509(X509_getm_notAfter(c->x509), "20491231235959Z") &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"WebRTC", -1,
                                    -1, 0) &&
         X509_set_issuer_name(c->x509, name) && X509_set_pubkey(c->x509, c->key) &&
         X509_sign(c->x509, c->key, EVP_sha256()) > 0 && al_cert_hash(c->x509, c->hash);
}

static bool parse(al_cert *c, const char *pem, size_t len) {
  BIO *b = BIO_new_mem_buf(pem, (int)len), *k = BIO_new_mem_buf(pem, (int)len);
  if (b && k) {
    c->x509 = PEM_read_bio_X509(b, NULL, NULL, (void *)"");
    c->key = PEM_read_bio_PrivateKey(k, NULL, NULL, (void *)"");
  }
  BIO_free(b);
  BIO_free(k);
  return c->x509 && c->key && X509_check_private_key(c->x509, c->key) == 1 &&
         al_cert_hash(c->x509, c->hash);
}

static bool write_all(int fd, const char *p, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, p, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n;
    len -= (size_t)n;
  }
  return fsync(fd) == 0;
}

/* Beside it, synced, then linked: an existing file is never replaced, a crash leaves none or all.
 */
static bool store(const char *path, const char *pem, size_t len) {
  char *tmp = g_strdup_printf("%s.new-%ld", path, (long)getpid());
  unlink(tmp);
  int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool ok = fd >= 0 && write_all(fd, pem, len);
  if (fd >= 0 && close(fd)) ok = false;
  ok = ok && link(tmp, path) == 0;
  int e = errno;
  if (fd >= 0) unlink(tmp);
  if (ok) {
    char *dir = g_path_get_dirname(path);
    int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d >= 0) {
      fsync(d);
      close(d);
    }
    g_free(dir);
  }
  g_free(tmp);
  errno = e;
  return ok;
}

static bool create_at(al_cert *c, const char *path, GError **err) {
  BIO *b = BIO_new(BIO_s_mem());
  char *pem = NULL;
  bool ok = b && make(c) && PEM_write_bio_X509(b, c->x509) &&
            PEM_write_bio_PrivateKey(b, c->key, NULL, NULL, 0, NULL, NULL);
  if (!ok) {
    g_set_error(err, AL_WEBRTC_ERROR, 0, "cannot make a certificate");
  } else {
    long len = BIO_get_mem_data(b, &pem);
    ok = store(path, pem, (size_t)len);
    if (!ok) {
      const char *why = g_strerror(errno);
      g_set_error(err, AL_WEBRTC_ERROR, 0, "cannot write the certificate %s: %s", path, why);
    }
    OPENSSL_cleanse(pem, (size_t)len);
  }
  BIO_free(b);
  return ok;
}

bool al_cert_open(al_cert *c, const al_webrtc_identity *id, bool create, GError **err) {
  gchar *text = NULL;
  gsize len = 0;
  GError *e = NULL;
  bool ok = false;
  memset(c, 0, sizeof *c);
  if (id->pem) {
    ok = parse(c, id->pem, strlen(id->pem));
    if (!ok) g_set_error(err, AL_WEBRTC_ERROR, 0, "the given certificate does not parse");
  } else if (!id->path) {
    ok = make(c); /* no place to keep it: this run only */
    if (!ok) g_set_error(err, AL_WEBRTC_ERROR, 0, "cannot make a certificate");
  } else if (g_file_get_contents(id->path, &text, &len, &e)) {
    ok = parse(c, text, len);
    if (!ok)
      g_set_error(err, AL_WEBRTC_ERROR, 0,
                  "%s is not a certificate with its key; it was left alone", id->path);
    OPENSSL_cleanse(text, len);
    g_free(text);
  } else if (create && g_error_matches(e, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    ok = create_at(c, id->path, err);
  } else {
    g_set_error(err, AL_WEBRTC_ERROR, 0, "cannot read the certificate: %s", e->message);
  }
  g_clear_error(&e);
  if (!ok) al_cert_clear(c);
  return ok;
}
