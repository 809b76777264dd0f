// How the numbers of a block lie in memory: between postings_values.c, which reads heads, and postings_pack.c, which unpacks.
#ifndef GRD_POSTINGS_VALUES_H
#define GRD_POSTINGS_VALUES_H

#include "gradus_postings.h"

#define GRD_GROUPS (GRD_BLOCK / GRD_GROUP)

/// Values that are grouped or patched. GRD_SLACK bytes are readable after them.
typedef struct {
  size_t count;
  /// Whether widths differ.
  int is_grouped;
  /// Of each group, at most 32.
  uint8_t widths[GRD_GROUPS];
  /// Each group begins where the one before it ends, at a byte.
  const uint8_t *packed;
  /// 0 where not patched; then what follows holds nothing.
  size_t exceptions;
  /// From 1 to 32.
  uint32_t upper_bits;
  /// Ascending strictly, below `count`.
  const uint8_t *places;
  const uint8_t *upper;
} grd_compact_values;

/// Returns the bits of the widest exception, 0 without, and more than 32 where one does not fit: then out holds anything.
/// out: [128].
uint32_t grd_unpack_compact(const grd_compact_values *values, uint32_t *out);
uint32_t grd_unpack_compact_scalar(const grd_compact_values *values, uint32_t *out);

/// grd_decode_values for heads above 32.
size_t grd_decode_compact(uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits);

/// grd_decode_values, which a decoder of blocks has to have inline.
static inline size_t grd_read_values(
  uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits) {
  if (head > 32) return grd_decode_compact(head, in, available, count, out, bits);
  const size_t length = (count * head + 7) / 8;
  if (length + GRD_SLACK > available) return GRD_NO_VALUES;
  grd_unpack_u32(in, count, head, out);
  *bits = head;
  return length;
}

#endif
