import GradusCore
import Synchronization

/// Answers many queries on several threads.
enum QueryBatch {
  /// Queries that a thread takes at a time: enough to pay for taking them, few enough that threads end together.
  private static let grain = 4

  /// The answers to `count` queries, in order.
  ///
  /// - Parameters:
  ///   - lend: Gives a thread what it works with, for some queries: threads that asked for it with each query would wait for one
  ///     another.
  ///   - answer: For one query.
  /// - Throws: The error of the first query that ends in one.
  static func answers<Tool, Answer>(
    _ count: Int, threads: Int, lend: @escaping @Sendable ((Tool) throws -> Void) throws -> Void,
    answer: @escaping @Sendable (Tool, Int) throws -> Answer
  ) throws -> [Answer] {
    var answers = [Answer?](repeating: nil, count: count)
    let failure = Guarded<(number: Int, error: any Error)?>(nil)
    let next = Atomic<Int>(0)
    answers.withUnsafeMutableBufferPointer { answers in
      WorkerPool.shared.forEach(count: min(max(1, threads), (count + grain - 1) / grain)) { _ in
        while true {
          let start = next.add(grain, ordering: .relaxed).oldValue
          guard start < count else { return }
          var number = start
          do {
            try lend { tool in
              while number < min(start + grain, count) {
                answers[number] = try answer(tool, number)
                number += 1
              }
            }
          } catch {
            failure.withLock { if $0.map({ number < $0.number }) ?? true { $0 = (number, error) } }
          }
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure.error }
    // Every number was handed out and none failed: each place is filled.
    return answers.map { $0! }
  }
}

extension SearchResult {
  /// Runs the searches for many queries on several threads and gives their results in order.
  static func all(
    _ count: Int, threads: Int, _ search: @escaping @Sendable (Int) throws -> SearchResult
  ) throws -> [SearchResult] {
    try QueryBatch.answers(count, threads: threads, lend: { try $0(()) }, answer: { _, number in try search(number) })
  }
}
