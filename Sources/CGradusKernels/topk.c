#include "gradus_postings.h"
#include <string.h>

/// Compares without branches.
static inline int precedes(const grd_hit *first, const grd_hit *second) {
  return (first->score > second->score) | ((first->score == second->score) & (first->rank > second->rank));
}

static inline void swap(grd_hit *first, grd_hit *second) {
  const grd_hit kept = *first;
  *first = *second;
  *second = kept;
}

static void insertion_sort(grd_hit *hits, size_t count) {
  for (size_t i = 1; i < count; i++) {
    const grd_hit hit = hits[i];
    size_t place = i;
    for (; place > 0 && precedes(&hit, &hits[place - 1]); place--) hits[place] = hits[place - 1];
    hits[place] = hit;
  }
}

/// Puts the hit that comes last of all at the root.
static void sift_down(grd_hit *hits, size_t root, size_t count) {
  for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && precedes(&hits[child], &hits[child + 1])) child++;
    if (!precedes(&hits[root], &hits[child])) return;
    swap(&hits[root], &hits[child]);
    root = child;
  }
}

static void heap_sort(grd_hit *hits, size_t count) {
  for (size_t i = count / 2; i-- > 0;) sift_down(hits, i, count);
  for (size_t end = count; end-- > 1;) {
    swap(&hits[0], &hits[end]);
    sift_down(hits, 0, end);
  }
}

/// Splits around the median of three: hits before the returned place precede the hit there, the others do not.
static size_t partition(grd_hit *hits, size_t count) {
  const size_t middle = count / 2;
  if (precedes(&hits[middle], &hits[0])) swap(&hits[middle], &hits[0]);
  if (precedes(&hits[count - 1], &hits[0])) swap(&hits[count - 1], &hits[0]);
  if (precedes(&hits[count - 1], &hits[middle])) swap(&hits[count - 1], &hits[middle]);
  swap(&hits[middle], &hits[count - 1]);
  const grd_hit pivot = hits[count - 1];
  size_t place = 0;
  // Without a branch on the comparison: its outcome cannot be predicted.
  for (size_t i = 0; i + 1 < count; i++) {
    const grd_hit hit = hits[i];
    hits[i] = hits[place];
    hits[place] = hit;
    place += (size_t)precedes(&hit, &pivot);
  }
  swap(&hits[place], &hits[count - 1]);
  return place;
}

/// Splits that may go badly before heap sort takes over.
static int split_limit(size_t count) { return 2 * (64 - __builtin_clzll((unsigned long long)count | 1)) + 8; }

static void sort_limited(grd_hit *hits, size_t count, int limit) {
  while (count > 16) {
    if (limit-- == 0) {
      heap_sort(hits, count);
      return;
    }
    const size_t place = partition(hits, count);
    // The smaller side by recursion, so that its depth stays logarithmic.
    if (place < count - place) {
      sort_limited(hits, place, limit);
      hits += place + 1;
      count -= place + 1;
    } else {
      sort_limited(hits + place + 1, count - place - 1, limit);
      count = place;
    }
  }
  insertion_sort(hits, count);
}

/// Moves the k best to the front. 1 <= k <= count.
static void select_best(grd_hit *hits, size_t count, size_t k) {
  int limit = split_limit(count);
  while (count > 16) {
    if (limit-- == 0) {
      heap_sort(hits, count);
      return;
    }
    const size_t place = partition(hits, count);
    if (place + 1 == k) return;
    if (place + 1 > k) {
      count = place;
    } else {
      hits += place + 1;
      count -= place + 1;
      k -= place + 1;
    }
  }
  insertion_sort(hits, count);
}

// Scores are first spread over buckets by value, which takes two linear passes; comparisons then finish within a bucket.
#define BUCKETS 1024
/// Fewer hits than this are not worth the buckets.
#define FEW 64

typedef struct {
  double least;
  double scale;
} spread;

/// Whether buckets can tell the scores apart at all.
static int make_spread(const grd_hit *hits, size_t count, spread *result) {
  double least = hits[0].score, most = hits[0].score;
  for (size_t i = 1; i < count; i++) {
    least = hits[i].score < least ? hits[i].score : least;
    most = hits[i].score > most ? hits[i].score : most;
  }
  result->least = least;
  result->scale = (BUCKETS - 1) / (most - least);
  return most > least && result->scale > 0 && result->scale <= 1e300;
}

/// 0 for the best scores; never descends while the score does.
static inline size_t bucket(const spread *by, double score) {
  const size_t place = (size_t)((score - by->least) * by->scale);
  return place >= BUCKETS ? 0 : BUCKETS - 1 - place;
}

void grd_hits_sort(grd_hit *hits, grd_hit *spare, size_t count) {
  spread by;
  if (count < FEW || !make_spread(hits, count, &by)) {
    sort_limited(hits, count, split_limit(count));
    return;
  }
  uint32_t ends[BUCKETS] = {0};
  for (size_t i = 0; i < count; i++) ends[bucket(&by, hits[i].score)]++;
  uint32_t total = 0;
  for (size_t place = 0; place < BUCKETS; place++) {
    const uint32_t size = ends[place];
    ends[place] = total;
    total += size;
  }
  for (size_t i = 0; i < count; i++) spare[ends[bucket(&by, hits[i].score)]++] = hits[i];
  memcpy(hits, spare, count * sizeof *hits);
  uint32_t start = 0;
  for (size_t place = 0; place < BUCKETS; start = ends[place++])
    if (ends[place] - start > 1) sort_limited(hits + start, ends[place] - start, split_limit(ends[place] - start));
}

/// Moves the k best of more to the front, in any order.
static void keep_best(grd_hit *hits, grd_hit *spare, size_t count, size_t k) {
  spread by;
  if (count < FEW || !make_spread(hits, count, &by)) {
    select_best(hits, count, k);
    return;
  }
  uint32_t sizes[BUCKETS] = {0};
  for (size_t i = 0; i < count; i++) sizes[bucket(&by, hits[i].score)]++;
  size_t last = 0, before = 0;
  while (before + sizes[last] < k) before += sizes[last++];
  size_t kept = 0, unsure = 0;
  for (size_t i = 0; i < count; i++) {
    const grd_hit hit = hits[i];
    const size_t place = bucket(&by, hit.score);
    hits[kept] = hit;
    kept += place < last;
    spare[unsure] = hit;
    unsure += place == last;
  }
  select_best(spare, unsure, k - kept);
  memcpy(hits + kept, spare, (k - kept) * sizeof *hits);
}

void grd_topk_settle(grd_topk *top) {
  if (top->count < top->k) return;
  if (top->count > top->k) keep_best(top->hits, top->spare, top->count, top->k);
  top->count = top->k;
  double least = top->hits[0].score;
  for (size_t i = 1; i < top->k; i++) least = top->hits[i].score < least ? top->hits[i].score : least;
  top->minimum = least;
}

void grd_topk_push(
  grd_topk *top, uint32_t from, const uint32_t *offsets, const double *scores, size_t count, const uint32_t *ranks) {
  for (size_t i = 0; i < count; i++) {
    if (!(scores[i] >= top->minimum)) continue;
    const uint32_t doc = from + offsets[i];
    const grd_hit hit = {doc, ranks[doc], scores[i]};
    top->hits[top->count++] = hit;
    if (top->count == top->capacity) grd_topk_settle(top);
  }
}

/// Scores of which the greatest stands for all.
#define GROUP 32

static inline double group_maximum(const double *scores, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = scores[i] > most ? scores[i] : most;
  return most;
}

/// Up to so many maxima are kept in order, which is quicker than choosing among all.
#define ORDERED 32

/// Lists a group's maximum in top->hits, where it can be among the k greatest. Returns how many are listed.
static inline size_t list_maximum(grd_topk *top, size_t listed, double most) {
  if (!(most >= top->minimum)) return listed;
  grd_hit *hits = top->hits;
  size_t place = listed;
  if (top->k <= ORDERED) {
    if (listed == top->k) {
      if (most <= hits[listed - 1].score) return listed;
      place = --listed;
    }
    for (; place > 0 && hits[place - 1].score < most; place--) hits[place] = hits[place - 1];
  }
  hits[place] = (grd_hit){0, 0, most};
  return listed + 1;
}

/// Raises the minimum to the k-th of the maxima that are listed.
static double raise_minimum(grd_topk *top, size_t listed) {
  if (listed < top->k) return top->minimum;
  if (top->k > ORDERED) select_best(top->hits, listed, top->k);
  double least = top->hits[0].score;
  for (size_t i = 1; i < top->k; i++) least = top->hits[i].score < least ? top->hits[i].score : least;
  if (least > top->minimum) top->minimum = least;
  return top->minimum;
}

static inline size_t group_count(size_t count) { return (count + GROUP - 1) / GROUP; }

double grd_topk_expect_scalar(grd_topk *top, const double *scores, size_t count) {
  if (group_count(count) >= top->capacity) return top->minimum;
  size_t listed = 0;
  for (size_t i = 0; i < count; i += GROUP)
    listed = list_maximum(top, listed, group_maximum(scores + i, count - i < GROUP ? count - i : GROUP));
  return raise_minimum(top, listed);
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static double expect_avx512(grd_topk *top, const double *scores, size_t count) {
  size_t listed = 0, i = 0;
  for (; i + GROUP <= count; i += GROUP) {
    const __m512d first = _mm512_max_pd(_mm512_loadu_pd(scores + i), _mm512_loadu_pd(scores + i + 8));
    const __m512d second = _mm512_max_pd(_mm512_loadu_pd(scores + i + 16), _mm512_loadu_pd(scores + i + 24));
    listed = list_maximum(top, listed, _mm512_reduce_max_pd(_mm512_max_pd(first, second)));
  }
  if (i < count) listed = list_maximum(top, listed, group_maximum(scores + i, count - i));
  return raise_minimum(top, listed);
}

double grd_topk_expect(grd_topk *top, const double *scores, size_t count) {
  if (group_count(count) >= top->capacity) return top->minimum;
  if (__builtin_cpu_supports("avx512f")) return expect_avx512(top, scores, count);
  return grd_topk_expect_scalar(top, scores, count);
}

#else

double grd_topk_expect(grd_topk *top, const double *scores, size_t count) {
  return grd_topk_expect_scalar(top, scores, count);
}

#endif
