#include "gradus_postings.h"
#include <string.h>

// CRC-32C, reflected polynomial 0x82F63B78.

/// Effect of each value of the low four bits.
static const uint32_t nibble_table[16] = {
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t grd_crc32c_scalar(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *in = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; i++) {
    crc ^= in[i];
    crc = (crc >> 4) ^ nibble_table[crc & 15];
    crc = (crc >> 4) ^ nibble_table[crc & 15];
  }
  return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *in = bytes;
  uint64_t state = ~crc;
  for (; count >= 8; in += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, in, 8);
    state = _mm_crc32_u64(state, word);
  }
  uint32_t tail = (uint32_t)state;
  for (; count > 0; in++, count--) tail = _mm_crc32_u8(tail, *in);
  return ~tail;
}

uint32_t grd_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, bytes, count) : grd_crc32c_scalar(crc, bytes, count);
}

#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
/// HWCAP_CRC32 of <asm/hwcap.h>.
static int has_crc(void) { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }
#else
static int has_crc(void) { return 1; }
#endif

__attribute__((target("crc"))) static uint32_t crc32c_arm(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *in = bytes;
  crc = ~crc;
  for (; count >= 8; in += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, in, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; in++, count--) crc = __crc32cb(crc, *in);
  return ~crc;
}

uint32_t grd_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return has_crc() ? crc32c_arm(crc, bytes, count) : grd_crc32c_scalar(crc, bytes, count);
}

#else
uint32_t grd_crc32c(uint32_t crc, const void *bytes, size_t count) { return grd_crc32c_scalar(crc, bytes, count); }
#endif
