#include "gradus_postings.h"
#include <math.h>

// The products and sums below must not be fused: every version rounds each operation.
#pragma STDC FP_CONTRACT OFF

#define LOG2_E 1.4426950408889634
#define TWO_PI 6.283185307179586

/// (m + 1/2) log2(n / m) + (n - m) log2 n: the logarithm of a ratio of factorials by Stirling's formula.
static double stirling(double n, double m) { return (m + 0.5) * log2(n / m) + (n - m) * log2(n); }

static double normalised_tf(const grd_scorer *scorer, const grd_term *term, double tf, double length) {
  switch (scorer->normalization) {
    case GRD_DFR_PLAIN: return tf;
    case GRD_DFR_DENSITY: return tf * scorer->average_length / length;
    case GRD_DFR_LOG_DENSITY: return tf * log2(1 + scorer->p * scorer->average_length / length);
    case GRD_DFR_DIRICHLET: return scorer->p * (tf + scorer->p * term->d) / (length + scorer->p);
    case GRD_DFR_PARETO: return tf * pow(scorer->average_length / length, scorer->p);
  }
  return tf;
}

/// A normalised tf may exceed the collection frequency F, for which two of the approximations mean nothing: it is held below F
/// there.
static double below(double x, double collection_frequency) {
  const double most = collection_frequency - 0.5;
  return x < most ? x : most;
}

static double information(const grd_scorer *scorer, const grd_term *term, double x) {
  const double a = term->a, b = term->b;
  switch (scorer->basic) {
    case GRD_DFR_LINEAR: return x;
    case GRD_DFR_POISSON: return x * log2(x / a) + (a - x) * LOG2_E + 0.5 * log2(TWO_PI * x);
    case GRD_DFR_DIVERGENCE: {
      x = below(x, a);
      const double share = x / a, rest = 1 - share;
      return a * (share * log2(share * b) + rest * log2(rest / (1 - 1 / b))) + 0.5 * log2(TWO_PI * x * rest);
    }
    case GRD_DFR_GEOMETRIC: return a + b * x;
    case GRD_DFR_BOSE_EINSTEIN: {
      x = below(x, a);
      return stirling(b + a - 1, b + a - x - 2) - stirling(a, a - x) - log2(b - 1) - LOG2_E;
    }
  }
  return x;
}

static double divergence_from_randomness(const grd_scorer *scorer, const grd_term *term, double tf, double length) {
  const double x = normalised_tf(scorer, term, tf, length);
  const double bits = information(scorer, term, x) * term->c;
  return term->weight * (scorer->has_after_effect ? bits / (x + 1) : bits);
}

static double dph(const grd_term *term, double tf, double length) {
  const double f = tf / length;
  if (f >= 1) return 0;
  const double bits = tf * log2(tf * term->a / length) + 0.5 * log2(TWO_PI * tf * (1 - f));
  return term->weight * ((1 - f) * (1 - f) / (tf + 1) * bits);
}

double grd_contribution(const grd_scorer *scorer, const grd_term *term, double tf, double length) {
  // Only damaged files have postings in documents of length 0.
  if (length < 1) length = 1;
  switch (scorer->formula) {
    case GRD_BM25: return term->weight * (tf / (tf + (scorer->base + scorer->slope * length)));
    case GRD_BM25_PLUS: return term->weight * (tf / (tf + (scorer->base + scorer->slope * length))) + term->a;
    case GRD_BM25_L: {
      const double norm = scorer->base + scorer->slope * length;
      return term->weight * ((tf + scorer->p * norm) / (tf + scorer->q * norm));
    }
    case GRD_DIRICHLET: return term->weight * log1p(tf / term->a);
    case GRD_JELINEK_MERCER: return term->weight * log1p(term->a * tf / length);
    case GRD_LOG_TF: return term->weight * (1 + log(tf));
    case GRD_ROOT_TF: return term->weight * sqrt(tf / length);
    case GRD_PIVOTED: return term->weight * ((1 + log(1 + log(tf))) / (scorer->base + scorer->slope * length));
    case GRD_PRESENCE: return term->weight;
    case GRD_DFI_STANDARDIZED:
    case GRD_DFI_SATURATED:
    case GRD_DFI_CHI_SQUARED: {
      const double expected = term->a * length;
      if (tf <= expected) return 0;
      const double excess = tf - expected;
      const double measure = scorer->formula == GRD_DFI_STANDARDIZED ? excess / sqrt(expected)
                             : scorer->formula == GRD_DFI_SATURATED ? excess / expected
                                                                    : excess * excess / expected;
      return term->weight * log2(1 + measure);
    }
    case GRD_DPH: return dph(term, tf, length);
    case GRD_DFR: return divergence_from_randomness(scorer, term, tf, length);
    case GRD_LINEAR: return term->weight * tf;
    case GRD_BM25F: return tf > 0 ? term->weight * (term->a * (tf / (tf + scorer->p))) : 0;
  }
  return 0;
}

void grd_contributions(
  const grd_scorer *scorer, const grd_term *term, const uint32_t *docs, const uint32_t *tfs, size_t count, double *out) {
  switch (scorer->formula) {
    case GRD_BM25: grd_bm25_contributions(scorer, term->weight, docs, tfs, count, out); return;
    case GRD_BM25_PLUS:
      grd_bm25_contributions(scorer, term->weight, docs, tfs, count, out);
      for (size_t i = 0; i < count; i++) out[i] += term->a;
      return;
    case GRD_LINEAR:
      // Signed, because that is what vectors convert in one instruction.
      for (size_t i = 0; i < count; i++) out[i] = term->weight * (int32_t)tfs[i];
      return;
    default:
      for (size_t i = 0; i < count; i++) out[i] = grd_contribution(scorer, term, tfs[i], scorer->lengths[docs[i]]);
  }
}

// Adds a field's part of the normalised frequencies to `out`. Only damaged files have postings in fields of length 0.
#define ADD_FIELD(TYPE)                                                        \
  do {                                                                         \
    const TYPE *lengths = fields->lengths[field];                              \
    for (size_t i = 0; i < count; i++) {                                       \
      if (tfs[i] == 0) continue;                                               \
      const double length = lengths[docs[i]] == 0 ? 1 : lengths[docs[i]];      \
      out[i] += weight * tfs[i] / (base + slope * length);                     \
    }                                                                          \
  } while (0)

void grd_field_contributions(
  const grd_scorer *scorer, const grd_term *term, const uint32_t *docs, const uint32_t *field_tfs, size_t count,
  double *out) {
  const grd_fields *fields = &scorer->fields;
  for (size_t i = 0; i < count; i++) out[i] = 0;
  for (size_t field = 0; field < fields->count; field++) {
    const uint32_t *tfs = field_tfs + field * GRD_BLOCK;
    const double weight = fields->weight[field], base = fields->base[field], slope = fields->slope[field];
    if (weight == 0) continue;
    switch (fields->width[field]) {
      case 1: ADD_FIELD(uint8_t); break;
      case 2: ADD_FIELD(uint16_t); break;
      default: ADD_FIELD(uint32_t);
    }
  }
  for (size_t i = 0; i < count; i++) out[i] = grd_contribution(scorer, term, out[i], 1);
}
