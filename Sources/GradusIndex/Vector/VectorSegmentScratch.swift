import CGradusKernels

/// Working memory of one search in a segment.
///
/// `@unchecked Sendable`: lent to one search at a time, through a lock.
final class VectorSegmentScratch: @unchecked Sendable {
  let graph: GraphScratch
  /// Room for a query in the encoding of the graph.
  let space: UnsafeMutableRawPointer
  private(set) var capacity = 0
  private(set) var rows: UnsafeMutablePointer<UInt32> = .allocate(capacity: 0)
  private(set) var scores: UnsafeMutablePointer<Float> = .allocate(capacity: 0)
  private var heapCapacity = 0
  private(set) var heap: UnsafeMutablePointer<UInt64> = .allocate(capacity: 0)
  private(set) var numbers: UnsafeMutablePointer<UInt32> = .allocate(capacity: 0)

  init(rows: Int, degree: Int, space: Int) {
    graph = GraphScratch(rows: degree == 0 ? 0 : rows, ef: 0, degree: degree)
    self.space = .allocate(byteCount: max(64, space), alignment: 64)
  }

  deinit {
    space.deallocate()
    rows.deallocate()
    scores.deallocate()
    heap.deallocate()
    numbers.deallocate()
  }

  func reserve(candidates: Int, k: Int) {
    capacity = candidates
    rows.deallocate()
    scores.deallocate()
    rows = .allocate(capacity: candidates)
    scores = .allocate(capacity: candidates)
    guard k > heapCapacity else { return }
    heapCapacity = k
    heap.deallocate()
    numbers.deallocate()
    heap = .allocate(capacity: k)
    numbers = .allocate(capacity: k)
  }

  /// The heap's rows, best first.
  func ordered(_ held: Int) -> [(row: Int, score: Float)] {
    (0..<held).map { (key: heap[$0], row: Int(numbers[$0])) }.sorted { $0.key > $1.key }.map {
      (row: $0.row, score: grd_vector_key_score($0.key))
    }
  }
}

/// A query vector, padded with zeros as the kernels need it.
///
/// A class, because kernels keep the address; `@unchecked Sendable`: never written after it was made.
final class PaddedQuery: @unchecked Sendable {
  let values: UnsafePointer<Float>
  private let memory: UnsafeMutableRawPointer

  init(_ vector: [Float]) {
    let count = (vector.count + 63) / 64 * 64
    memory = .allocate(byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64)
    let values = memory.bindMemory(to: Float.self, capacity: count)
    values.initialize(repeating: 0, count: count)
    vector.withUnsafeBufferPointer { if let base = $0.baseAddress { values.update(from: base, count: $0.count) } }
    self.values = UnsafePointer(values)
  }

  deinit { memory.deallocate() }
}
