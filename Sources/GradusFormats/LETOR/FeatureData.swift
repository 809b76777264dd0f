import GradusCore

/// Rows of features of judged documents, grouped by query: the input of learning to rank on features.
///
///     let data = try LETORReader.read("train.txt")
///     data.groups[0].qid          // "1"
///     data.row(0)                 // 136 numbers
///     let run = data.run(name: "mine", scores: scores)
public struct FeatureData: Sendable, Equatable {
  /// The rows of a query, which lie together.
  public struct Group: Sendable, Equatable {
    public let qid: String
    public let rows: Range<Int>

    public init(qid: String, rows: Range<Int>) {
      self.qid = qid
      self.rows = rows
    }
  }

  public let groups: [Group]
  /// One a row, unique within its query.
  public let docnos: [String]
  /// One a row, `>= 0`.
  public let grades: [Int]
  /// Features of a row.
  public let width: Int
  /// Row-major, `rows x width`, finite.
  public let features: [Float]

  /// The caller vouches that the parts fit together.
  public init(groups: [Group], docnos: [String], grades: [Int], width: Int, features: [Float]) {
    precondition(docnos.count == grades.count && features.count == docnos.count * width, "rows of different number")
    self.groups = groups
    self.docnos = docnos
    self.grades = grades
    self.width = width
    self.features = features
  }

  public var rowCount: Int { docnos.count }

  /// The features of a row. O(1).
  public func row(_ row: Int) -> ArraySlice<Float> { features[row * width..<(row + 1) * width] }

  /// The grades as judgements; a grade of 0 is judged, too.
  public var qrels: Qrels {
    var qrels = Qrels()
    for group in groups {
      for row in group.rows { qrels.judge(qid: group.qid, docno: docnos[row], grade: grades[row]) }
    }
    return qrels
  }

  /// Rankings by these scores, one a row; they must not be NaN.
  public func run(name: String, scores: [Double]) -> Run {
    Run(name: name, rankings: groups.map { group in
      Ranking(qid: group.qid, documents: group.rows.map { ScoredDocument(docno: docnos[$0], score: scores[$0]) })
    })
  }

  /// SHA-256 of all that is in the value, in hexadecimal: what a model's manifest says that it was trained on.
  public var digest: String {
    var digest = SHA256Digest()
    func add(_ text: String) { Array(text.utf8).withUnsafeBytes { digest.update($0) } }
    for group in groups {
      add("\(group.qid)\n")
      for row in group.rows { add("\(docnos[row]) \(grades[row])\n") }
    }
    add("\(width)\n")
    features.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  /// The same rows with features of value 0 behind their own.
  ///
  /// - Parameter width: At least ``width``.
  public func widened(to width: Int) -> FeatureData {
    precondition(width >= self.width, "rows can only become wider")
    guard width > self.width else { return self }
    let padding = [Float](repeating: 0, count: width - self.width)
    return FeatureData(
      groups: groups, docnos: docnos, grades: grades, width: width, features: grades.indices.flatMap { row($0) + padding })
  }

  /// The chosen queries alone, in the order of `positions`.
  public func selecting(_ positions: [Int]) -> FeatureData {
    var chosen: [Group] = []
    var docnos: [String] = []
    var grades: [Int] = []
    var features: [Float] = []
    for position in positions {
      let group = groups[position]
      chosen.append(Group(qid: group.qid, rows: docnos.count..<docnos.count + group.rows.count))
      docnos += self.docnos[group.rows]
      grades += self.grades[group.rows]
      features += self.features[group.rows.lowerBound * width..<group.rows.upperBound * width]
    }
    return FeatureData(groups: chosen, docnos: docnos, grades: grades, width: width, features: features)
  }

  /// Cuts off a share of the queries, drawn at random, for development: at least one is held out and at least one kept
  /// where there are two.
  ///
  /// - Parameter share: Between 0 and 1, both excluded.
  public func split(heldOut share: Double, seed: UInt64) -> (kept: FeatureData, heldOut: FeatureData) {
    precondition(share > 0 && share < 1, "a share lies between 0 and 1")
    var stream = SeededGenerator(seed: seed).stream("held-out queries")
    let order = stream.permutation(groups.count)
    let count = min(max(1, Int((share * Double(groups.count)).rounded())), max(0, groups.count - 1))
    return (selecting(order.dropFirst(count).sorted()), selecting(order.prefix(count).sorted()))
  }
}
