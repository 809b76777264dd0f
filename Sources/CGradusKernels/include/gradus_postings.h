#ifndef GRADUS_POSTINGS_H
#define GRADUS_POSTINGS_H
#include <stddef.h>
#include <stdint.h>

// Kernels of the inverted index: checksums, bit packing, posting cursors and the selection of the k best.
// Every kernel with a vector version has a scalar twin (`..._scalar`) that gives the same bits.

#ifdef __cplusplus
extern "C" {
#endif

/// CRC-32C (Castagnoli) of `count` bytes, going on from `crc`; start with 0.
uint32_t grd_crc32c(uint32_t crc, const void *bytes, size_t count);
uint32_t grd_crc32c_scalar(uint32_t crc, const void *bytes, size_t count);

/// Postings of one block, at most.
#define GRD_BLOCK 128
/// Bytes that must be readable after packed values: vector versions load whole registers.
#define GRD_SLACK 64

/// Packs `count <= 128` values of `bits <= 32` bits, value i in bits [i * bits, (i + 1) * bits) of a little-endian bit stream.
/// out: at least (count * bits + 7) / 8 + 8 bytes. Returns (count * bits + 7) / 8. No overlap.
size_t grd_pack_u32(const uint32_t *values, size_t count, uint32_t bits, uint8_t *out);

/// Reverses grd_pack_u32. in: GRD_SLACK bytes must be readable after the packed ones. out: [128]; entries from `count` up to
/// the next multiple of 16 are overwritten with anything. bits <= 32. No overlap.
void grd_unpack_u32(const uint8_t *in, size_t count, uint32_t bits, uint32_t *out);
void grd_unpack_u32_scalar(const uint8_t *in, size_t count, uint32_t bits, uint32_t *out);

/// Numbers that have a width of their own in a grouped block.
#define GRD_GROUP 16

/// In the head of values: groups of GRD_GROUP have widths of their own.
#define GRD_GROUPED 128
/// In the head of values: the upper parts of exceptions follow.
#define GRD_PATCHED 64
/// Exceptions of a block, at most.
#define GRD_EXCEPTIONS 8
/// Bytes that grd_encode_values writes at most, working space included: 128 * 4 + 16.
#define GRD_VALUES_BYTES 528
#define GRD_NO_VALUES SIZE_MAX

/// Packs 1 <= count <= 128 values in the shortest that it finds of these forms: all as wide as the widest; or narrower, with
/// the upper parts of up to GRD_EXCEPTIONS wider ones behind; or either of them with a width for each group. *head: which it
/// is, and the least width; not above 32 where all are as wide as the widest, and then the rest is that of grd_pack_u32.
/// out: [GRD_VALUES_BYTES]. Returns bytes written, which grd_pack_u32 never undercuts. No overlap.
size_t grd_encode_values(const uint32_t *values, size_t count, uint8_t *head, uint8_t *out);

/// Reverses grd_encode_values. available: readable bytes at `in`, slack included. out: [128]. *bits: no value has more; never
/// below 24 where the head is above 32. Returns bytes read, or GRD_NO_VALUES where they cannot be right: then
/// out holds anything. No overlap.
size_t grd_decode_values(uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits);
size_t grd_decode_values_scalar(
  uint8_t head, const uint8_t *in, size_t available, size_t count, uint32_t *out, uint32_t *bits);

/// values[i] = previous + (values[0] + 1) + ... + (values[i] + 1), modulo 2^32: gaps to document numbers. values: [128], of which
/// `count` count.
void grd_gaps_to_docs(uint32_t *values, size_t count, uint32_t previous);
void grd_gaps_to_docs_scalar(uint32_t *values, size_t count, uint32_t previous);

/// A pair that bounds postings of a block: every posting has a pair with tf at least and length at most its own.
/// tf 65535 stands for "any", length 65535 for "65535 or more", tf 0 for "no more pairs".
typedef struct {
  uint16_t tf;
  uint16_t length;
} grd_impact;

/// Skip data of one block in lists of GRD_LIST_WIDE. 24 bytes, alignment 4, part of the file format.
typedef struct {
  uint32_t last_doc;
  /// Of the block, from the end of the list's skip data.
  uint32_t offset;
  grd_impact impacts[4];
} grd_skip;

/// How a list of posting blocks lies in a file.
typedef enum {
  /// A grd_skip for each block, then the blocks. Aligned to 4.
  GRD_LIST_WIDE = 0,
  /// A list of one block is that block alone. Others: a head, a record for each block, then the blocks. Head: bytes of a last
  /// document less 1, and four times those of an offset less 1. Record: the last document; the offset of the block from the end
  /// of the records; four pairs of a byte for a tf (255 stands for "any", 0 for "no more pairs") and a byte for a length
  /// (grd_length_code). Not aligned.
  GRD_LIST_PACKED = 1,
} grd_list_layout;

/// Bytes of four pairs in a record of GRD_LIST_PACKED.
#define GRD_PACKED_IMPACTS 8

/// The code of the greatest length that a code stands for and that `length` is no shorter than: codes below 16 stand for
/// themselves, 16 e + m for (16 + m) * 2^(e - 1), which is less than length by a 17th part at most; the greatest is 507,904.
uint8_t grd_length_code(uint32_t length);
uint32_t grd_coded_length(uint8_t code);
/// The bytes of four pairs: frequencies from 255 up become "any", lengths are rounded down, so that the bound holds. out: [8].
void grd_pack_impacts(const grd_impact *impacts, uint8_t *out);

/// Document number before the first of a list.
#define GRD_BEFORE_FIRST UINT32_MAX
/// Bytes that grd_encode_block writes at most, working space included: 2 + 2 * 128 * 4 + 16.
#define GRD_BLOCK_BYTES 1042

/// Encodes a block: the heads of gaps and tfs, then the gaps less 1 and the tfs less 1 as grd_encode_values has them. docs
/// ascend and are > previous (GRD_BEFORE_FIRST at the start of a list), tfs >= 1, 1 <= count <= 128. out: [GRD_BLOCK_BYTES].
/// Returns bytes written.
/// The block is as it was before there were grouped and patched ones unless one of its heads is above 32.
size_t grd_encode_block(const uint32_t *docs, const uint32_t *tfs, size_t count, uint32_t previous, uint8_t *out);

/// Decodes a block of `count` postings whose last document is `last`. available: readable bytes at `in`, slack included.
/// docs, tfs: [128]. Returns bytes read, or 0 where the block cannot be right: then docs and tfs hold anything.
/// After success docs[0..<count] ascend strictly and end with `last`. last < 2^31.
size_t grd_decode_block(
  const uint8_t *in, size_t available, size_t count, uint32_t previous, uint32_t last, uint32_t *docs, uint32_t *tfs);
/// The same for the one block of a list: its documents are below `documents` < 2^31.
size_t grd_decode_only_block(
  const uint8_t *in, size_t available, size_t count, uint32_t documents, uint32_t *docs, uint32_t *tfs);

/// The pairs that bound a block, best tf first. lengths: of documents. impacts: [4].
void grd_block_impacts(
  const uint32_t *docs, const uint32_t *tfs, size_t count, const uint32_t *lengths, grd_impact *impacts);

/// Formulas of ranking models: what one posting adds to its document's score. L is the document's length, avg the average one;
/// weight, a, b, c and d belong to the term (grd_term), the others to the model (grd_scorer). x is the normalised tf of GRD_DFR.
typedef enum {
  /// weight * tf / (tf + (base + slope * L))
  GRD_BM25 = 0,
  /// GRD_BM25 + a
  GRD_BM25_PLUS,
  /// weight * (tf + p * B) / (tf + q * B), B = base + slope * L
  GRD_BM25_L,
  /// weight * ln(1 + tf / a)
  GRD_DIRICHLET,
  /// weight * ln(1 + a * tf / L)
  GRD_JELINEK_MERCER,
  /// weight * (1 + ln tf)
  GRD_LOG_TF,
  /// weight * sqrt(tf / L)
  GRD_ROOT_TF,
  /// weight * (1 + ln(1 + ln tf)) / (base + slope * L)
  GRD_PIVOTED,
  /// weight
  GRD_PRESENCE,
  /// With e = a * L, and 0 where tf <= e: weight * log2(1 + (tf - e) / sqrt(e)), ... / e), ... squared / e)
  GRD_DFI_STANDARDIZED,
  GRD_DFI_SATURATED,
  GRD_DFI_CHI_SQUARED,
  /// weight * (1 - f)^2 / (tf + 1) * (tf * log2(tf * a / L) + 0.5 * log2(2 pi tf (1 - f))), f = tf / L; 0 where f >= 1
  GRD_DPH,
  /// weight * information(x) * c, divided by x + 1 where has_after_effect
  GRD_DFR,
  /// weight * tf, where what stands as tf is a quantised weight: at most 2^31 - 1
  GRD_LINEAR,
  /// weight * a * x / (x + p), x the sum over the fields of w * tf / (base + slope * L), each with the tf and the length that the
  /// document has there: see grd_fields. Where one value stands for tf and length, it is x.
  GRD_BM25F,
} grd_formula;

/// Information that a term carries in GRD_DFR, in bits.
typedef enum {
  /// x (the term's weight holds the rest)
  GRD_DFR_LINEAR = 0,
  /// Poisson, a = mean: x log2(x / a) + (a - x) log2(e) + 0.5 log2(2 pi x)
  GRD_DFR_POISSON,
  /// Divergence approximation of the binomial, a = F, b = N.
  GRD_DFR_DIVERGENCE,
  /// Geometric: a + b x
  GRD_DFR_GEOMETRIC,
  /// Bose-Einstein by Stirling's formula, a = F, b = N.
  GRD_DFR_BOSE_EINSTEIN,
} grd_dfr_basic;

/// Normalised tf of GRD_DFR.
typedef enum {
  /// tf
  GRD_DFR_PLAIN = 0,
  /// tf * avg / L
  GRD_DFR_DENSITY,
  /// tf * log2(1 + p * avg / L)
  GRD_DFR_LOG_DENSITY,
  /// p * (tf + p * d) / (L + p)
  GRD_DFR_DIRICHLET,
  /// tf * (avg / L)^p
  GRD_DFR_PARETO,
} grd_dfr_normalization;

/// Fields that documents may have.
#define GRD_FIELDS 16
/// The field whose frequencies are not stored: it has what the others leave of a posting's tf.
#define GRD_REST_FIELD 1

/// The fields of documents as GRD_BM25F weighs them.
typedef struct {
  /// From 2 to GRD_FIELDS; 0 for models that know no fields.
  size_t count;
  double weight[GRD_FIELDS];
  double base[GRD_FIELDS];
  double slope[GRD_FIELDS];
  /// By document number: unsigned numbers of `width` bytes, which is 1, 2 or 4.
  const void *lengths[GRD_FIELDS];
  uint8_t width[GRD_FIELDS];
} grd_fields;

/// A ranking model over one collection. Double arithmetic, each operation rounded once: the same bits in every version.
typedef struct {
  grd_formula formula;
  grd_dfr_basic basic;
  grd_dfr_normalization normalization;
  int has_after_effect;
  /// Contributions / weight never fall with tf and never rise with L, and are not negative: skip data bounds them. Otherwise
  /// grd_term.bounds must be given wherever bounds are asked for.
  int is_monotone;
  double base;
  double slope;
  double p;
  double q;
  double average_length;
  /// By document number; `documents` of them.
  const uint32_t *lengths;
  uint32_t documents;
  /// For GRD_BM25F.
  grd_fields fields;
} grd_scorer;

/// What a formula needs to know about a term.
typedef struct {
  double weight;
  double a;
  double b;
  double c;
  double d;
  /// No posting has a greater tf.
  double largest_tf;
  /// Per block, the greatest contribution for a weight of 1; or NULL.
  const double *bounds;
} grd_term;

/// out[i] = contribution of (docs[i], tfs[i]). docs < scorer->documents.
void grd_contributions(
  const grd_scorer *scorer, const grd_term *term, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out);
/// The same for GRD_BM25.
void grd_bm25_contributions(
  const grd_scorer *scorer, double weight, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out);
void grd_bm25_contributions_scalar(
  const grd_scorer *scorer, double weight, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out);
/// Contribution of one posting of a document of the given length.
double grd_contribution(const grd_scorer *scorer, const grd_term *term, double tf, double length);

/// out[i] = contribution under GRD_BM25F of a posting of docs[i] with the frequency field_tfs[f * GRD_BLOCK + i] in field f; 0
/// where no field of a positive weight has the term. count <= GRD_BLOCK.
void grd_field_contributions(
  const grd_scorer *scorer, const grd_term *term, const uint32_t *docs, const uint32_t *field_tfs, size_t count,
  double *out);

/// Skip data of a list as cursors read it, in both layouts.
typedef struct {
  /// Of the blocks, one after the other; each begins with the last document.
  const uint8_t *records;
  size_t stride;
  /// Of the offset and of the pairs in a record.
  size_t offset_place;
  size_t impacts_place;
  uint32_t doc_mask;
  uint32_t offset_mask;
} grd_skips;

/// A reader of one posting list that only moves forward.
typedef struct {
  grd_skips skips;
  grd_list_layout layout;
  /// Whether the list has one block and no skip data: it is decoded when the cursor is opened.
  int is_whole;
  /// Of a list that is whole, the record: its last document.
  uint32_t last_doc;
  const uint8_t *data;
  /// Readable bytes at `data`, slack included.
  size_t available;
  size_t blocks;
  size_t documents;
  grd_term term;
  /// First block that may hold postings not yet passed.
  size_t block;
  /// Decoded block, or SIZE_MAX.
  size_t decoded;
  size_t decoded_count;
  /// Block whose contributions are in `parts`, or SIZE_MAX.
  size_t evaluated;
  /// First posting of the decoded block not yet passed.
  size_t position;
  /// Frequencies by field: see grd_cursor_attach_fields; NULL where there are none.
  const uint8_t *fields;
  /// Readable bytes at `fields`, slack included.
  size_t fields_available;
  /// Block whose frequencies are in field_tfs, or SIZE_MAX.
  size_t fields_decoded;
  uint32_t *field_tfs;
  uint32_t docs[GRD_BLOCK];
  uint32_t tfs[GRD_BLOCK];
  /// Of the evaluated block.
  double parts[GRD_BLOCK];
} grd_cursor;

typedef enum { GRD_POSTINGS_OK = 0, GRD_POSTINGS_MALFORMED = 1, GRD_FIELDS_MALFORMED = 2 } grd_postings_status;

/// Opens a list of `documents >= 1` postings, of the collection that `scorer` knows. The cursor must not be moved in memory.
grd_postings_status grd_cursor_open(
  grd_cursor *cursor, const grd_scorer *scorer, grd_list_layout layout, const uint8_t *list, size_t available,
  size_t documents, const grd_term *term);
/// Opens a list of one posting that is held in the dictionary.
grd_postings_status grd_cursor_open_single(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t doc, uint32_t tf, const grd_term *term);

/// Gives an open cursor the frequencies by field of its list, for GRD_BM25F: for each block but the first u32 bytes from the end
/// of these numbers to the block, then the blocks. A block: for each field but GRD_REST_FIELD the head of its
/// frequencies, then these as grd_encode_values has them. available: readable bytes at `list`, slack included. field_tfs:
/// working space, [fields][GRD_BLOCK].
void grd_cursor_attach_fields(grd_cursor *cursor, const uint8_t *list, size_t available, uint32_t *field_tfs);
/// Puts the frequencies of the decoded block into field_tfs, row after row; `fields` is how many there are.
grd_postings_status grd_cursor_decode_fields(grd_cursor *cursor, size_t fields);

/// First document >= `doc` that the list may still hold, without decoding; `scorer->documents` where there is none.
uint32_t grd_cursor_candidate(grd_cursor *cursor, const grd_scorer *scorer, uint32_t doc);
/// No contribution of a posting in [from, to) exceeds this by more than some units in the last place, and it is not negative.
/// `*postings` is no less than how many there are.
double grd_cursor_bound(grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, size_t *postings);
/// scores[doc - from] += contribution, for all postings in [from, to), and marks[doc - from] = 1 unless marks is NULL. Passes
/// them.
grd_postings_status grd_cursor_accumulate(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, double *scores, uint8_t *marks);
/// Places of a window that postings were added to, in no order, some more than once.
typedef struct {
  /// [capacity]
  uint32_t *offsets;
  size_t capacity;
  /// More than `capacity` where there were too many: `offsets` then means nothing.
  size_t count;
} grd_touched;

/// grd_cursor_accumulate without marks, for windows in which lists have few postings: lists the places.
grd_postings_status grd_cursor_accumulate_few(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, double *scores, grd_touched *touched);
/// scores[i] += contribution of document from + offsets[i], where the list has it. offsets ascend. Passes them.
grd_postings_status grd_cursor_refine(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, const uint32_t *offsets, double *scores, size_t count);
/// The same, leaving out documents that cannot reach `least` any more: those whose score, together with what the list and, with
/// `rest`, what others can add at most, is below it. Blocks that hold no other documents are not decoded. Packs offsets and
/// scores of those that are left; *count is how many.
grd_postings_status grd_cursor_refine_best(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t *offsets, double *scores, size_t *count,
  double rest, double least);
/// Term frequency in one document, 0 where it is not in the list. Documents must be asked for in ascending order.
grd_postings_status grd_cursor_tf(grd_cursor *cursor, uint32_t doc, uint32_t *tf);
/// bounds[block] = the greatest contribution of a block's postings for the cursor's term, for all blocks of a cursor that has
/// just been opened; *least and *greatest over all postings and 0. Reads the list to its end.
grd_postings_status grd_cursor_block_bounds(
  grd_cursor *cursor, const grd_scorer *scorer, double *bounds, double *least, double *greatest);
/// docs[0..<cursor->documents] = all documents of a cursor that has just been opened. documents: of the collection.
grd_postings_status grd_cursor_documents(grd_cursor *cursor, uint32_t documents, uint32_t *docs);
/// Occurrences in the decoded block: the sum of its tfs.
size_t grd_cursor_block_occurrences(const grd_cursor *cursor);
/// Positions of all postings of the decoded block, from `available` bytes of gaps in variable-length numbers. positions:
/// [grd_cursor_block_occurrences]; those of posting i are in [starts[i], starts[i + 1]) and ascend strictly.
/// starts: [GRD_BLOCK + 1].
grd_postings_status grd_cursor_block_positions(
  const grd_cursor *cursor, const uint8_t *in, size_t available, uint32_t *positions, uint32_t *starts);
/// Documents between which those of the next block lie, `*last` among them. Returns 0 at the end of the list.
int grd_cursor_next_range(const grd_cursor *cursor, uint32_t *first, uint32_t *last);
/// The next block whole: docs and tfs are in the cursor, `*count` of them; 0 at the end of the list.
grd_postings_status grd_cursor_next_block(grd_cursor *cursor, size_t *count);

/// Lists the positions and values of scores >= minimum (> 0) in order and sets all of scores[0..<count] to 0.
/// offsets, values: [count + 8]. Returns how many. No overlap.
size_t grd_take_scores(double *scores, size_t count, double minimum, uint32_t *offsets, double *values);
size_t grd_take_scores_scalar(double *scores, size_t count, double minimum, uint32_t *offsets, double *values);

/// The same as grd_take_scores, where only the places that are listed can hold other scores than 0: the positions are left in
/// touched->offsets. touched->count is not above the capacity. values: [touched->count].
size_t grd_take_touched(double *scores, grd_touched *touched, double minimum, double *values);

/// Lists the positions and values of marked scores >= minimum in order, and sets all of scores and marks to 0.
/// offsets, values: [count]. Returns how many. No overlap.
size_t grd_take_marked(
  double *scores, uint8_t *marks, size_t count, double minimum, uint32_t *offsets, double *values);

/// A document and its score; the rank among docnos in byte order decides ties, the greater first.
typedef struct {
  uint32_t doc;
  uint32_t rank;
  double score;
} grd_hit;

/// The k best hits seen so far, and some more that the next selection drops.
typedef struct {
  /// [capacity]
  grd_hit *hits;
  /// [capacity], working space.
  grd_hit *spare;
  size_t count;
  /// > k, < 2^32.
  size_t capacity;
  /// >= 1.
  size_t k;
  /// Hits below it cannot be among the k best; before there are k, what no hit falls short of.
  double minimum;
} grd_topk;

/// Offers documents from + offsets[i]; scores that are not numbers are left out. ranks: by document number.
void grd_topk_push(
  grd_topk *top, uint32_t from, const uint32_t *offsets, const double *scores, size_t count, const uint32_t *ranks);
/// Drops all but the k best and raises `minimum`.
void grd_topk_settle(grd_topk *top);
/// What the k-th of `count` scores is at least: top->minimum is raised to the k-th of the maxima of each 32 of them, where that
/// is greater, and returned. It is rarely much less than the k-th score, and much quicker to find. The hits of `top`, which must
/// be empty, are working space. Nothing happens where they are too few, or the scores fewer than 32 (k - 1) + 1.
double grd_topk_expect(grd_topk *top, const double *scores, size_t count);
double grd_topk_expect_scalar(grd_topk *top, const double *scores, size_t count);
/// Orders hits: score descending, then rank descending. O(n log n) in any case, O(n) where scores
/// are spread evenly. spare: [count], working space. count < 2^32.
void grd_hits_sort(grd_hit *hits, grd_hit *spare, size_t count);

#ifdef __cplusplus
}
#endif
#endif
