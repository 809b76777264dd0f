#include "gradus_postings.h"
#include <string.h>

/// Positive doubles order as their bits do, which compares without branches.
static inline int precedes(const grd_hit *first, const grd_hit *second) {
  uint64_t a, b;
  memcpy(&a, &first->score, 8);
  memcpy(&b, &second->score, 8);
  return (a > b) | ((a == b) & (first->rank > second->rank));
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

void grd_hits_sort(grd_hit *hits, size_t count) { sort_limited(hits, count, split_limit(count)); }

/// Moves the k best to the front and the k-th to hits[k - 1]. 1 <= k <= count.
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

void grd_topk_settle(grd_topk *top) {
  if (top->k == 0 || top->count < top->k) return;
  select_best(top->hits, top->count, top->k);
  top->count = top->k;
  top->minimum = top->hits[top->k - 1].score;
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
