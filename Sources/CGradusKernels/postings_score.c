#include "gradus_postings.h"

// The products and sums below must not be fused: every version rounds each operation.
#pragma STDC FP_CONTRACT OFF

static inline double contribution(const grd_scorer *scorer, double weight, double tf, double length) {
  return weight * (tf / (tf + (scorer->base + scorer->slope * length)));
}

void grd_bm25_contributions_scalar(
  const grd_scorer *scorer, double weight, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out) {
  for (size_t i = 0; i < count; i++) out[i] = contribution(scorer, weight, tfs[i], scorer->lengths[docs[i]]);
}

size_t grd_take_scores_scalar(double *scores, size_t count, double minimum, uint32_t *offsets, double *values) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    const double score = scores[i];
    scores[i] = 0;
    offsets[found] = (uint32_t)i;
    values[found] = score;
    found += score >= minimum;
  }
  return found;
}

size_t grd_take_marked(
  double *scores, uint8_t *marks, size_t count, double minimum, uint32_t *offsets, double *values) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    if (marks[i] == 0) continue;
    const double score = scores[i];
    marks[i] = 0;
    scores[i] = 0;
    if (!(score >= minimum)) continue;
    offsets[found] = (uint32_t)i;
    values[found++] = score;
  }
  return found;
}

size_t grd_take_touched(double *scores, grd_touched *touched, double minimum, double *values) {
  uint32_t *offsets = touched->offsets;
  size_t found = 0;
  for (size_t i = 0; i < touched->count; i++) {
    const uint32_t offset = offsets[i];
    const double score = scores[offset];
    scores[offset] = 0;
    // A document that was touched before has 0 by now.
    if (!(score >= minimum)) continue;
    size_t place = found++;
    for (; place > 0 && offsets[place - 1] > offset; place--) {
      offsets[place] = offsets[place - 1];
      values[place] = values[place - 1];
    }
    offsets[place] = offset;
    values[place] = score;
  }
  return found;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f,avx512vl"))) static void contributions_avx512(
  const grd_scorer *scorer, double weight, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out) {
  const __m512d weights = _mm512_set1_pd(weight);
  const __m512d base = _mm512_set1_pd(scorer->base);
  const __m512d slope = _mm512_set1_pd(scorer->slope);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i rows = _mm256_loadu_si256((const __m256i *)(docs + i));
    const __m512d tf = _mm512_cvtepu32_pd(_mm256_loadu_si256((const __m256i *)(tfs + i)));
    const __m512d length = _mm512_cvtepu32_pd(_mm256_i32gather_epi32((const int *)scorer->lengths, rows, 4));
    const __m512d norm = _mm512_add_pd(base, _mm512_mul_pd(slope, length));
    _mm512_storeu_pd(out + i, _mm512_mul_pd(weights, _mm512_div_pd(tf, _mm512_add_pd(tf, norm))));
  }
  grd_bm25_contributions_scalar(scorer, weight, docs + i, tfs + i, count - i, out + i);
}

void grd_bm25_contributions(
  const grd_scorer *scorer, double weight, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out) {
  // Gathers take signed 32-bit offsets: documents number fewer than 2^31.
  if (__builtin_cpu_supports("avx512vl")) return contributions_avx512(scorer, weight, docs, tfs, count, out);
  grd_bm25_contributions_scalar(scorer, weight, docs, tfs, count, out);
}

__attribute__((target("avx512f,avx512vl,popcnt"))) static size_t take_scores_avx512(
  double *scores, size_t count, double minimum, uint32_t *offsets, double *values) {
  const __m512d least = _mm512_set1_pd(minimum);
  const __m256i step = _mm256_set1_epi32(8);
  __m256i rows = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  size_t found = 0, i = 0;
  for (; i + 8 <= count; i += 8, rows = _mm256_add_epi32(rows, step)) {
    const __m512d score = _mm512_loadu_pd(scores + i);
    const __mmask8 mask = _mm512_cmp_pd_mask(score, least, _CMP_GE_OQ);
    _mm512_storeu_pd(scores + i, _mm512_setzero_pd());
    if (mask == 0) continue;
    // Compressing into a register and storing it whole is much faster than a compressing store on some processors.
    _mm256_storeu_si256((__m256i *)(offsets + found), _mm256_maskz_compress_epi32(mask, rows));
    _mm512_storeu_pd(values + found, _mm512_maskz_compress_pd(mask, score));
    found += (size_t)__builtin_popcount(mask);
  }
  const size_t rest = grd_take_scores_scalar(scores + i, count - i, minimum, offsets + found, values + found);
  for (size_t j = 0; j < rest; j++) offsets[found + j] += (uint32_t)i;
  return found + rest;
}

size_t grd_take_scores(double *scores, size_t count, double minimum, uint32_t *offsets, double *values) {
  if (__builtin_cpu_supports("avx512vl")) return take_scores_avx512(scores, count, minimum, offsets, values);
  return grd_take_scores_scalar(scores, count, minimum, offsets, values);
}

#else

void grd_bm25_contributions(
  const grd_scorer *scorer, double weight, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out) {
  grd_bm25_contributions_scalar(scorer, weight, docs, tfs, count, out);
}

size_t grd_take_scores(double *scores, size_t count, double minimum, uint32_t *offsets, double *values) {
  return grd_take_scores_scalar(scores, count, minimum, offsets, values);
}

#endif
