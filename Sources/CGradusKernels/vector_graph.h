// Search in a navigable graph and the selection of neighbours. Compiled once for each level (LEVEL).

enum { EXPANDED = 1 };

/// Where `key` belongs in a pool that descends; keys are distinct.
GRD_INLINE size_t pool_place(const uint64_t *pool, size_t count, uint64_t key) {
  size_t low = 0;
  while (count > 0) {
    const size_t half = count / 2;
    const int after = pool[low + half] > key;
    low = after ? low + half + 1 : low;
    count = after ? count - half - 1 : half;
  }
  return low;
}

/// Marks a row; 1 where it was new. Words that become non-zero are remembered. Without branches: the outcome cannot be predicted.
GRD_INLINE size_t mark_visited(grd_graph_scratch *scratch, size_t *touched, uint32_t row) {
  uint64_t *word = scratch->visited + (row >> 6);
  const uint64_t bit = 1ull << (row & 63), before = *word;
  scratch->touched[*touched] = row >> 6;
  *touched += before == 0;
  *word = before | bit;
  return (before & bit) == 0;
}

static void clear_visited(grd_graph_scratch *scratch, size_t touched) {
  for (size_t i = 0; i < touched; i++) scratch->visited[scratch->touched[i]] = 0;
}

/// A row's links on a level: how many, then the rows; NULL where the graph contradicts itself.
GRD_INLINE const uint32_t *links_of(const grd_graph *graph, uint32_t row, uint32_t level) {
  const uint32_t *list;
  uint32_t degree = graph->degree;
  if (level == 0) {
    list = graph->links + (size_t)row * (1 + graph->degree);
  } else {
    const uint32_t place = graph->places[row];
    if (place == GRD_NO_PLACE || (size_t)place + level - 1 >= graph->upper_blocks) return NULL;
    degree = graph->upper_degree;
    list = graph->upper + ((size_t)place + level - 1) * (1 + degree);
  }
  return list[0] <= degree ? list : NULL;
}

/// Best-first search of one level from the rows that the pool holds, unexpanded.
GRD_INLINE grd_graph_status search_level(
    const grd_vector_encoding encoding, const grd_vector_measure measure, const grd_graph *graph, const grd_vector_query *query,
    uint32_t level, size_t ef, grd_graph_scratch *scratch, size_t *held, size_t *seen) {
  const grd_vector_rows *rows = &graph->rows;
  const size_t lines = smaller(rows->stride / 64, 8);
  uint64_t *pool = scratch->pool;
  uint32_t *batch = scratch->batch;
  size_t count = *held, next = 0, touched = 0, scored = 0;
  for (size_t i = 0; i < count; i++) mark_visited(scratch, &touched, (uint32_t)pool[i] >> 1);
  grd_graph_status status = GRD_GRAPH_OK;
  while (next < count) {
    if (pool[next] & EXPANDED) {
      next++;
      continue;
    }
    pool[next] |= EXPANDED;
    const uint32_t *list = links_of(graph, (uint32_t)pool[next] >> 1, level);
    if (!list) {
      status = GRD_GRAPH_MALFORMED;
      break;
    }
    size_t fresh = 0;
    for (uint32_t i = 1; i <= list[0]; i++) {
      const uint32_t row = list[i];
      if (row >= rows->count) {
        status = GRD_GRAPH_MALFORMED;
        break;
      }
      batch[fresh] = row;
      fresh += mark_visited(scratch, &touched, row);
    }
    for (size_t i = 0; i < fresh; i++) prefetch_row(rows, batch[i], lines);
    scored += fresh;
    for (size_t i = 0; i < fresh; i++) {
      const float score = quick_score(encoding, measure, rows, query, batch[i]);
      const uint64_t key = grd_vector_key(score, batch[i] << 1);
      if (count == ef && key < pool[count - 1]) continue;
      const size_t place = pool_place(pool, count, key);
      memmove(pool + place + 1, pool + place, (count - place) * sizeof(uint64_t));
      pool[place] = key;
      if (count < ef) count++;
      if (place < next) next = place;
      if (level == 0) __builtin_prefetch(graph->links + (size_t)batch[i] * (1 + graph->degree));
    }
  }
  clear_visited(scratch, touched);
  *held = count;
  *seen += scored;
  return status;
}

/// The best row of the levels above `level`, reached greedily from the entry.
GRD_INLINE grd_graph_status descend(
    const grd_vector_encoding encoding, const grd_vector_measure measure, const grd_graph *graph, const grd_vector_query *query,
    uint32_t level, uint64_t *best, size_t *seen) {
  uint64_t key = grd_vector_key(quick_score(encoding, measure, &graph->rows, query, graph->entry), graph->entry << 1);
  size_t scored = 1;
  for (uint32_t at = graph->entry_level; at > level; at--) {
    for (uint64_t before = 0; before != key;) {
      before = key;
      const uint32_t *list = links_of(graph, (uint32_t)key >> 1, at);
      if (!list) return GRD_GRAPH_MALFORMED;
      for (uint32_t i = 1; i <= list[0]; i++) {
        if (list[i] >= graph->rows.count) return GRD_GRAPH_MALFORMED;
        const uint64_t other = grd_vector_key(quick_score(encoding, measure, &graph->rows, query, list[i]), list[i] << 1);
        if (other > key) key = other;
      }
      scored += list[0];
    }
  }
  *best = key;
  *seen += scored;
  return GRD_GRAPH_OK;
}

static grd_graph_status search_graph(const grd_graph *graph, const grd_vector_query *query, uint32_t level, size_t ef,
                                     int goes_on, grd_graph_scratch *scratch, size_t *found, size_t *seen) {
  grd_graph_status status = GRD_GRAPH_OK;
  size_t scored = 0;
#define SEARCH(encoding, measure)                                                                          \
  {                                                                                                        \
    if (goes_on) {                                                                                         \
      if (*found > ef) *found = ef;                                                                        \
      for (size_t i = 0; i < *found; i++) scratch->pool[i] &= ~(uint64_t)EXPANDED;                         \
    } else {                                                                                               \
      status = descend(encoding, measure, graph, query, level, scratch->pool, &scored);                    \
      *found = 1;                                                                                          \
    }                                                                                                      \
    if (status == GRD_GRAPH_OK)                                                                            \
      status = search_level(encoding, measure, graph, query, level, ef, scratch, found, &scored);          \
  }
  FOR_ROWS(&graph->rows, SEARCH);
#undef SEARCH
  if (seen) *seen = scored;
  return status;
}

static size_t select_neighbours(const grd_vector_rows *rows, const uint64_t *candidates, size_t count, size_t limit, void *space,
                                uint32_t *selected, float *scores) {
  size_t kept = 0;
#define SELECT(encoding, measure)                                                                          \
  {                                                                                                        \
    for (size_t i = 0; i < count && kept < limit; i++) {                                                   \
      const uint32_t row = (uint32_t)candidates[i] >> 1;                                                   \
      const float own = grd_vector_key_score(candidates[i]);                                               \
      const grd_vector_query query = grd_vector_prepare_row(rows, row, space);                             \
      size_t other = 0;                                                                                    \
      while (other < kept && quick_score(encoding, measure, rows, &query, selected[other]) < own) other++; \
      if (other < kept) continue;                                                                          \
      selected[kept] = row;                                                                                \
      scores[kept++] = own;                                                                                \
    }                                                                                                      \
  }
  FOR_ROWS(rows, SELECT);
#undef SELECT
  return kept;
}
