/* main.c — runs a fuzz target without libFuzzer: every file of its corpus, then a fixed number of
 * mutations of them, the same ones every time. One test point a file, one for the mutations; what
 * the target asserts, and the sanitizers, end the program. replay_<decoder> CORPUS_FOLDER [seed] */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdlib.h>

#include "../support/test_rand.h"
#include "../tap.h"

#ifndef FUZZ_MUTATIONS
#define FUZZ_MUTATIONS 20000
#endif

enum { INPUT_BYTES_MAX = 1 << 16, FILES_MAX = 4096, MUTATIONS = FUZZ_MUTATIONS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
  char name[256];
  uint8_t *data;
  size_t size;
} input;

static input inputs[FILES_MAX];
static size_t inputs_count;

/* The target gets a copy of exactly this size, so that the sanitizer sees the first byte beyond. */
static void run(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size != 0 ? size : 1);
  if (copy == NULL) abort();
  if (size != 0) memcpy(copy, data, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static bool load(const char *folder, const char *name) {
  input *in = &inputs[inputs_count];
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  snprintf(in->name, sizeof in->name, "%s", name);
  FILE *f = fopen(path, "rb");
  if (f == NULL) return false;
  static uint8_t bytes[INPUT_BYTES_MAX];
  in->size = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  in->data = malloc(in->size + 1);
  if (in->data == NULL) return false;
  memcpy(in->data, bytes, in->size);
  inputs_count++;
  return true;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const input *)a)->name, ((const input *)b)->name);
}

static bool load_all(const char *folder) {
  DIR *d = opendir(folder);
  if (d == NULL) return false;
  bool good = true;
  for (struct dirent *e; good && (e = readdir(d)) != NULL;)
    if (e->d_name[0] != '.' && inputs_count < FILES_MAX) good = load(folder, e->d_name);
  closedir(d);
  qsort(inputs, inputs_count, sizeof inputs[0], by_name);
  return good;
}

/* Bytes changed, a piece cut out or repeated, the end cut off: what a peer's bug or malice does. */
static void mutate(void) {
  static uint8_t work[2 * INPUT_BYTES_MAX];
  const input *in = &inputs[test_rand_below(inputs_count)];
  size_t size = in->size;
  memcpy(work, in->data, size);
  for (uint64_t edits = 1 + test_rand_below(4); edits > 0 && size > 0; edits--) {
    size_t at = (size_t)test_rand_below(size), n = (size_t)test_rand_below(size - at) + 1;
    switch (test_rand_below(6)) {
      case 0:
        work[at] = (uint8_t)test_rand();
        break;
      case 1:
        work[at] ^= (uint8_t)(1 << test_rand_below(8));
        break;
      case 2:
        work[at] = test_rand_below(2) != 0 ? 0xff : 0;
        break;
      case 3:
        size = at;
        break;
      case 4:
        memmove(work + at, work + at + n, size - at - n);
        size -= n;
        break;
      default:
        if (size + n > INPUT_BYTES_MAX) break;
        memmove(work + at + n, work + at, size - at);
        size += n;
        break;
    }
  }
  run(work, size);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s CORPUS_FOLDER [seed]\n", argv[0]);
    return 2;
  }
  test_rand_seed(argc - 1, argv + 1);
  if (!tap_ok(load_all(argv[1]), "the corpus can be read")) return tap_done();
  tap_ok(inputs_count > 0, "the corpus is not empty");
  for (size_t i = 0; i < inputs_count; i++) {
    run(inputs[i].data, inputs[i].size);
    tap_ok(true, "%s", inputs[i].name);
  }
  run(NULL, 0);
  for (int i = 0; i < MUTATIONS && inputs_count > 0; i++) mutate();
  tap_ok(true, "%d mutations", MUTATIONS);
  for (size_t i = 0; i < inputs_count; i++) free(inputs[i].data);
  return tap_done();
}
