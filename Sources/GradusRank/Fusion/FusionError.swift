import GradusCore

/// A fusion that cannot be carried out as asked.
public enum FusionError: GradusError, Equatable {
  case unknownMethod(String, nearest: String?, known: [String])
  case unknownNormalization(String, nearest: String?, known: [String])
  /// Not of the form `name` or `name(parameter=value)`.
  case malformed(String)
  case unknownParameter(String, method: String, known: [String])
  case outOfRange(parameter: String, value: Double, allowed: String)
  /// Bayes fusion without judgements to learn from.
  case needsTraining
  /// A method that reads ranks was given a normalisation of scores.
  case normalizationNotUsed(method: String)
  case weightsNotUsed(method: String, known: [String])
  case weightCount(found: Int, lists: Int)
  /// Not a finite number from 0 up.
  case weight(Double)
  case noRuns
  case notFinite(run: String, qid: String, docno: String)
  case duplicate(run: String, qid: String, docno: String)
  /// The best score is not above 0, so that dividing by it would turn the list around.
  case maximumNotPositive(run: String, qid: String, found: Double)
  /// The method has no parameters to choose, or too many settings to try.
  case nothingToTune(method: String)
  case gridTooLarge(settings: Int, limit: Int)
  /// A trained method meets another number of runs than it was trained on.
  case runCount(found: Int, trained: Int)

  public var failureKind: FailureKind {
    switch self {
    case .notFinite, .duplicate, .maximumNotPositive: .badData
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .unknownMethod(let name, let nearest, let known):
      "no fusion method '\(name)'\(Self.meant(nearest)); there is \(known.joined(separator: ", ")), bayesfuse"
    case .unknownNormalization(let name, let nearest, let known):
      "no normalisation '\(name)'\(Self.meant(nearest)); there is \(known.joined(separator: ", "))"
    case .malformed(let text): "'\(text)' is no fusion method: expected a name and, in brackets, parameters, such as rrf(k=60)"
    case .unknownParameter(let name, let method, let known):
      known.isEmpty
        ? "\(method) has no parameters, found '\(name)'"
        : "\(method) has no parameter '\(name)'; it has \(known.joined(separator: ", "))"
    case .outOfRange(let parameter, let value, let allowed): "parameter \(parameter): expected \(allowed), found \(value)"
    case .needsTraining: "bayesfuse learns from judged queries; give it judgements to learn from"
    case .normalizationNotUsed(let method): "\(method) reads ranks, not scores; leave the normalisation out"
    case .weightsNotUsed(let method, let known):
      "\(method) takes no weights; methods that do: \(known.joined(separator: ", "))"
    case .weightCount(let found, let lists): "expected one weight for each of \(lists) runs, found \(found)"
    case .weight(let value): "a weight must be a number from 0 up, found \(value)"
    case .noRuns: "no run given; name at least one"
    case .notFinite(let run, let qid, let docno):
      "run \(run), query \(qid): the score of document \(docno) is not a finite number; mend the run"
    case .duplicate(let run, let qid, let docno):
      "run \(run), query \(qid): document \(docno) is listed twice; keep one of the lines"
    case .maximumNotPositive(let run, let qid, let found):
      "run \(run), query \(qid): the best score is \(found), and 'max' divides by it; take min-max for scores below 0"
    case .nothingToTune(let method): "\(method) has no parameters to tune"
    case .gridTooLarge(let settings, let limit):
      "\(settings) settings of weights are more than \(limit); take a larger step or fewer runs"
    case .runCount(let found, let trained): "bayesfuse was trained on \(trained) runs, found \(found)"
    }
  }

  private static func meant(_ nearest: String?) -> String { nearest.map { "; did you mean '\($0)'?" } ?? "" }
}
