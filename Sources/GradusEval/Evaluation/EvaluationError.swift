import GradusCore

/// An evaluation that cannot be carried out as asked.
public enum EvaluationError: GradusError, Equatable {
  /// Offsets must start at 0, never fall, have one more entry than there are queries, and end at the array's length.
  case offsets(expected: String, found: String)
  /// The run and the judgements have no query in common.
  case noCommonQueries(run: String)
  case unknownMeasure(String, known: [String])
  case unknownRun(String, known: [String])
  case duplicateRun(String)
  case noRuns

  public var failureKind: FailureKind {
    switch self {
    case .noCommonQueries: .badData
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .offsets(let expected, let found): "offsets must \(expected), found \(found)"
    case .noCommonQueries(let run):
      "run '\(run)' has no query with judgements; check that run and qrels belong to the same topics"
    case .unknownMeasure(let name, let known):
      "measure '\(name)' was not evaluated; evaluated: \(known.joined(separator: ", "))"
    case .unknownRun(let name, let known): "no run '\(name)'; there is \(known.joined(separator: ", "))"
    case .duplicateRun(let name): "two runs are named '\(name)'; give each run its own name"
    case .noRuns: "no run given; name at least one run file"
    }
  }

  static func checkOffsets(_ offsets: [Int], covering count: Int, queries: Int) throws(EvaluationError) {
    guard offsets.count == queries + 1, !offsets.isEmpty else {
      throw .offsets(expected: "have \(queries + 1) entries", found: "\(offsets.count)")
    }
    guard offsets[0] == 0 else { throw .offsets(expected: "start at 0", found: "\(offsets[0])") }
    for index in offsets.indices.dropFirst() where offsets[index] < offsets[index - 1] {
      throw .offsets(expected: "never fall", found: "\(offsets[index - 1]) before \(offsets[index])")
    }
    guard offsets[queries] == count else { throw .offsets(expected: "end at \(count)", found: "\(offsets[queries])") }
  }
}
