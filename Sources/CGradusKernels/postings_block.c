#include "postings_values.h"
#include <string.h>

// A block: the head of the gaps, the head of the tfs, gaps, tfs; postings_values.c has how they are packed.

size_t grd_encode_block(const uint32_t *docs, const uint32_t *tfs, size_t count, uint32_t previous, uint8_t *out) {
  uint32_t gaps[GRD_BLOCK], counts[GRD_BLOCK];
  for (size_t i = 0; i < count; i++) {
    gaps[i] = docs[i] - previous - 1;
    counts[i] = tfs[i] - 1;
    previous = docs[i];
  }
  size_t length = 2;
  length += grd_encode_values(gaps, count, &out[0], out + length);
  length += grd_encode_values(counts, count, &out[1], out + length);
  return length;
}

/// Gaps of at most so many bits cannot wrap round: 128 * 2^24 + 2^31 <= 2^32.
#define SAFE_GAP_BITS 24

static int gaps_wrap(const uint32_t *gaps, size_t count, uint32_t previous) {
  uint64_t sum = (uint64_t)(previous + 1);
  for (size_t i = 0; i < count; i++) sum += (uint64_t)gaps[i] + 1;
  return sum - 1 > UINT32_MAX;
}

/// Decodes documents and tfs. Returns bytes read, or 0.
static inline size_t decode(
  const uint8_t *in, size_t available, size_t count, uint32_t previous, uint32_t *docs, uint32_t *tfs) {
  if (available < 2) return 0;
  uint32_t bits;
  const size_t gap_bytes = grd_read_values(in[0], in + 2, available - 2, count, docs, &bits);
  if (gap_bytes == GRD_NO_VALUES) return 0;
  size_t length = 2 + gap_bytes;
  // Frequencies come between the gaps and their sums: gaps that were patched one by one are then in memory.
  if (in[1] != 0) {
    uint32_t tf_bits;
    const size_t tf_bytes = grd_read_values(in[1], in + length, available - length, count, tfs, &tf_bits);
    if (tf_bytes == GRD_NO_VALUES) return 0;
    length += tf_bytes;
  }
  if (bits > SAFE_GAP_BITS && gaps_wrap(docs, count, previous)) return 0;
  grd_gaps_to_docs(docs, count, previous);
  return length;
}

/// Turns what is stored of frequencies into these.
static inline void complete_tfs(uint8_t head, uint32_t *tfs) {
  if (head == 0) {
    for (size_t i = 0; i < GRD_BLOCK; i++) tfs[i] = 1;
  } else {
    for (size_t i = 0; i < GRD_BLOCK; i++) tfs[i] += 1;
  }
}

size_t grd_decode_block(
  const uint8_t *in, size_t available, size_t count, uint32_t previous, uint32_t last, uint32_t *docs, uint32_t *tfs) {
  const size_t length = decode(in, available, count, previous, docs, tfs);
  if (length == 0 || docs[count - 1] != last) return 0;
  complete_tfs(in[1], tfs);
  return length;
}

size_t grd_decode_only_block(
  const uint8_t *in, size_t available, size_t count, uint32_t documents, uint32_t *docs, uint32_t *tfs) {
  const size_t length = decode(in, available, count, GRD_BEFORE_FIRST, docs, tfs);
  if (length == 0 || docs[count - 1] >= documents) return 0;
  complete_tfs(in[1], tfs);
  return length;
}

static uint16_t saturated(uint32_t value) { return value > UINT16_MAX ? UINT16_MAX : (uint16_t)value; }

void grd_block_impacts(
  const uint32_t *docs, const uint32_t *tfs, size_t count, const uint32_t *lengths, grd_impact *impacts) {
  grd_impact front[GRD_BLOCK];
  size_t size = 0;
  for (size_t i = 0; i < count; i++) {
    const grd_impact posting = {saturated(tfs[i]), saturated(lengths[docs[i]])};
    int covered = 0;
    for (size_t j = 0; j < size && !covered; j++)
      covered = front[j].tf >= posting.tf && front[j].length <= posting.length;
    if (covered) continue;
    // Drop what the new pair covers, and keep the rest in descending order of tf (and so of length).
    size_t kept = 0;
    for (size_t j = 0; j < size; j++)
      if (front[j].tf > posting.tf || front[j].length < posting.length) front[kept++] = front[j];
    size = kept;
    size_t place = size;
    while (place > 0 && front[place - 1].tf < posting.tf) {
      front[place] = front[place - 1];
      place--;
    }
    front[place] = posting;
    size++;
  }
  memset(impacts, 0, 4 * sizeof *impacts);
  // More than four pairs: neighbours are joined, which keeps the bound.
  const size_t groups = size < 4 ? size : 4;
  for (size_t g = 0; g < groups; g++) {
    const size_t first = g * size / groups, end = (g + 1) * size / groups;
    impacts[g].tf = front[first].tf;
    impacts[g].length = front[end - 1].length;
  }
}

uint8_t grd_length_code(uint32_t length) {
  if (length < 16) return (uint8_t)length;
  const uint32_t shift = 27 - (uint32_t)__builtin_clz(length);
  return shift > 14 ? UINT8_MAX : (uint8_t)((shift + 1) << 4 | ((length >> shift) & 15));
}

uint32_t grd_coded_length(uint8_t code) { return code < 16 ? code : (uint32_t)(16 + (code & 15)) << ((code >> 4) - 1); }

void grd_pack_impacts(const grd_impact *impacts, uint8_t *out) {
  for (size_t i = 0; i < 4; i++) {
    out[2 * i] = impacts[i].tf > UINT8_MAX ? UINT8_MAX : (uint8_t)impacts[i].tf;
    out[2 * i + 1] = grd_length_code(impacts[i].length);
  }
}
