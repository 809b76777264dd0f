import GradusCore

/// The probability that a document was looked at, by the position at which it was shown: a position-based click model's
/// examination.
///
///     Propensities.power(eta: 1, positions: 10).values          // 1, 1/2, 1/3, ...
///     try Propensities([1, 0.62, 0.41])                         // estimated: see PropensityEstimation
public struct Propensities: Sendable, Equatable, Codable {
  /// From the first position down; positions beyond have the last one's.
  public let values: [Double]

  /// - Throws: ``LossError/parameter(_:found:expected:)`` for a value that is no probability above 0, or none at all.
  public init(_ values: [Double]) throws(LossError) {
    guard !values.isEmpty else { throw .parameter("propensities", found: 0, expected: "one position at least") }
    if let bad = values.first(where: { !($0 > 0 && $0 <= 1) }) {
      throw .parameter("propensity", found: bad, expected: "above 0 and at most 1")
    }
    self.values = values
  }

  /// `(1 / position)^eta` (Joachims et al., WSDM 2017).
  ///
  /// - Throws: ``LossError/parameter(_:found:expected:)``.
  public static func power(eta: Double, positions: Int) throws(LossError) -> Propensities {
    let eta = try notNegative("eta", eta)
    guard positions >= 1 else { throw .parameter("positions", found: Double(positions), expected: "at least 1") }
    return try Propensities((1...positions).map { reciprocalPower(Double($0), eta) })
  }

  /// - Parameter position: From 1.
  public subscript(position: Int) -> Double { values[min(max(position, 1), values.count) - 1] }
}

/// Where the documents of a click log were shown, and how likely they were looked at: what inverse-propensity losses divide
/// clicks by.
///
///     let log = ClickLog(shown: loggedRun, propensities: try .power(eta: 1, positions: 10))
///     try log.propensity(qid: "17", docno: "d4")
///
/// Each impression of a ranking is a query of the log: where a query was shown several times in several orders, its impressions
/// need ids of their own.
public struct ClickLog: Sendable {
  public let propensities: Propensities
  private let positions: [String: [String: Int]]

  /// - Parameter shown: The rankings as users saw them.
  public init(shown: Run, propensities: Propensities) {
    self.propensities = propensities
    positions = Dictionary(uniqueKeysWithValues: shown.rankings.map { ranking in
      (ranking.qid, Dictionary(
        ranking.documents.enumerated().map { ($1.docno, $0 + 1) }, uniquingKeysWith: { first, _ in first }))
    })
  }

  /// From 1.
  ///
  /// - Throws: ``LossError/notInLog(qid:docno:)``.
  public func position(qid: String, docno: String) throws(LossError) -> Int {
    guard let position = positions[qid]?[docno] else { throw .notInLog(qid: qid, docno: docno) }
    return position
  }

  /// - Throws: ``LossError/notInLog(qid:docno:)``.
  public func propensity(qid: String, docno: String) throws(LossError) -> Double {
    propensities[try position(qid: qid, docno: docno)]
  }
}
