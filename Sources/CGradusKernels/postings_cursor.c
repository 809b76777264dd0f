#include "gradus_postings.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define NOT_DECODED SIZE_MAX

static void start(grd_cursor *cursor, size_t documents, const grd_term *term) {
  cursor->documents = documents;
  cursor->blocks = (documents + GRD_BLOCK - 1) / GRD_BLOCK;
  cursor->term = *term;
  cursor->block = 0;
  cursor->decoded = NOT_DECODED;
  cursor->decoded_count = 0;
  cursor->position = 0;
  cursor->fields = NULL;
  cursor->fields_decoded = NOT_DECODED;
}

grd_postings_status grd_cursor_open(
  grd_cursor *cursor, const uint8_t *list, size_t available, size_t documents, const grd_term *term) {
  start(cursor, documents, term);
  const size_t skip_bytes = cursor->blocks * sizeof(grd_skip);
  if (documents == 0 || skip_bytes > available || (uintptr_t)list % _Alignof(grd_skip) != 0) return GRD_POSTINGS_MALFORMED;
  cursor->skips = (const grd_skip *)list;
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
  cursor->single.last_doc = doc;
  cursor->single.offset = 0;
  grd_block_impacts(cursor->docs, cursor->tfs, 1, scorer->lengths, cursor->single.impacts);
  cursor->skips = &cursor->single;
  cursor->data = NULL;
  cursor->available = 0;
  cursor->decoded = 0;
  cursor->decoded_count = 1;
  return GRD_POSTINGS_OK;
}

static size_t block_size(const grd_cursor *cursor, size_t block) {
  return block + 1 < cursor->blocks ? GRD_BLOCK : cursor->documents - block * GRD_BLOCK;
}

static void pass_blocks(grd_cursor *cursor, uint32_t doc) {
  while (cursor->block < cursor->blocks && cursor->skips[cursor->block].last_doc < doc) cursor->block++;
}

/// Makes cursor->block the decoded one.
static grd_postings_status decode(grd_cursor *cursor, uint32_t documents) {
  const size_t block = cursor->block;
  if (cursor->decoded == block) return GRD_POSTINGS_OK;
  const grd_skip *skip = &cursor->skips[block];
  const uint32_t previous = block == 0 ? GRD_BEFORE_FIRST : cursor->skips[block - 1].last_doc;
  cursor->decoded = NOT_DECODED;
  if (skip->last_doc >= documents || skip->offset > cursor->available) return GRD_POSTINGS_MALFORMED;
  if (block > 0 && previous >= skip->last_doc) return GRD_POSTINGS_MALFORMED;
  const size_t count = block_size(cursor, block);
  if (grd_decode_block(
        cursor->data + skip->offset, cursor->available - skip->offset, count, previous, skip->last_doc, cursor->docs,
        cursor->tfs) == 0)
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

uint32_t grd_cursor_candidate(grd_cursor *cursor, const grd_scorer *scorer, uint32_t doc) {
  pass_blocks(cursor, doc);
  if (cursor->block == cursor->blocks) return scorer->documents;
  if (cursor->decoded == cursor->block) {
    size_t i = cursor->position;
    while (i < cursor->decoded_count && cursor->docs[i] < doc) i++;
    if (i < cursor->decoded_count) return cursor->docs[i];
  }
  const uint32_t first = cursor->block == 0 ? 0 : cursor->skips[cursor->block - 1].last_doc + 1;
  return first > doc ? first : doc;
}

static double bm25_bound(const grd_skip *skip, const grd_scorer *scorer, double weight) {
  double best = 0;
  for (size_t i = 0; i < 4 && skip->impacts[i].tf != 0; i++) {
    if (skip->impacts[i].tf == UINT16_MAX) return weight;
    const double tf = skip->impacts[i].tf;
    const double part = tf / (tf + (scorer->base + scorer->slope * skip->impacts[i].length));
    if (part > best) best = part;
  }
  return weight * best;
}

static double block_bound(const grd_cursor *cursor, const grd_scorer *scorer, size_t block) {
  if (cursor->term.bounds != NULL) return cursor->term.weight * cursor->term.bounds[block];
  const grd_skip *skip = &cursor->skips[block];
  if (scorer->formula == GRD_BM25) return bm25_bound(skip, scorer, cursor->term.weight);
  double best = 0;
  for (size_t i = 0; i < 4 && skip->impacts[i].tf != 0; i++) {
    const double tf = skip->impacts[i].tf == UINT16_MAX ? cursor->term.largest_tf : skip->impacts[i].tf;
    const double part = grd_contribution(scorer, &cursor->term, tf, skip->impacts[i].length);
    if (part > best) best = part;
  }
  return best;
}

double grd_cursor_bound(grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, size_t *postings) {
  pass_blocks(cursor, from);
  double best = 0;
  size_t block = cursor->block;
  for (; block < cursor->blocks; block++) {
    if (block > 0 && cursor->skips[block - 1].last_doc + 1 >= to) break;
    const double bound = block_bound(cursor, scorer, block);
    if (bound > best) best = bound;
  }
  *postings = (block - cursor->block) * GRD_BLOCK;
  return best;
}

grd_postings_status grd_cursor_accumulate(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, uint32_t to, double *scores, uint8_t *marks) {
  double parts[GRD_BLOCK];
  pass_blocks(cursor, from);
  while (cursor->block < cursor->blocks) {
    const size_t block = cursor->block;
    if (block > 0 && cursor->skips[block - 1].last_doc + 1 >= to) return GRD_POSTINGS_OK;
    if (decode(cursor, scorer->documents) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    size_t first = cursor->position;
    while (first < cursor->decoded_count && cursor->docs[first] < from) first++;
    size_t end = cursor->decoded_count;
    if (cursor->skips[block].last_doc >= to) {
      end = first;
      while (cursor->docs[end] < to) end++;
    }
    const grd_postings_status status = contributions(cursor, scorer, first, end - first, parts);
    if (status != GRD_POSTINGS_OK) return status;
    for (size_t i = first; i < end; i++) scores[cursor->docs[i] - from] += parts[i - first];
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

grd_postings_status grd_cursor_refine(
  grd_cursor *cursor, const grd_scorer *scorer, uint32_t from, const uint32_t *offsets, double *scores, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int found;
    if (seek(cursor, scorer->documents, from + offsets[i], &found) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    if (cursor->block == cursor->blocks) return GRD_POSTINGS_OK;
    if (!found) continue;
    if (scorer->formula == GRD_BM25F) {
      double part;
      const grd_postings_status status = contributions(cursor, scorer, cursor->position, 1, &part);
      if (status != GRD_POSTINGS_OK) return status;
      scores[i] += part;
      continue;
    }
    scores[i] += grd_contribution(
      scorer, &cursor->term, cursor->tfs[cursor->position], scorer->lengths[cursor->docs[cursor->position]]);
  }
  return GRD_POSTINGS_OK;
}

grd_postings_status grd_cursor_tf(grd_cursor *cursor, uint32_t doc, uint32_t *tf) {
  int found;
  *tf = 0;
  if (seek(cursor, UINT32_MAX >> 1, doc, &found) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
  if (found) *tf = cursor->tfs[cursor->position];
  return GRD_POSTINGS_OK;
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
  double parts[GRD_BLOCK];
  *least = 0;
  *greatest = 0;
  for (size_t block = 0; block < cursor->blocks; block++) {
    cursor->block = block;
    if (decode(cursor, scorer->documents) != GRD_POSTINGS_OK) return GRD_POSTINGS_MALFORMED;
    const grd_postings_status status = contributions(cursor, scorer, 0, cursor->decoded_count, parts);
    if (status != GRD_POSTINGS_OK) return status;
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
