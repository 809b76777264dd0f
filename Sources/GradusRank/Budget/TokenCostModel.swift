/// What tokens cost in time: a running mean of the seconds a token with its mean deviation, as TCP estimates round trips
/// (Jacobson, SIGCOMM 1988: gains of 1/8 and 1/4).
///
///     var cost = TokenCostModel()
///     cost.observe(tokens: 1000, seconds: 0.02)
///     cost.tokens(within: 0.01)   // 250: what fits with caution, while the deviation is unknown and taken as half the mean
///
/// Predictions add two deviations to the mean, so that most pieces finish earlier than predicted.
public struct TokenCostModel: Sendable, Equatable {
  /// Nil before the first observation.
  public private(set) var secondsPerToken: Double?
  /// Mean distance of an observation from the mean at its time.
  public private(set) var deviation = 0.0

  /// Deviations that a prediction adds to the mean.
  public static let caution = 2.0
  /// Refusals in a row after which everything is measured anew.
  static let patience = 200
  private var refusals = 0
  /// An observation counts as at most so many times the mean: a stalled machine says little about the next piece.
  static let largestJump = 3.0

  public init() {}

  /// Takes in a piece that has finished; without tokens or time nothing changes.
  public mutating func observe(tokens: Int, seconds: Double) {
    guard tokens > 0, seconds > 0, seconds.isFinite else { return }
    refusals = 0
    guard let mean = secondsPerToken else {
      secondsPerToken = seconds / Double(tokens)
      deviation = seconds / Double(tokens) / 2
      return
    }
    let error = min(seconds / Double(tokens), Self.largestJump * mean) - mean
    secondsPerToken = mean + error / 8
    deviation += (abs(error) - deviation) / 4
  }

  /// Tells that a query got nothing scored because of this estimate, which then nothing corrects: a single stall would keep
  /// everything out for ever. Caution fades by an eighth each time, and after 200 times in a row all is forgotten, so that the
  /// next query measures one candidate, whatever it costs.
  public mutating func refuse() {
    deviation *= 7.0 / 8
    refusals += 1
    if refusals == Self.patience { self = TokenCostModel() }
  }

  /// Tokens that fit into `seconds` with caution; 0 where none do, nil before the first observation.
  public func tokens(within seconds: Double) -> Int? {
    guard let secondsPerToken else { return nil }
    let count = max(0, seconds) / (secondsPerToken + Self.caution * deviation)
    return count < 1e15 ? Int(count) : Int(1e15)
  }
}
