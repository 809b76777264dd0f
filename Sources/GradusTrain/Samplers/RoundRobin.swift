import GradusCore

/// The k-th draw of an endless sequence of rounds, each over all items in a new random order.
///
/// Nothing depends on how the draws before `drawn` were made, so a state is one number. The order of the round under
/// way is cached.
struct RoundRobin: Sendable {
  let generator: SeededGenerator
  let count: Int
  private(set) var drawn = 0
  /// More draws than any training makes.
  static let mostDraws = 1 << 48
  private var cachedRound = -1
  private var order: [Int] = []

  init(seed: UInt64, count: Int) {
    generator = SeededGenerator(seed: seed)
    self.count = count
  }

  /// Goes on after so many draws.
  mutating func resume(drawn: Int) throws(SamplerError) {
    guard (0...Self.mostDraws).contains(drawn) else { throw .impossiblePosition(drawn) }
    self.drawn = drawn
  }

  /// The item of this draw and a random stream that belongs to it alone.
  mutating func next() -> (item: Int, stream: SeededGenerator) {
    let round = drawn / count
    if round != cachedRound {
      var shuffler = generator.stream("round", round)
      order = shuffler.permutation(count)
      cachedRound = round
    }
    defer { drawn += 1 }
    return (order[drawn % count], generator.stream("draw", drawn))
  }
}
