import GradusCore
import Synchronization

extension SearchResult {
  /// Runs the searches for many queries on several threads and gives their results in order.
  static func all(
    _ count: Int, threads: Int, _ search: @escaping @Sendable (Int) throws -> SearchResult
  ) throws -> [SearchResult] {
    var results = [Result<SearchResult, any Error>?](repeating: nil, count: count)
    let next = Atomic<Int>(0)
    let grain = 8
    results.withUnsafeMutableBufferPointer { results in
      WorkerPool.shared.forEach(count: min(max(1, threads), (count + grain - 1) / grain)) { _ in
        while true {
          let start = next.add(grain, ordering: .relaxed).oldValue
          guard start < count else { return }
          for number in start..<min(start + grain, count) { results[number] = Result { try search(number) } }
        }
      }
    }
    return try results.map { result in
      // Every number was handed out: each place is filled.
      try result!.get()
    }
  }
}
