/// What every measure sees of one query: the grades of the retrieved documents in rank order, and all judged grades.
///
/// Documents are mapped to grades once per query; measures then work on integers alone.
///
///     let ranking = JudgedRanking(grades: [2, JudgedRanking.unjudged, 0], judged: [0, 2, 1])
///     ranking.relevantCount(2)   // 1
public struct JudgedRanking: Sendable, Equatable {
  /// Stands in `grades` for a document without a judgement. Below every grade that a qrels file may hold.
  public static let unjudged = Int32.min

  /// Grade of the document at each rank, best rank first; ``unjudged`` where there is no judgement.
  public let grades: ArraySlice<Int32>
  /// Grades of all judged documents, retrieved or not, in descending order.
  public let judged: ArraySlice<Int32>

  /// - Parameter judged: Grades of all judged documents in any order.
  public init(grades: [Int32], judged: [Int32]) {
    self.grades = grades[...]
    self.judged = judged.sorted(by: >)[...]
  }

  /// Takes `judged` as it is; the caller vouches for its descending order.
  public init(grades: ArraySlice<Int32>, judgedDescending judged: ArraySlice<Int32>) {
    self.grades = grades
    self.judged = judged
  }

  /// Number of retrieved documents.
  public var retrievedCount: Int { grades.count }

  /// Judged documents with a grade `>= level`, retrieved or not. O(answer).
  public func relevantCount(_ level: Int32) -> Int {
    var count = 0
    for grade in judged {
      if grade < level { break }
      count += 1
    }
    return count
  }

  /// Documents with a grade `>= level` among the first `cutoff` ranks; over the whole ranking where `cutoff` is nil.
  public func relevantRetrieved(_ level: Int32, cutoff: Int? = nil) -> Int {
    var count = 0
    for grade in grades.prefix(cutoff ?? grades.count) where grade >= level { count += 1 }
    return count
  }

  /// The condensed list: the same ranking without its unjudged documents (also those marked unjudged by a negative grade).
  public var condensed: JudgedRanking {
    JudgedRanking(grades: grades.filter { $0 >= 0 }[...], judgedDescending: judged)
  }

  func condensed(if judgedOnly: Bool) -> JudgedRanking { judgedOnly ? condensed : self }
}
