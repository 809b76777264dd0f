#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How the values of all queries become one figure.
public enum Aggregation: Sendable, Equatable {
  case mean
  /// `exp(mean(log(max(value, 0.00001))))`, with the floor that trec_eval uses.
  case geometricMean
  case sum

  /// The figure for `values`; 0 where there are none.
  public func aggregate(_ values: some Collection<Double>) -> Double {
    guard !values.isEmpty else { return 0 }
    let count = Double(values.count)
    switch self {
    case .mean: return values.reduce(0, +) / count
    case .geometricMean: return exp(values.reduce(0) { $0 + log(max($1, 0.00001)) } / count)
    case .sum: return values.reduce(0, +)
    }
  }
}

/// A retrieval measure: a number for the ranking of one query.
///
/// `description` is the name in the grammar of ir_measures, such as `nDCG@10` or `AP(rel=2)@100`; parsing it gives the
/// measure back. Unjudged documents count as not relevant. A ranking without documents, or a query without relevant
/// documents, has a finite value (0, where the measure's comment does not say otherwise).
///
/// Cut-offs and `rel` are at least 1: names that say otherwise are refused by ``MeasureSpecification``, and code that makes
/// a measure itself vouches for it.
///
///     NDCG(cutoff: 10).value(for: JudgedRanking(grades: [0, 1], judged: [1, 0]))   // 1 / log2(3) = 0.6309
public protocol Measure: Sendable, Hashable, CustomStringConvertible {
  var aggregation: Aggregation { get }
  func value(for ranking: JudgedRanking) -> Double
}

extension Measure {
  public var aggregation: Aggregation { .mean }
}

/// Puts a name together: `head(key=value,key=value)@cutoff`.
func measureName(_ head: String, _ arguments: [String?] = [], at cutoff: (some CustomStringConvertible)?) -> String {
  let given = arguments.compactMap { $0 }
  let middle = given.isEmpty ? "" : "(" + given.joined(separator: ",") + ")"
  return head + middle + (cutoff.map { "@\($0)" } ?? "")
}

func measureName(_ head: String, _ arguments: [String?] = []) -> String {
  measureName(head, arguments, at: Int?.none)
}

/// `rel=2`, or nothing for the default 1.
func relArgument(_ rel: Int32) -> String? { rel == 1 ? nil : "rel=\(rel)" }
func judgedOnlyArgument(_ judgedOnly: Bool) -> String? { judgedOnly ? "judged_only=True" : nil }

/// `0.5`, `10` instead of `10.0`: the way these numbers are written in names.
func plainNumber(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
}
