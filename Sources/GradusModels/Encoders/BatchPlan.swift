/// How sequences of given lengths are grouped into batches: by length, under a token budget.
///
/// Sequences of like length go together, so that the pieces of a batch take equally long; the budget bounds the memory of
/// a forward pass. Results are put back in input order by whoever runs the plan.
public struct BatchPlan: Sendable, Equatable {
  /// Indices into the given lengths; every index occurs in exactly one batch.
  public let batches: [[Int]]

  /// - Parameters:
  ///   - lengths: Tokens of each sequence.
  ///   - maximumTokens: Budget of a batch; a longer sequence forms a batch of its own.
  ///   - maximumSequences: Upper bound on sequences in a batch.
  public init(lengths: [Int], maximumTokens: Int = 8192, maximumSequences: Int = 256) {
    // Longest first, so that memory peaks early; ties by index, so that the plan is a function of the lengths alone.
    let order = lengths.indices.sorted { lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1 }
    var batches: [[Int]] = []
    var current: [Int] = []
    var tokens = 0
    for index in order {
      if !current.isEmpty && (tokens + lengths[index] > maximumTokens || current.count >= maximumSequences) {
        batches.append(current)
        current = []
        tokens = 0
      }
      current.append(index)
      tokens += lengths[index]
    }
    if !current.isEmpty { batches.append(current) }
    self.batches = batches
  }
}
