#define _GNU_SOURCE
#include "gradus_fuzz.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// mmap and munmap of the whole process: the executable's symbols come before libc's.

enum { LARGEST = 256 };
static void *copies[LARGEST];
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static int is_active = 0;

void grd_fuzz_copy_mappings(void) { is_active = 1; }

/// A copy of the file with the page's alignment, or null where there is no room for one more.
static void *copied(int descriptor, size_t length, off_t offset) {
  size_t slot = 0;
  while (slot < LARGEST && copies[slot] != NULL) slot++;
  void *copy = NULL;
  if (slot == LARGEST || posix_memalign(&copy, 4096, length) != 0) return NULL;
  size_t done = 0;
  while (done < length) {
    ssize_t count = pread(descriptor, (char *)copy + done, length - done, offset + (off_t)done);
    if (count <= 0) break;
    done += (size_t)count;
  }
  if (done < length) {
    free(copy);
    return NULL;
  }
  copies[slot] = copy;
  return copy;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  if (is_active && descriptor >= 0 && protection == PROT_READ && flags == MAP_PRIVATE && address == NULL && length > 0) {
    pthread_mutex_lock(&guard);
    void *copy = copied(descriptor, length, offset);
    pthread_mutex_unlock(&guard);
    if (copy != NULL) return copy;
  }
  return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}

int munmap(void *address, size_t length) {
  if (is_active) {
    pthread_mutex_lock(&guard);
    for (size_t slot = 0; slot < LARGEST; slot++) {
      if (copies[slot] != address || address == NULL) continue;
      copies[slot] = NULL;
      pthread_mutex_unlock(&guard);
      free(address);
      return 0;
    }
    pthread_mutex_unlock(&guard);
  }
  return (int)syscall(SYS_munmap, address, length);
}
