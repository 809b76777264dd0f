import GradusCore

/// Values that a statistical procedure cannot work with.
public enum SignificanceError: GradusError, Equatable {
  case lengths(first: Int, second: Int)
  /// 0-based position of the first value that is NaN or infinite.
  case notFinite(position: Int)
  case permutations(Int)
  case samples(Int)
  case level(Double)
  case pValue(Double)
  /// Seeds of a comparison with different numbers of queries.
  case queriesPerSeed(seed: Int, expected: Int, found: Int)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .lengths(let first, let second): "paired values must come in equal numbers, found \(first) and \(second)"
    case .notFinite(let position): "value number \(position + 1) is not finite; a test needs finite values"
    case .permutations(let found): "a randomisation test needs at least 1 permutation, found \(found)"
    case .samples(let found): "a bootstrap needs at least 2 samples, found \(found)"
    case .level(let found): "a confidence level or power lies between 0 and 1, both excluded; found \(found)"
    case .pValue(let found): "a p value lies between 0 and 1, found \(found)"
    case .queriesPerSeed(let seed, let expected, let found):
      "seed number \(seed + 1) has values for \(found) queries, the first has \(expected)"
    }
  }

  static func checkFinite(_ values: [Double]) throws(SignificanceError) {
    if let position = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(position: position) }
  }

  static func checkLevel(_ level: Double) throws(SignificanceError) {
    guard level > 0, level < 1 else { throw .level(level) }
  }

  static func differences(_ first: [Double], _ second: [Double]) throws(SignificanceError) -> [Double] {
    guard first.count == second.count else { throw .lengths(first: first.count, second: second.count) }
    try checkFinite(first)
    try checkFinite(second)
    return zip(first, second).map { $1 - $0 }
  }
}
