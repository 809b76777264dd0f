import CGradusKernels

/// Working memory of one thread that walks a graph.
final class GraphScratch {
  private(set) var kernel: grd_graph_scratch
  private let rows: Int

  /// - Parameters:
  ///   - rows: Rows of the graph.
  ///   - ef: The largest pool of a search.
  ///   - degree: Links of a row, at most.
  init(rows: Int, ef: Int, degree: Int) {
    self.rows = rows
    let words = rows / 64 + 1
    let visited = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
    visited.initialize(repeating: 0, count: words)
    kernel = grd_graph_scratch(
      pool: .allocate(capacity: ef + 1), capacity: ef, visited: visited, touched: .allocate(capacity: words + 1),
      batch: .allocate(capacity: degree + 16))
  }

  deinit {
    kernel.pool.deallocate()
    kernel.visited.deallocate()
    kernel.touched.deallocate()
    kernel.batch.deallocate()
  }

  /// Room for a pool of `ef`.
  func reserve(_ ef: Int) {
    guard ef > kernel.capacity else { return }
    kernel.pool.deallocate()
    kernel.pool = .allocate(capacity: ef + 1)
    kernel.capacity = ef
  }

  func withKernel<Result>(_ body: (inout grd_graph_scratch) throws -> Result) rethrows -> Result { try body(&kernel) }

  /// What the last search found, best first.
  func found(_ count: Int) -> UnsafeBufferPointer<UInt64> { UnsafeBufferPointer(start: kernel.pool, count: count) }
}
