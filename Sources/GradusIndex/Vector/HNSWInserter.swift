import CGradusKernels

/// One thread's part in building a graph: chooses a new vector's neighbours, and merges links back.
final class HNSWInserter {
  private let builder: HNSWGraphBuilder
  private let scratch: GraphScratch
  private let space: UnsafeMutableRawPointer
  private let querySpace: UnsafeMutableRawPointer
  private let mates: UnsafeMutablePointer<Float>
  private let selected: UnsafeMutablePointer<UInt32>
  private let scores: UnsafeMutablePointer<Float>
  private var candidates: [UInt64] = []
  private var near: [UInt64] = []
  private let options: HNSWOptions

  init(_ builder: HNSWGraphBuilder, largestBatch: Int) {
    self.builder = builder
    options = builder.options
    scratch = GraphScratch(rows: builder.rows.count, ef: options.efConstruction, degree: builder.degree)
    space = .allocate(byteCount: builder.rows.stride, alignment: 64)
    querySpace = .allocate(byteCount: builder.rows.stride, alignment: 64)
    mates = .allocate(capacity: largestBatch)
    selected = .allocate(capacity: builder.degree)
    scores = .allocate(capacity: builder.degree)
  }

  deinit {
    space.deallocate()
    querySpace.deallocate()
    mates.deallocate()
    selected.deallocate()
    scores.deallocate()
  }

  /// Links of a new row on each of its levels, from 0; at most M each.
  func neighbours(of row: Int, batch: Range<Int>, graph: UnsafePointer<grd_graph>) -> [[HNSWLink]] {
    var rows = graph.pointee.rows
    var query = grd_vector_prepare_row(&rows, row, querySpace)
    let before = row - batch.lowerBound
    grd_vector_quick_scores(&rows, &query, nil, batch.lowerBound, before, mates)
    let ownLevel = Int(builder.levels[row])
    var result = [[HNSWLink]](repeating: [], count: ownLevel + 1)
    let top = min(ownLevel, Int(graph.pointee.entry_level))
    var found = 0
    for level in stride(from: ownLevel, through: 0, by: -1) {
      if level <= top {
        // The graph is our own and consistent: a search cannot fail.
        _ = scratch.withKernel { scratch in
          level == top
            ? grd_graph_search(graph, &query, UInt32(level), options.efConstruction, &scratch, &found, nil)
            : grd_graph_continue(graph, &query, UInt32(level), options.efConstruction, &scratch, &found)
        }
      }
      merge(scratch.found(found), mates: before, first: batch.lowerBound, level: level)
      result[level] = select(candidates, limit: options.M, &rows)
    }
    return result
  }

  /// The best `efConstruction` of what the graph holds and the vectors of the batch before this one, best first.
  private func merge(_ pool: UnsafeBufferPointer<UInt64>, mates count: Int, first: Int, level: Int) {
    let levels = builder.levels
    let limit = options.efConstruction
    let least = pool.count >= limit ? pool[limit - 1] : 0
    near.removeAll(keepingCapacity: true)
    for mate in 0..<count where Int(levels[first + mate]) >= level {
      let key = grd_vector_key(mates[mate], UInt32(first + mate) << 1 | 1)
      if key > least { near.append(key) }
    }
    near.sort(by: >)
    candidates.removeAll(keepingCapacity: true)
    var mine = 0, theirs = 0
    while candidates.count < limit, mine < near.count || theirs < pool.count {
      if theirs == pool.count || (mine < near.count && near[mine] > pool[theirs]) {
        candidates.append(near[mine])
        mine += 1
      } else {
        candidates.append(pool[theirs])
        theirs += 1
      }
    }
  }

  private func select(_ candidates: [UInt64], limit: Int, _ rows: inout grd_vector_rows) -> [HNSWLink] {
    let count = grd_graph_select(&rows, candidates, candidates.count, limit, space, selected, scores)
    return (0..<count).map { HNSWLink(row: selected[$0], score: scores[$0]) }
  }

  /// Adds links to a row's list; where they do not fit, the heuristic chooses among old and new.
  func link(row: Int, level: Int, to sources: [(source: UInt32, score: Float)], in builder: HNSWGraphBuilder) {
    let list = builder.list(row: row, level: level)
    let held = Int(list.links[0])
    if held + sources.count <= list.degree {
      for (place, link) in sources.enumerated() {
        list.links[1 + held + place] = link.source
        list.scores[held + place] = link.score
      }
      list.links[0] = UInt32(held + sources.count)
      return
    }
    candidates.removeAll(keepingCapacity: true)
    for place in 0..<held { candidates.append(grd_vector_key(list.scores[place], list.links[1 + place] << 1)) }
    for link in sources { candidates.append(grd_vector_key(link.score, link.source << 1)) }
    candidates.sort(by: >)
    let chosen = builder.rows.withKernel { select(candidates, limit: list.degree, &$0) }
    builder.write(chosen, row: row, level: level)
  }
}
