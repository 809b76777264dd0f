#include "gradus_postings.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define NOT_DECODED SIZE_MAX

static inline uint32_t load(const uint8_t *in) {
  uint32_t word;
  memcpy(&word, in, sizeof word);
  return word;
}

static inline uint32_t last_doc(const grd_cursor *cursor, size_t block) {
  return load(cursor->skips.records + block * cursor->skips.stride) & cursor->skips.doc_mask;
}

static inline uint32_t block_offset(const grd_cursor *cursor, size_t block) {
  const grd_skips *skips = &cursor->skips;
  return load(skips->records + block * skips->stride + skips->offset_place) & skips->offset_mask;
}

/// What a pair says about postings: `is_any` where about their tf nothing.
typedef struct {
  uint32_t tf;
  uint32_t length;
  int is_any;
} pair;

/// Reads a pair of a block. Returns 0 where there are no more.
static inline int read_pair(const grd_cursor *cursor, size_t block, size_t number, pair *out) {
  const uint8_t *in = cursor->skips.records + block * cursor->skips.stride + cursor->skips.impacts_place;
  if (cursor->layout == GRD_LIST_PACKED) {
    out->tf = in[2 * number];
    out->length = grd_coded_length(in[2 * number + 1]);
    out->is_any = out->tf == UINT8_MAX;
  } else {
    grd_impact impact;
    memcpy(&impact, in + number * sizeof impact, sizeof impact);
    out->tf = impact.tf;
    out->length = impact.length;
    out->is_any = impact.tf == UINT16_MAX;
  }
  return out->tf != 0;
}

static void start(grd_cursor *cursor, size_t documents, const grd_term *term) {
  cursor->documents = documents;
  cursor->blocks = (documents + GRD_BLOCK - 1) / GRD_BLOCK;
  cursor->term = *term;
  cursor->block = 0;
  cursor->decoded = NOT_DECODED;
  cursor->decoded_count = 0;
  cursor->evaluated = NOT_DECODED;
  cursor->position = 0;
  cursor->is_whole = 0;
  cursor->fields = NULL;
  cursor->fields_decoded = NOT_DECODED;
}

/// For a list whose one block is in docs and tfs.
static void hold(grd_cursor *cursor) {
  cursor->is_whole = 1;
  cursor->last_doc = cursor->docs[cursor->documents - 1];
  cursor->skips = (grd_skips){.records = (const uint8_t *)&cursor->last_doc, .doc_mask = UINT32_MAX};
  cursor->data = NULL;
  cursor->available = 0;
  cursor->decoded = 0;
  cursor->decoded_count = cursor->documents;
}

grd_postings_status grd_cursor_open(
  grd_cursor *cursor, const grd_scorer *scorer, grd_list_layout layout, const uint8_t *list, size_t available,
  size_t documents, const grd_term *term) {
  start(cursor, documents, term);
  cursor->layout = layout;
  if (documents == 0) return GRD_POSTINGS_MALFORMED;
  size_t head = 0;
  if (layout == GRD_LIST_WIDE) {
    if ((uintptr_t)list % _Alignof(grd_skip) != 0) return GRD_POSTINGS_MALFORMED;
    cursor->skips = (grd_skips){
      .records = list, .stride = sizeof(grd_skip), .offset_place = offsetof(grd_skip, offset),
      .impacts_place = offsetof(grd_skip, impacts), .doc_mask = UINT32_MAX, .offset_mask = UINT32_MAX};
  } else if (cursor->blocks == 1) {
    if (grd_decode_only_block(list, available, documents, scorer->documents, cursor->docs, cursor->tfs) == 0)
      return GRD_POSTINGS_MALFORMED;
    hold(cursor);
    return GRD_POSTINGS_OK;
  } else {
    if (available == 0 || list[0] > 15) return GRD_POSTINGS_MALFORMED;
    const uint32_t doc_bytes = (list[0] & 3) + 1, offset_bytes = (list[0] >> 2) + 1;
    cursor->skips = (grd_skips){
      .records = list + 1, .stride = doc_bytes + offset_bytes + GRD_PACKED_IMPACTS, .offset_place = doc_bytes,
      .impacts_place = doc_bytes + offset_bytes, .doc_mask = UINT32_MAX >> (32 - 8 * doc_bytes),
      .offset_mask = UINT32_MAX >> (32 - 8 * offset_bytes)};
    head = 1;
  }
  if (available < head || cursor->blocks > (available - head) / cursor->skips.stride) return GRD_POSTINGS_MALFORMED;
  const size_t skip_bytes = head + cursor->blocks * cursor->skips.stride;
  cursor->data = list + skip_bytes;
  cursor->available = available - skip_bytes;
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_open_single(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t doc, uint32_t tf, const grd_term *term) {
  start(cursor, 1, term);
  if (doc >= scorer->documents || tf == 0) return GRD_POSTINGS_MALFORMED;
  cursor->docs[0] = doc;
  cursor->tfs[0] = tf;
  hold(cursor);
  return GRD_POSTINGS_OK;
}

static size_t block_size(const grd_cursor *cursor, size_t block) {
  return block + 1 < cursor->blocks ? GRD_BLOCK : cursor->documents - block * GRD_BLOCK;
}

static void pass_blocks(grd_cursor *cursor, uint32_t doc) {
  while (cursor->block < cursor->blocks && last_doc(cursor, cursor->block) < doc) cursor->block++;
}

/// First document that a block may hold.
static inline uint32_t first_doc(const grd_cursor *cursor, size_t block) {
  return block == 0 ? 0 : last_doc(cursor, block - 1) + 1;
}

/// Makes cursor->block the decoded one.
static grd_postings_status decode(grd_cursor *cursor, uint32_t documents) {
  const size_t block = cursor->block;
  if (cursor->decoded == block) return GRD_POSTINGS_OK;
  const uint32_t last = last_doc(cursor, block), offset = block_offset(cursor, block);
  const uint32_t previous = block == 0 ? GRD_BEFORE_FIRST : last_doc(cursor, block - 1);
  cursor->decoded = NOT_DECODED;
  cursor->evaluated = NOT_DECODED;
  if (last >= documents || offset > cursor->available) return GRD_POSTINGS_MALFORMED;
  if (block > 0 && previous >= last) return GRD_POSTINGS_MALFORMED;
  const size_t count = block_size(cursor, block);
  if (grd_decode_block(
        cursor->data + offset, cursor->available - offset, count, previous, last, cursor->docs, cursor->tfs) == 0)
    return GRD_POSTINGS_MALFORMED;
  cursor->decoded = block;
  cursor->decoded_count = count;
  cursor->position = 0;
  return GRD_POSTINGS_OK;
}

void grd_cursor_attach_fields(grd_cursor *cursor, const uint8_t *list, size_t available, uint32_t *field_tfs) {
  cursor->fields = list;
  cursor->fields_available = available;
  cursor->field_tfs = field_tfs;
  cursor->fields_decoded = NOT_DECODED;
}

grd_postings_status grd_cursor_decode_fields(grd_cursor *cursor, size_t fields) {
  const size_t block = cursor->decoded, count = cursor->decoded_count, available = cursor->fields_available;
  if (cursor->fields == NULL) return GRD_FIELDS_MALFORMED;
  if (cursor->fields_decoded == block) return GRD_POSTINGS_OK;
  cursor->fields_decoded = NOT_DECODED;
  const size_t table = 4 * (cursor->blocks - 1);
  if (table > available) return GRD_FIELDS_MALFORMED;
  uint32_t offset = 0;
  if (block > 0) memcpy(&offset, cursor->fields + 4 * (block - 1), sizeof offset);
  size_t place = table + offset;
  for (size_t field = 0; field < fields; field++) {
    if (field == GRD_REST_FIELD) continue;
    if (place >= available) return GRD_FIELDS_MALFORMED;
    const uint8_t head = cursor->fields[place++];
    uint32_t bits;
    const size_t bytes = grd_decode_values(
      head, cursor->fields + place, available - place, count, cursor->field_tfs + field * GRD_BLOCK, &bits);
    if (bytes == GRD_NO_VALUES) return GRD_FIELDS_MALFORMED;
    place += bytes;
  }
  for (size_t i = 0; i < count; i++) {
    uint64_t sum = 0;
    for (size_t field = 0; field < fields; field++)
      if (field != GRD_REST_FIELD) sum += cursor->field_tfs[field * GRD_BLOCK + i];
    if (sum > cursor->tfs[i]) return GRD_FIELDS_MALFORMED;
    cursor->field_tfs[GRD_REST_FIELD * GRD_BLOCK + i] = cursor->tfs[i] - (uint32_t)sum;
  }
  cursor->fields_decoded = block;
  return GRD_POSTINGS_OK;
}

/// out[i] = contribution of posting first + i of the decoded block.
static grd_postings_status contributions(
  grd_cursor *cursor, const grd_scorer *scorer, size_t first, size_t count, double *out) {
  if (scorer->formula != GRD_BM25F) {
    grd_contributions(scorer, &cursor->term, cursor->docs + first, cursor->tfs + first, count, out);
    return GRD_POSTINGS_OK;
  }
  const grd_postings_status status = grd_cursor_decode_fields(cursor, scorer->fields.count);
  if (status != GRD_POSTINGS_OK) return status;
  grd_field_contributions(scorer, &cursor->term, cursor->docs + first, cursor->field_tfs + first, count, out);
  return GRD_POSTINGS_OK;
}

/// Puts the contributions of the decoded block into cursor->parts.
static grd_postings_status evaluate(grd_cursor *cursor, const grd_scorer *scorer) {
  if (cursor->evaluated == cursor->decoded) return GRD_POSTINGS_OK;
  const grd_postings_status status = contributions(cursor, scorer, 0, cursor->decoded_count, cursor->parts);
  if (status == GRD_POSTINGS_OK) cursor->evaluated = cursor->decoded;
  return status;
}

uint32_t grd_cursor_candidate(grd_cursor *cursor, const grd_scorer *scorer, uint32_t doc) {
  pass_blocks(cursor, doc);
  if (cursor->block == cursor->blocks) return scorer->documents;
  if (cursor->decoded == cursor->block) {
    size_t i = cursor->position;
    while (i < cursor->decoded_count && cursor->docs[i] < doc) i++;
    if (i < cursor->decoded_count) return cursor->docs[i];
  }
  const uint32_t first = first_doc(cursor, cursor->block);
  return first > doc ? first : doc;
}

static double bm25_bound(const grd_cursor *cursor, const grd_scorer *scorer, size_t block) {
  const double weight = cursor->term.weight;
  double best = 0;
  pair pair;
  for (size_t i = 0; i < 4 && read_pair(cursor, block, i, &pair); i++) {
    if (pair.is_any) return weight;
    const double part = pair.tf / (pair.tf + (scorer->base + scorer->slope * pair.length));
    if (part > best) best = part;
  }
  return weight * best;
}

/// Of a list that is whole: what its greatest contribution is.
static double whole_bound(grd_cursor *cursor, const grd_scorer *scorer) {
  if (evaluate(cursor, scorer) != GRD_POSTINGS_OK) return INFINITY;
  double best = 0;
  for (size_t i = 0; i < cursor->decoded_count; i++)
    if (cursor->parts[i] > best) best = cursor->parts[i];
  return best;
}

static double block_bound(grd_cursor *cursor, const grd_scorer *scorer, size_t block) {
  if (cursor->term.bounds != NULL) return cursor->term.weight * cursor->term.bounds[block];
  if (cursor->is_whole) return whole_bound(cursor, scorer);
  if (scorer->formula == GRD_BM25) return bm25_bound(cursor, scorer, block);
  double best = 0;
  pair pair;
  for (size_t i = 0; i < 4 && read_pair(cursor, block, i, &pair); i++) {
    const double tf = pair.is_any ? cursor->term.largest_tf : pair.tf;
    const double part = grd_contribution(scorer, &cursor->term, tf, pair.length);
    if (part > best) best = part;
  }
  return best;
}

double grd_cursor_bound(grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, size_t *postings) {
  pass_blocks(cursor, from);
  double best = 0;
  size_t block = cursor->block;
  for (; block < cursor->blocks; block++) {
    if (block > 0 && first_doc(cursor, block) >= to) break;
    const double bound = block_bound(cursor, scorer, block);
    if (bound > best) best = bound;
  }
  *postings = cursor->is_whole && block > cursor->block ? cursor->documents : (block - cursor->block) * GRD_BLOCK;
  return best;
}

grd_postings_status grd_cursor_accumulate(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, double *scores, uint8_t *marks) {
  pass_blocks(cursor, from);
  while (cursor->block < cursor->blocks) {
    const size_t block = cursor->block;
    if (block > 0 && first_doc(cursor, block) >= to) return GRD_POSTINGS_OK;
    if (decode(cursor, scorer->documents) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    size_t first = cursor->position;
    while (first < cursor->decoded_count && cursor->docs[first] < from) first++;
    size_t end = cursor->decoded_count;
    if (last_doc(cursor, block) >= to) {
      end = first;
      while (cursor->docs[end] < to) end++;
    }
    const grd_postings_status status = evaluate(cursor, scorer);
    if (status != GRD_POSTINGS_OK) return status;
    const double *parts = cursor->parts;
    for (size_t i = first; i < end; i++) scores[cursor->docs[i] - from] += parts[i];
    if (marks != NULL)
      for (size_t i = first; i < end; i++) marks[cursor->docs[i] - from] = 1;
    cursor->position = end;
    if (end < cursor->decoded_count) return GRD_POSTINGS_OK;
    cursor->block++;
  }
  return GRD_POSTINGS_OK;
}

/// Moves to the first posting with a document >= doc. Sets `*found` where it is doc itself.
static grd_postings_status seek(grd_cursor *cursor, uint32_t documents, uint32_t doc, int *found) {
  *found = 0;
  pass_blocks(cursor, doc);
  if (cursor->block == cursor->blocks) return GRD_POSTINGS_OK;
  // A document in the gap before an undecoded block still needs the block: only its last document is known.
  if (decode(cursor, documents) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
  size_t i = cursor->position;
  const size_t count = cursor->decoded_count;
  // The block's last document is >= doc, so the search ends inside it.
  while (i + 16 < count && cursor->docs[i + 15] < doc) i += 16;
  while (i + 1 < count && cursor->docs[i] < doc) i++;
  cursor->position = i;
  *found = cursor->docs[i] == doc;
  return GRD_POSTINGS_OK;
}

/// Contribution of the posting that was found.
static inline grd_postings_status found_contribution(grd_cursor *cursor, const grd_scorer *scorer, double *part) {
  if (cursor->evaluated == cursor->decoded) {
    *part = cursor->parts[cursor->position];
    return GRD_POSTINGS_OK;
  }
  if (scorer->formula == GRD_BM25F) return contributions(cursor, scorer, cursor->position, 1, part);
  *part = grd_contribution(
    scorer, &cursor->term, cursor->tfs[cursor->position], scorer->lengths[cursor->docs[cursor->position]]);
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_refine(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, const uint32_t *offsets, double *scores, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int found;
    if (seek(cursor, scorer->documents, from + offsets[i], &found) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    if (cursor->block == cursor->blocks) return GRD_POSTINGS_OK;
    if (!found) continue;
    double part;
    const grd_postings_status status = found_contribution(cursor, scorer, &part);
    if (status != GRD_POSTINGS_OK) return status;
    scores[i] += part;
  }
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_refine_best(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t *offsets, double *scores, size_t *count,
  double rest, double least) {
  size_t kept = 0, bounded = NOT_DECODED;
  double bound = 0;
  for (size_t i = 0; i < *count; i++) {
    const uint32_t doc = from + offsets[i];
    double score = scores[i];
    pass_blocks(cursor, doc);
    if (cursor->block < cursor->blocks) {
      if (cursor->block != bounded) {
        bounded = cursor->block;
        bound = block_bound(cursor, scorer, bounded);
        // A document in no posting of the block gets nothing, which may be more.
        if (bound < 0) bound = 0;
      }
      if (!(score + bound + rest >= least)) continue;
      int found;
      if (seek(cursor, scorer->documents, doc, &found) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
      if (found) {
        double part;
        const grd_postings_status status = found_contribution(cursor, scorer, &part);
        if (status != GRD_POSTINGS_OK) return status;
        score += part;
      }
    }
    if (!(score + rest >= least)) continue;
    offsets[kept] = offsets[i];
    scores[kept++] = score;
  }
  *count = kept;
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_tf(grd_cursor *cursor, uint32_t doc, uint32_t *tf) {
  int found;
  *tf = 0;
  if (seek(cursor, UINT32_MAX >> 1, doc, &found) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
  if (found) *tf = cursor->tfs[cursor->position];
  return GRD_POSTINGS_OK;
}

int grd_cursor_next_range(const grd_cursor *cursor, uint32_t *first, uint32_t *last) {
  if (cursor->block == cursor->blocks) return 0;
  *first = first_doc(cursor, cursor->block);
  *last = last_doc(cursor, cursor->block);
  return 1;
}

grd_postings_status grd_cursor_next_block(grd_cursor *cursor, size_t *count) {
  *count = 0;
  if (cursor->block == cursor->blocks) return GRD_POSTINGS_OK;
  if (decode(cursor, UINT32_MAX >> 1) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
  *count = cursor->decoded_count;
  cursor->block++;
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_block_bounds(
  grd_cursor *cursor, const grd_scorer *scorer, double *bounds, double *least, double *greatest) {
  *least = 0;
  *greatest = 0;
  for (size_t block = 0; block < cursor->blocks; block++) {
    cursor->block = block;
    if (decode(cursor, scorer->documents) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    const grd_postings_status status = evaluate(cursor, scorer);
    if (status != GRD_POSTINGS_OK) return status;
    const double *parts = cursor->parts;
    // What is not a number, of a deleted document that the counts leave out, must not hide the others.
    double best = -INFINITY;
    for (size_t i = 0; i < cursor->decoded_count; i++) {
      if (parts[i] > best) best = parts[i];
      if (parts[i] < *least) *least = parts[i];
    }
    bounds[block] = best;
    if (best > *greatest) *greatest = best;
  }
  cursor->block = cursor->blocks;
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_documents(grd_cursor *cursor, uint32_t documents, uint32_t *docs) {
  for (; cursor->block < cursor->blocks; cursor->block++) {
    if (decode(cursor, documents) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    memcpy(docs + cursor->block * GRD_BLOCK, cursor->docs, cursor->decoded_count * sizeof *docs);
  }
  return GRD_POSTINGS_OK;
}

size_t grd_cursor_block_occurrences(const grd_cursor *cursor) {
  size_t sum = 0;
  for (size_t i = 0; i < cursor->decoded_count; i++) sum += cursor->tfs[i];
  return sum;
}

grd_postings_status grd_cursor_block_positions(
  const grd_cursor *cursor, const uint8_t *in, size_t available, uint32_t *positions, uint32_t *starts) {
  size_t place = 0, count = 0;
  for (size_t i = 0; i < cursor->decoded_count; i++) {
    starts[i] = (uint32_t)count;
    uint32_t position = 0;
    for (uint32_t j = 0; j < cursor->tfs[i]; j++) {
      uint32_t gap = 0;
      for (uint32_t shift = 0;; shift += 7) {
        if (place == available || shift > 28) return GRD_POSTINGS_MALFORMED;
        const uint8_t byte = in[place++];
        gap |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) break;
      }
      if (j > 0 && (gap == 0 || gap > UINT32_MAX - position)) return GRD_POSTINGS_MALFORMED;
      position = j == 0 ? gap : position + gap;
      positions[count++] = position;
    }
  }
  starts[cursor->decoded_count] = (uint32_t)count;
  return GRD_POSTINGS_OK;
}
