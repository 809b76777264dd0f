import GradusCore

/// Parts of a curriculum by the names that command lines and recipes give them.
///
///     try CurriculumNames.heuristic("kde(bandwidth=silverman)")
///     try CurriculumNames.granularity("group:16")
public enum CurriculumNames {
  public static let heuristics = ["recip", "norm", "kde", "teacher"]

  /// Whether a heuristic judges by a teacher's scores instead of the first stage's.
  public static func readsTeacher(_ text: String) -> Bool { (try? NamedSettings(text).name) == "teacher" }

  /// - Parameters:
  ///   - text: `recip`, with `missing` for the rank of documents outside the run; `norm` and `kde`, with `constant` for
  ///     queries whose scores all tie; `kde` also with `bandwidth`: `scott`, `silverman` or a number; `teacher`, with
  ///     `temperature`.
  ///   - teacher: The scores that `teacher` judges by.
  /// - Throws: ``NameError``, ``CurriculumError`` for values that cannot be meant.
  public static func heuristic(_ text: String, teacher: Run? = nil) throws -> any DifficultyHeuristic {
    var settings = try NamedSettings(text)
    let heuristic: any DifficultyHeuristic
    switch settings.name {
    case "recip": heuristic = try ReciprocalRankDifficulty(missingRank: try settings.take("missing", as: Int.self) ?? 1000)
    case "norm":
      heuristic = try NormalizedScoreDifficulty(constantValue: try settings.take("constant", as: Double.self) ?? 0.5)
    case "kde":
      let bandwidth: KDEScoreDifficulty.Bandwidth
      switch settings.take("bandwidth") {
      case nil, "scott": bandwidth = .scott
      case "silverman": bandwidth = .silverman
      case .some(let value):
        guard let width = Double(value) else { throw NameError.value(text: text, key: "bandwidth", found: value) }
        bandwidth = .fixed(width)
      }
      let constant = try settings.take("constant", as: Double.self) ?? 0.5
      heuristic = try KDEScoreDifficulty(bandwidth: bandwidth, constantValue: constant)
    case "teacher":
      let temperature = try settings.take("temperature", as: Double.self) ?? 1
      // Without scores the text alone is checked: whoever asks for the first sample then hears that its pair is missing.
      let run = teacher ?? Run(name: "none", rankings: [Ranking(qid: "", documents: [ScoredDocument(docno: "", score: 0)])])
      heuristic = try TeacherMarginDifficulty(
        teacher: try FirstStageStatistics(run: run), name: run.name, temperature: temperature)
    default: throw NameError.unknown(settings.name, known: heuristics)
    }
    try settings.finish()
    return heuristic
  }

  /// - Parameter text: `sample`, `group:N` or `batch`.
  /// - Throws: ``NameError/unknown(_:known:)``; ``CurriculumError/groupSizeBelowOne(_:)``.
  public static func granularity(_ text: String) throws -> WeightingGranularity {
    switch text {
    case "sample": return .perSample
    case "batch": return .batchMean
    default:
      guard text.hasPrefix("group:"), let size = Int(text.dropFirst(6)) else {
        throw NameError.unknown(text, known: ["sample", "group:N", "batch"])
      }
      guard size >= 1 else { throw CurriculumError.groupSizeBelowOne(size) }
      return .groupMean(size: size)
    }
  }
}
