import GradusCore

/// Draws few-shot episodes: some classes, and of each some documents to learn the class from and some to classify (Vinyals et
/// al., NIPS 2016).
///
///     var sampler = try EpisodicSampler(qrels: topics, ways: 5, shots: 1, queries: 5, seed: 7)
///     let episode = try sampler.next(5)      // five samples of different classes
///
/// A class is a query of the judgements, its members the documents that reach `minimumGrade`. Each sample is one class: a list of
/// `shots + queries` of its documents, all positive, the shots first; every `ways` samples in a row are one episode of different
/// classes, so that a trainer's batch size must be `ways`. For ``ProtoTripletLoss`` and ``ICNNLoss``.
public struct EpisodicSampler: TrainingSampler {
  public let ways: Int
  public let shots: Int
  public let queries: Int
  /// Classes with too few documents.
  public let skippedClasses: Int
  private let classes: [(qid: String, docnos: [String])]
  private let digest: String
  private let generator: SeededGenerator
  private var drawn = 0

  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` where fewer than `ways` classes are large enough;
  ///   ``SamplerError/episodeBelow(name:found:least:)``.
  public init(
    qrels: Qrels, ways: Int, shots: Int, queries: Int, minimumGrade: Int = 1, seed: UInt64
  ) throws(SamplerError) {
    for (name, found, least) in [("ways", ways, 2), ("shots", shots, 1), ("queries", queries, 1)] where found < least {
      throw .episodeBelow(name: name, found: found, least: least)
    }
    func ordered(_ names: [String]) -> [String] { names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
    let all = ordered(qrels.qids).map { qid in
      (qid: qid, docnos: ordered(qrels.relevant(qid: qid, minimumGrade: minimumGrade)))
    }
    classes = all.filter { $0.docnos.count >= shots + queries }
    guard classes.count >= ways else {
      throw .nothingToSample(
        queries: all.count, needed: "\(shots + queries) documents of grade >= \(minimumGrade), as \(ways) classes must have")
    }
    skippedClasses = all.count - classes.count
    self.ways = ways
    self.shots = shots
    self.queries = queries
    let members = classes.map { "\n" + $0.qid + " " + $0.docnos.joined(separator: " ") }.joined()
    digest = SHA256Digest.hex(of: Array("episodic \(ways) \(shots) \(queries) \(seed)\(members)".utf8))
    generator = SeededGenerator(seed: seed)
  }

  /// Each class once, rounded up to whole episodes.
  public var samplesPerPass: Int? { (classes.count + ways - 1) / ways * ways }

  public mutating func next() -> TrainingSample {
    var episode = generator.stream("episode", drawn / ways)
    let own = classes[episode.permutation(classes.count)[drawn % ways]]
    var stream = generator.stream("draw", drawn)
    drawn += 1
    let documents = stream.permutation(own.docnos.count).prefix(shots + queries).map {
      LabelledDocument(docno: own.docnos[$0], label: 1, isPositive: true)
    }
    return .listwise(qid: own.qid, documents: documents)
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    guard (0...RoundRobin.mostDraws).contains(state.drawn) else { throw SamplerError.impossiblePosition(state.drawn) }
    drawn = state.drawn
  }
}
