/// What tokens cost in time: a running mean of the seconds a token with its mean deviation, as TCP estimates round trips
/// (Jacobson, SIGCOMM 1988: gains of 1/8 and 1/4).
///
///     var cost = TokenCostModel()
///     cost.observe(tokens: 1000, seconds: 0.02)
///     cost.tokens(within: 0.01)   // 250: what fits with caution, while the deviation is unknown and taken as half the mean
///
/// Predictions add two deviations to the mean, so that most pieces finish earlier than predicted. What decides whether a query
/// gets anything at all is the mean alone: ``tokens(within:caution:)``.
public struct TokenCostModel: Sendable, Equatable {
  /// Nil before the first observation.
  public private(set) var secondsPerToken: Double?
  /// Mean distance of an observation from the mean at its time.
  public private(set) var deviation = 0.0

  /// Deviations that a prediction adds to the mean.
  public static let caution = 2.0
  /// Refusals in a row after which everything is measured anew: so many at first, twice as many each time that the measurement
  /// confirms them, at most ``longestPatience``.
  static let patience = 8
  static let longestPatience = 200
  private var refusals = 0
  private var patience = Self.patience
  /// An observation counts as at most so many times the mean: a stalled machine says little about the next piece.
  static let largestJump = 3.0

  public init() {}

  /// From several measurements: their median, which a stall or a cold start does not move, and the mean distance from it, at
  /// least an eighth of it.
  ///
  /// - Parameter measured: Tokens and seconds; those without tokens or time do not count.
  public init(measured: [(tokens: Int, seconds: Double)]) {
    let all = measured.filter { $0.tokens > 0 && $0.seconds > 0 && $0.seconds.isFinite }.map { $0.seconds / Double($0.tokens) }
    guard !all.isEmpty else { return }
    let sorted = all.sorted(), count = sorted.count
    let median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    secondsPerToken = median
    let distance = all.reduce(0) { $0 + abs($1 - median) } / Double(count)
    deviation = count == 1 ? median / 2 : max(distance, median / 8)
  }

  /// Takes in a piece that has finished; without tokens or time nothing changes.
  public mutating func observe(tokens: Int, seconds: Double) {
    guard tokens > 0, seconds > 0, seconds.isFinite else { return }
    refusals = 0
    guard let mean = secondsPerToken else {
      secondsPerToken = seconds / Double(tokens)
      deviation = seconds / Double(tokens) / 2
      return
    }
    patience = Self.patience
    let error = min(seconds / Double(tokens), Self.largestJump * mean) - mean
    secondsPerToken = mean + error / 8
    deviation += (abs(error) - deviation) / 4
  }

  /// Tells that a query got nothing scored because of this estimate, which then nothing corrects: a single stall would keep
  /// everything out for ever. After 8 times in a row (16, 32, ... at most 200, where a machine really is too slow) all is
  /// forgotten, so that the next query measures one candidate, whatever it costs.
  public mutating func refuse() {
    refusals += 1
    guard refusals == patience else { return }
    let next = min(2 * patience, Self.longestPatience)
    self = TokenCostModel()
    patience = next
  }

  /// Tokens that fit into `seconds` with so many deviations of caution; 0 where none do, nil before the first observation.
  public func tokens(within seconds: Double, caution: Double = Self.caution) -> Int? {
    guard let secondsPerToken else { return nil }
    let count = max(0, seconds) / (secondsPerToken + caution * deviation)
    return count < 1e15 ? Int(count) : Int(1e15)
  }
}
