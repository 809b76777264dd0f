import GradusCore

/// Draws a user, one of the user's items and an item the user has not: the samples of implicit feedback.
///
/// Users are drawn uniformly, not interactions, so that busy users are not over-represented.
///
///     var sampler = try InteractionSampler(groups: ["ann": ["i1", "i7"]], catalogue: ["i1", "i2", "i7"], seed: 7)
///     try sampler.next()   // ann, i7, i2
public struct InteractionSampler: TrainingSampler {
  private struct Group: Sendable {
    let name: String
    let items: [String]
    let known: Set<String>
  }

  private let groups: [Group]
  private let catalogue: [String]
  private let generator: SeededGenerator
  private let digest: String
  private var drawn = 0

  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` where no user has an item, or one has them all.
  public init(groups: [String: [String]], catalogue: [String], seed: UInt64) throws(SamplerError) {
    let groups = groups.sorted { $0.key < $1.key }.map { Group(name: $0.key, items: $0.value, known: Set($0.value)) }
    guard !groups.isEmpty, groups.allSatisfy({ !$0.items.isEmpty && $0.known.count < Set(catalogue).count }) else {
      throw .nothingToSample(queries: groups.count, needed: "an item, and one of the catalogue that is not among its own")
    }
    self.groups = groups
    self.catalogue = catalogue
    generator = SeededGenerator(seed: seed)
    let text = groups.map { "\($0.name) \($0.items.joined(separator: " "))" } + catalogue + ["\(seed)"]
    digest = SHA256Digest.hex(of: Array(text.joined(separator: "\n").utf8))
  }

  /// Interactions.
  public var samplesPerPass: Int? { groups.reduce(0) { $0 + $1.items.count } }

  public mutating func next() -> TrainingSample {
    var stream = generator.stream("draw", drawn)
    drawn += 1
    let group = groups[stream.integer(below: groups.count)]
    let positive = group.items[stream.integer(below: group.items.count)]
    while true {
      let negative = catalogue[stream.integer(below: catalogue.count)]
      if !group.known.contains(negative) { return .pairwise(qid: group.name, positive: positive, negatives: [negative]) }
    }
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    drawn = state.drawn
  }
}
