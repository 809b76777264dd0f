/// Brings guesses to a uniform mean over classes: each row is divided by the running mean of the last batches' rows and
/// renormalised (ReMixMatch; as ShrinkMatch uses it).
///
///     var alignment = try DistributionAlignment(window: 32)
///     let aligned = alignment.align(rows)
///
/// For classes that mean something. The candidates of a list do not: leave it out in ranking.
public struct DistributionAlignment: Resumable, Sendable {
  /// What a checkpoint keeps.
  public struct State: Codable, Sendable, Equatable {
    /// Mean rows of the last batches, the oldest first.
    fileprivate var means: [[Double]] = []
  }

  /// Batches that the running mean is taken over.
  public let window: Int
  private var state = State()

  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(window: Int = 32) throws(WeightingError) {
    self.window = try WeightingError.count("the window of distribution alignment", window, least: 1)
  }

  /// The aligned rows of a batch, whose own mean counts already. A class that never had any probability keeps none.
  public mutating func align(_ rows: [[Double]]) -> [[Double]] {
    guard let classes = rows.first?.count else { return rows }
    func mean(_ rows: [[Double]]) -> [Double] {
      (0..<classes).map { position in rows.reduce(0) { $0 + $1[position] } / Double(rows.count) }
    }
    state.means.append(mean(rows))
    if state.means.count > window { state.means.removeFirst() }
    let running = mean(state.means)
    return rows.map { row in
      let divided = zip(row, running).map { $1 > 0 ? $0 / $1 : 0 }
      let sum = divided.reduce(0, +)
      return divided.map { $0 / sum }
    }
  }

  public var resumeState: State { state }
  public mutating func resume(from state: State) { self.state = state }
}
