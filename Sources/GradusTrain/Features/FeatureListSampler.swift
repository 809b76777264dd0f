import GradusCore
import GradusFormats

/// Draws whole lists of documents with features: each round visits every query once, in a random order.
///
/// A list has all rows of its query, in a random order that says nothing, or a random part of them where there are more than
/// ``largest``. Queries whose rows all have the same grade teach no order and are skipped. Lists have different lengths; the
/// trainer takes that for losses over scores.
///
///     var sampler = try FeatureListSampler(data: training, seed: 7)
///     try sampler.next().documents.count   // rows of the first query
public struct FeatureListSampler: TrainingSampler {
  /// Rows of a list, at most.
  public let largest: Int
  /// The lowest grade that counts as positive.
  public let minimumPositiveGrade: Int
  private let data: FeatureData
  private let groups: [FeatureData.Group]
  private let digest: String
  private var rounds: RoundRobin

  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)``, ``SamplerError/listBelowTwo(_:)``,
  ///   ``SamplerError/positiveGradeBelowOne(_:)``.
  public init(
    data: FeatureData, largest: Int = 240, minimumPositiveGrade: Int = 1, seed: UInt64
  ) throws(SamplerError) {
    guard largest >= 2 else { throw .listBelowTwo(largest) }
    guard minimumPositiveGrade >= 1 else { throw .positiveGradeBelowOne(minimumPositiveGrade) }
    groups = data.groups.filter { Set(data.grades[$0.rows]).count > 1 }
    guard !groups.isEmpty else {
      throw .nothingToSample(queries: data.groups.count, needed: "two documents of different grades")
    }
    self.data = data
    self.largest = largest
    self.minimumPositiveGrade = minimumPositiveGrade
    var text = "features \(largest) \(minimumPositiveGrade) \(seed)\n"
    for group in groups { text += group.rows.map { "\(group.qid) \(data.docnos[$0]) \(data.grades[$0])\n" }.joined() }
    digest = SHA256Digest.hex(of: Array(text.utf8))
    rounds = RoundRobin(seed: seed, count: groups.count)
  }

  /// Queries with rows of different grades.
  public var samplesPerPass: Int? { groups.count }

  public mutating func next() -> TrainingSample {
    var (item, stream) = rounds.next()
    let rows = groups[item].rows
    var chosen = stream.permutation(rows.count).map { rows.lowerBound + $0 }
    if chosen.count > largest {
      // Two of different grades first, so that the list teaches something.
      let other = chosen.firstIndex { data.grades[$0] != data.grades[chosen[0]] } ?? 1
      chosen.swapAt(1, other)
      chosen.removeSubrange(largest...)
    }
    let documents = chosen.map { row in
      LabelledDocument(
        docno: data.docnos[row], label: Double(data.grades[row]), isPositive: data.grades[row] >= minimumPositiveGrade)
    }
    return .listwise(qid: groups[item].qid, documents: documents)
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: rounds.drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    try rounds.resume(drawn: state.drawn)
  }
}
