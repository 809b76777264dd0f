#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import CGradusKernels
import GradusCore
import Synchronization

/// Builds a hierarchical navigable small world graph, on several threads and to the same bits for any number of them.
///
/// Vectors are inserted in batches whose sizes depend on the number of vectors alone. All vectors of a batch look for their
/// neighbours in the graph as it was before the batch, and among the vectors of the batch before them; then the links back are
/// merged, one target a task, in the order of the vectors. No step sees what another thread is doing.
final class HNSWGraphBuilder {
  let options: HNSWOptions
  let rows: VectorRows
  let degree: Int
  let upperDegree: Int
  /// Of each row, from 0.
  let levels: [UInt8]
  /// `[rows][1 + degree]`: how many, then the rows.
  let links: UnsafeMutablePointer<UInt32>
  /// `[upperBlocks][1 + upperDegree]`
  let upper: UnsafeMutablePointer<UInt32>
  let upperBlocks: Int
  let places: UnsafeMutablePointer<UInt32>
  private(set) var entry: UInt32 = 0
  private(set) var entryLevel = 0
  /// Scores of the links, in their order.
  private let linkScores: UnsafeMutablePointer<Float>
  private let upperScores: UnsafeMutablePointer<Float>

  private static let largestBatch = 512
  /// A batch is at most this part of the graph before it.
  private static let batchPart = 16
  private static let largestLevel = 30

  init(rows: VectorRows, options: HNSWOptions) {
    self.options = options
    self.rows = rows
    degree = 2 * options.M
    upperDegree = options.M
    levels = Self.levels(rows.count, options)
    links = .allocate(capacity: rows.count * (1 + degree))
    linkScores = .allocate(capacity: rows.count * degree)
    places = .allocate(capacity: rows.count)
    links.initialize(repeating: 0, count: rows.count * (1 + degree))
    linkScores.initialize(repeating: 0, count: rows.count * degree)
    var blocks = 0
    for (row, level) in levels.enumerated() {
      places[row] = level == 0 ? UInt32.max : UInt32(blocks)
      blocks += Int(level)
    }
    upperBlocks = blocks
    upper = .allocate(capacity: blocks * (1 + upperDegree))
    upper.initialize(repeating: 0, count: blocks * (1 + upperDegree))
    upperScores = .allocate(capacity: blocks * upperDegree)
    upperScores.initialize(repeating: 0, count: blocks * upperDegree)
    if let first = levels.first { entryLevel = Int(first) }
  }

  deinit {
    links.deallocate()
    linkScores.deallocate()
    places.deallocate()
    upper.deallocate()
    upperScores.deallocate()
  }

  /// Memory that a vector needs while the graph is built, codes not counted.
  static func bytesPerRow(_ options: HNSWOptions) -> Int { 4 * (1 + 4 * options.M) + 8 + 8 * (1 + options.M) / options.M }

  /// P(level >= l) = M^-l, as in the paper.
  private static func levels(_ count: Int, _ options: HNSWOptions) -> [UInt8] {
    var generator = SeededGenerator(seed: options.seed).stream("hnsw levels")
    let factor = 1 / log(Double(options.M))
    return (0..<count).map { _ in UInt8(min(largestLevel, Int(-log(1 - generator.uniform()) * factor))) }
  }

  /// Inserts all rows.
  ///
  /// - Parameter progress: Called with the number of rows inserted since the last call.
  func build(threads: Int, progress: (Int) -> Void = { _ in }) {
    let workers = (0..<max(1, threads)).map { _ in
      HNSWInserter(self, largestBatch: Self.largestBatch)
    }
    var first = 1
    if rows.count > 0 { progress(1) }
    while first < rows.count {
      let size = min(max(1, first / Self.batchPart), Self.largestBatch, rows.count - first)
      insert(first..<first + size, workers)
      progress(size)
      first += size
    }
  }

  private func insert(_ batch: Range<Int>, _ workers: [HNSWInserter]) {
    let found = HNSWBatchLinks(batch.count)
    withGraph { graph in
      nonisolated(unsafe) let graph = graph
      Self.share(batch.count, among: workers) { worker, number in
        found[number] = worker.neighbours(of: batch.lowerBound + number, batch: batch, graph: graph)
      }
    }
    // Forward links become visible only now; then the links back, grouped by the row that they start from.
    var back: [UInt64] = []
    var edges: [(source: UInt32, score: Float)] = []
    for number in 0..<batch.count {
      let row = batch.lowerBound + number
      for (level, chosen) in found[number].enumerated() {
        write(chosen, row: row, level: level)
        for link in chosen {
          back.append(UInt64(level) << 56 | UInt64(link.row) << 24 | UInt64(edges.count))
          edges.append((UInt32(row), link.score))
        }
      }
    }
    back.sort()
    var starts: [Int] = []
    for place in back.indices where place == 0 || back[place] >> 24 != back[place - 1] >> 24 { starts.append(place) }
    starts.append(back.count)
    Self.share(starts.count - 1, among: workers) { worker, group in
      let range = starts[group]..<starts[group + 1]
      let head = back[range.lowerBound]
      worker.link(
        row: Int(head >> 24 & 0xffff_ffff), level: Int(head >> 56),
        to: range.map { edges[Int(back[$0] & 0xff_ffff)] }, in: self)
    }
    for row in batch where Int(levels[row]) > entryLevel {
      entry = UInt32(row)
      entryLevel = Int(levels[row])
    }
  }

  /// Calls `body` with a worker of its own thread and each of `0..<count`.
  private static func share(_ count: Int, among workers: [HNSWInserter], _ body: (HNSWInserter, Int) -> Void) {
    let next = Atomic<Int>(0)
    WorkerPool.shared.forEach(count: min(workers.count, count)) { worker in
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < count else { return }
        body(workers[worker], number)
      }
    }
  }

  /// The links of a row on a level, with their scores.
  func list(row: Int, level: Int) -> (links: UnsafeMutablePointer<UInt32>, scores: UnsafeMutablePointer<Float>, degree: Int) {
    if level == 0 { return (links + row * (1 + degree), linkScores + row * degree, degree) }
    let block = Int(places[row]) + level - 1
    return (upper + block * (1 + upperDegree), upperScores + block * upperDegree, upperDegree)
  }

  func write(_ chosen: [HNSWLink], row: Int, level: Int) {
    let list = list(row: row, level: level)
    list.links[0] = UInt32(chosen.count)
    for (place, link) in chosen.enumerated() {
      list.links[1 + place] = link.row
      list.scores[place] = link.score
    }
  }

  private func withGraph(_ body: (UnsafePointer<grd_graph>) -> Void) {
    rows.withKernel { rows in
      var graph = grd_graph(
        rows: rows, degree: UInt32(degree), upper_degree: UInt32(upperDegree), links: links, upper: upper,
        upper_blocks: upperBlocks, places: places, entry: entry, entry_level: UInt32(entryLevel))
      body(&graph)
    }
  }

  /// Rows in the order in which a walk from the entry meets them, so that neighbours lie near each other.
  func breadthFirstOrder() -> [UInt32] {
    var order: [UInt32] = []
    order.reserveCapacity(rows.count)
    var isListed = [Bool](repeating: false, count: rows.count)
    var next = 0
    func follow() {
      while next < order.count {
        let list = links + Int(order[next]) * (1 + degree)
        next += 1
        for place in 0..<Int(list[0]) where !isListed[Int(list[1 + place])] {
          isListed[Int(list[1 + place])] = true
          order.append(list[1 + place])
        }
      }
    }
    for start in [Int(entry)] + Array(0..<rows.count) where start < rows.count && !isListed[start] {
      isListed[start] = true
      order.append(UInt32(start))
      follow()
    }
    return order
  }
}

struct HNSWLink {
  let row: UInt32
  let score: Float
}

/// What each vector of a batch has chosen: by level, best first. Each task writes its own element.
final class HNSWBatchLinks: @unchecked Sendable {
  // Unchecked: element i is written by the one task that has number i, and read after all have ended.
  private let links: UnsafeMutablePointer<[[HNSWLink]]>
  private let count: Int

  init(_ count: Int) {
    self.count = count
    links = .allocate(capacity: count)
    links.initialize(repeating: [], count: count)
  }

  deinit {
    links.deinitialize(count: count)
    links.deallocate()
  }

  subscript(number: Int) -> [[HNSWLink]] {
    get { links[number] }
    set { links[number] = newValue }
  }
}
