/// Kernels of dense retrieval: encoded rows, scores of a query against them, and search in a navigable graph.
///
/// Rows are padded with what decodes to zero up to a multiple of 64 bytes, so no kernel has a tail. Every sum is one fixed tree
/// of fused multiply-adds (int8: exact integers), so all builds return the same bits. A score is better the larger it is: the
/// inner product, or minus the squared distance.
#ifndef GRADUS_VECTORS_H
#define GRADUS_VECTORS_H

#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How the numbers of a row are stored.
typedef enum {
  GRD_VECTOR_FLOAT32 = 0,
  GRD_VECTOR_BFLOAT16 = 1,  ///< Nearest, ties to even; magnitudes below 2^-50 become zero, so that no product is subnormal.
  GRD_VECTOR_INT8 = 2,      ///< scale * (byte - 128), byte in 1...255; one scale a row.
} grd_vector_encoding;

typedef enum { GRD_VECTOR_DOT = 0, GRD_VECTOR_L2 = 1 } grd_vector_measure;

/// Dimensions at most: what an int8 product of two rows cannot overflow.
enum { GRD_VECTOR_MAX_DIMENSION = 32768 };

/// Encoded rows. 64-byte alignment of `codes` makes them faster, and is not needed.
typedef struct {
  grd_vector_encoding encoding;
  grd_vector_measure measure;
  size_t count;
  size_t stride;         ///< Bytes of a row: grd_vector_stride().
  const uint8_t *codes;  ///< [count][stride]
  const float *scales;   ///< int8: [count]; else unused.
  const float *norms;    ///< Squared lengths of the decoded rows, [count]; used by L2 alone.
} grd_vector_rows;

/// Bytes of a row of `dimension` numbers, a multiple of 64.
size_t grd_vector_stride(grd_vector_encoding encoding, size_t dimension);
/// Numbers that a row has room for: what a query must be padded to with zeros.
size_t grd_vector_elements(grd_vector_encoding encoding, size_t stride);

/// Encodes x[0..<dimension], which are finite, into code[0..<stride], padding included. Writes the scale (1 but for int8) and the
/// squared length of what the code decodes to.
void grd_vector_encode(grd_vector_encoding encoding, const float *x, size_t dimension, uint8_t *code, size_t stride, float *scale,
                       float *norm);
/// x[0..<dimension] from a code.
void grd_vector_decode(grd_vector_encoding encoding, const uint8_t *code, float scale, size_t dimension, float *x);

/// out[i] = score of `query` in full precision against row numbers[i], or row first + i where `numbers` is NULL.
/// query: [elements], padded with zeros. Rows must exist.
void grd_vector_scores(const grd_vector_rows *rows, const float *query, const uint32_t *numbers, size_t first, size_t count,
                       float *out);

/// A query in the encoding of the rows, for quick scores.
typedef struct {
  const void *values;  ///< float32, bfloat16, or int8 without the offset of 128; [elements].
  float scale;
  float norm;
  int32_t offset;  ///< int8: 128 times the sum of the values.
} grd_vector_query;

/// A query from a padded vector; `space`: [stride] bytes, aligned to 4, that must live as long as the result.
grd_vector_query grd_vector_prepare(const grd_vector_rows *rows, const float *query, void *space);
/// A row as a query. `space` as above; the row itself may be pointed to.
grd_vector_query grd_vector_prepare_row(const grd_vector_rows *rows, size_t row, void *space);
/// out[i] = quick score against row numbers[i], or row first + i where `numbers` is NULL.
void grd_vector_quick_scores(const grd_vector_rows *rows, const grd_vector_query *query, const uint32_t *numbers, size_t first,
                             size_t count, float *out);

/// Orders as the score does, ties by `low`: what heaps and pools compare. Scores are not NaN; -0 counts as 0.
static inline uint64_t grd_vector_key(float score, uint32_t low) {
  union { float f; uint32_t u; } bits = {score + 0.0f};
  const uint32_t ordered = bits.u & 0x80000000u ? ~bits.u : bits.u | 0x80000000u;
  return (uint64_t)ordered << 32 | low;
}

/// The score of a key.
static inline float grd_vector_key_score(uint64_t key) {
  const uint32_t ordered = (uint32_t)(key >> 32);
  union { uint32_t u; float f; } bits = {ordered & 0x80000000u ? ordered & 0x7fffffffu : ~ordered};
  return bits.f;
}

/// Offers keys (score, ranks[first + i]) to a heap of the best k whose least is at the root, and remembers the row number.
/// heap, numbers: [k]; *held of them are used. Ranks are distinct, so the outcome does not depend on the order of the offers.
void grd_vector_offer(const float *scores, const uint32_t *rows, size_t first, size_t count, const uint32_t *ranks, size_t k,
                      uint64_t *heap, uint32_t *numbers, size_t *held);

/// A navigable small world graph over rows (Malkov and Yashunin, 2018).
typedef struct {
  grd_vector_rows rows;     ///< At most 2^31 - 1.
  uint32_t degree;          ///< Links of a row on the lowest level, at most.
  uint32_t upper_degree;    ///< On each level above.
  const uint32_t *links;    ///< [count][1 + degree]: how many, then row numbers.
  const uint32_t *upper;    ///< [upper_blocks][1 + upper_degree]: levels 1, 2, ... of a row one after the other.
  size_t upper_blocks;
  const uint32_t *places;   ///< [count]: the first of a row's blocks in `upper`; GRD_NO_PLACE without.
  uint32_t entry;           ///< Row where searches begin.
  uint32_t entry_level;
} grd_graph;

#define GRD_NO_PLACE UINT32_MAX

/// Working memory of a search, private to its thread.
typedef struct {
  uint64_t *pool;      ///< [capacity + 1]: keys (score, row << 1 | is expanded), best first.
  size_t capacity;
  uint64_t *visited;   ///< [count / 64 + 1]; zero before and after each call.
  uint32_t *touched;   ///< [count / 64 + 2]: words of `visited` that a call has set.
  uint32_t *batch;     ///< [max(degree, upper_degree) + 16]
} grd_graph_scratch;

typedef enum { GRD_GRAPH_OK = 0, GRD_GRAPH_MALFORMED = 1 } grd_graph_status;

/// Walks from the entry down to `level`, then searches that level with a pool of `ef` (1 ... capacity). Finds scratch->pool[0 ..<
/// *found], best first, keys (score, row << 1 | 1). *seen: scores that were computed. Links are checked before they are followed.
grd_graph_status grd_graph_search(const grd_graph *graph, const grd_vector_query *query, uint32_t level, size_t ef,
                                  grd_graph_scratch *scratch, size_t *found, size_t *seen);
/// Goes on from the pool that a search of the level above has left: for inserting a row on several levels.
grd_graph_status grd_graph_continue(const grd_graph *graph, const grd_vector_query *query, uint32_t level, size_t ef,
                                    grd_graph_scratch *scratch, size_t *found);

/// Neighbour selection by the heuristic of the paper (algorithm 4, without filling up): a candidate is kept if it is closer to
/// the query than to every one kept before. candidates: keys (score, row << 1 | any), best first. selected, scores: [limit].
/// space: [stride]. Returns how many were kept.
size_t grd_graph_select(const grd_vector_rows *rows, const uint64_t *candidates, size_t count, size_t limit, void *space,
                        uint32_t *selected, float *scores);

#ifdef __cplusplus
}
#endif
#endif
