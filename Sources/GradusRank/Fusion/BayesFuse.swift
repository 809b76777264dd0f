#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Bayes fusion: the log-odds of relevance that the ranks in all lists give together (Aslam and Montague, SIGIR 2001).
///
///     score(d) = sum over the lists of ln( Pr[rank of d | relevant] / Pr[rank of d | not relevant] )
///
/// The probabilities are counted on judged queries, over ranks 1-5, 6-10, 11-15, 16-20, 21-30, 31-100, 101-200, 201-500 and
/// 501 on, and *not in this list*, which is evidence as well. Counted are the documents that at least one list holds, since
/// no others are fused; without judgement they are not relevant. Each count starts at one half, so that nothing is impossible.
///
///     let model = try BayesFuse(training: runs, qrels: developmentQrels)
///     let fused = try Fusion(.bayesFuse(model)).fuse(runs)
///
/// ranx takes `ln(p / (1 - p))` of the precision p in each range of ranks instead, which counts the prior odds of relevance
/// once for every list, and a constant for documents that a list lacks; we follow the paper.
public struct BayesFuse: Sendable, Hashable {
  /// Last ranks of the ranges; one more range follows for what lies below.
  static let ends = [5, 10, 15, 20, 30, 100, 200, 500]
  static let absent = ends.count + 1

  /// `[list][range]`; the last range is that of the documents which the list lacks.
  public let logOdds: [[Double]]

  /// Learns from the judged queries of `qrels`; grades of at least `minimumGrade` are relevant.
  ///
  /// - Throws: ``FusionError/noRuns``; ``FusionError/notFinite(run:qid:docno:)``, ``FusionError/duplicate(run:qid:docno:)``.
  public init(training runs: [Run], qrels: Qrels, minimumGrade: Int = 1) throws(FusionError) {
    guard !runs.isEmpty else { throw .noRuns }
    var counts = [[(relevant: Double, other: Double)]](
      repeating: Array(repeating: (0.5, 0.5), count: Self.absent + 1), count: runs.count)
    let names = runs.map(\.name)
    for qid in qrels.qids {
      let judgements = qrels[qid]
      let lists = runs.map { $0[qid] ?? Ranking(qid: qid, alreadyOrdered: []) }
      let pool = try FusionPool(lists, names: names, qid: qid)
      let isRelevant = pool.docnos.map { (judgements[$0] ?? 0) >= minimumGrade }
      for (list, ranked) in pool.lists.enumerated() {
        var ranges = [Int](repeating: Self.absent, count: pool.docnos.count)
        for (position, document) in ranked.enumerated() { ranges[document] = Self.range(position) }
        for (document, range) in ranges.enumerated() {
          if isRelevant[document] { counts[list][range].relevant += 1 } else { counts[list][range].other += 1 }
        }
      }
    }
    logOdds = counts.map { ranges in
      let relevant = ranges.reduce(0) { $0 + $1.relevant }
      let other = ranges.reduce(0) { $0 + $1.other }
      return ranges.map { log(($0.relevant / relevant) / ($0.other / other)) }
    }
  }

  /// The range of a position from 0.
  static func range(_ position: Int) -> Int { ends.firstIndex { position < $0 } ?? ends.count }

  /// The first digits of the SHA-256 of the log-odds, for names.
  var fingerprint: String {
    let bytes = logOdds.flatMap { $0 }.flatMap { odds in withUnsafeBytes(of: odds.bitPattern.littleEndian) { Array($0) } }
    return String(SHA256Digest.hex(of: bytes).prefix(12))
  }
}
