#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// A fusion of runs, ready to be applied: method, normalisation, weights.
///
///     let fused = try Fusion(.rrf(k: 60)).fuse([bm25, dense], name: "hybrid")
///     let mixed = try Fusion(.combSUM, normalization: .minMax, weights: [0.3, 0.7]).fuse([bm25, dense])
///
/// Candidates are all documents that a list holds, those of weight 0 included. A list that lacks a document adds nothing for
/// it (but see ``FusionMethod/borda`` and ``BayesFuse``); a run that lacks a query counts as an empty list. Where no weights
/// or training tell the runs apart, their order changes no bit: each document's parts are added smallest first. Results are
/// ordered by the tie rule and are the same for any number of threads.
public struct Fusion: Sendable, Hashable, CustomStringConvertible {
  public let method: FusionMethod
  /// ``ScoreNormalization/none`` for methods that read ranks.
  public let normalization: ScoreNormalization
  /// One for each run, from 0 up; nil where all count alike.
  public let weights: [Double]?

  /// - Parameter normalization: Nil takes `min-max` for methods that read scores.
  /// - Throws: ``FusionError`` for a parameter, weight or normalisation that the method has no use for.
  public init(
    _ method: FusionMethod, normalization: ScoreNormalization? = nil, weights: [Double]? = nil
  ) throws(FusionError) {
    try method.validate()
    if !method.readsScores, let normalization, normalization != .none {
      throw .normalizationNotUsed(method: method.description)
    }
    if let weights {
      guard method.takesWeights else {
        throw .weightsNotUsed(method: method.description, known: ["combsum", "rrf", "borda", "condorcet"])
      }
      if let wrong = weights.first(where: { !($0.isFinite && $0 >= 0) }) { throw .weight(wrong) }
    }
    self.method = method
    self.normalization = method.readsScores ? normalization ?? .minMax : .none
    self.weights = weights
  }

  /// `combsum, min-max, weights 0.3 0.7`.
  public var description: String {
    var text = method.description
    if method.readsScores { text += ", \(normalization.rawValue)" }
    if let weights { text += ", weights " + weights.map(shortNumber).joined(separator: " ") }
    return text
  }

  /// Fuses whole runs.
  ///
  /// - Returns: The queries of all runs, ordered by the bytes of their qids.
  /// - Throws: ``FusionError``: no runs, a number of weights that does not fit, a score that is not finite, a document twice in
  ///   a list.
  /// - Complexity: O(n log n) in the documents of a query, over the worker pool; ``FusionMethod/condorcet`` see there.
  public func fuse(_ runs: [Run], name: String = "fused", pool: WorkerPool = .shared) throws(FusionError) -> Run {
    try check(lists: runs.count)
    var qids: [String] = []
    var seen: Set<String> = []
    for run in runs { for qid in run.qids where seen.insert(qid).inserted { qids.append(qid) } }
    qids.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let names = runs.map(\.name)
    var results = [Result<Ranking, FusionError>?](repeating: nil, count: qids.count)
    results.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let slots = buffer
      pool.forEach(count: qids.count) { position in
        let qid = qids[position]
        let lists = runs.map { $0[qid] ?? Ranking(qid: qid, alreadyOrdered: []) }
        slots[position] = Result { () throws(FusionError) in try fuse(lists, names: names, qid: qid) }
      }
    }
    var rankings: [Ranking] = []
    rankings.reserveCapacity(qids.count)
    for case let result? in results { rankings.append(try result.get()) }
    return Run(name: name, rankings: rankings)
  }

  /// Fuses the lists of one query, in the order of the weights.
  public func fuse(_ rankings: [Ranking], qid: String) throws(FusionError) -> Ranking {
    try check(lists: rankings.count)
    return try fuse(rankings, names: rankings.indices.map { "\($0 + 1)" }, qid: qid)
  }

  private func check(lists: Int) throws(FusionError) {
    guard lists > 0 else { throw .noRuns }
    if let weights, weights.count != lists { throw .weightCount(found: weights.count, lists: lists) }
    if case .bayesFuse(let model) = method, model.logOdds.count != lists {
      throw .runCount(found: lists, trained: model.logOdds.count)
    }
  }

  private func fuse(_ rankings: [Ranking], names: [String], qid: String) throws(FusionError) -> Ranking {
    let pool = try FusionPool(rankings, names: names, qid: qid)
    if method == .condorcet {
      let borda = try scores(of: pool, as: .borda, names: names, qid: qid)
      let start = pool.docnos.indices.sorted {
        borda[$0] != borda[$1]
          ? borda[$0] > borda[$1] : ScoredDocument.docnoPrecedes(pool.docnos[$0], pool.docnos[$1])
      }
      let order = CondorcetOrder(pool, weights: weights ?? Array(repeating: 1, count: rankings.count)).order(from: start)
      return Ranking(
        qid: qid,
        alreadyOrdered: order.enumerated().map { place, document in
          ScoredDocument(docno: pool.docnos[document], score: Double(order.count - place))
        })
    }
    return pool.ranking(qid: qid, scores: try scores(of: pool, as: method, names: names, qid: qid))
  }

  /// The fused score of each document of the pool.
  private func scores(
    of pool: FusionPool, as method: FusionMethod, names: [String], qid: String
  ) throws(FusionError) -> [Double] {
    let (count, width) = (pool.docnos.count, pool.lists.count)
    var parts = [Double](repeating: 0, count: count * width)
    var hits = [Int](repeating: 0, count: count)
    for list in pool.lists.indices {
      var values = try self.values(of: list, in: pool, as: method, names: names, qid: qid)
      var absent = absentValue(list, in: pool, as: method)
      if let weights {
        for position in values.indices { values[position] *= weights[list] }
        absent = absent.map { $0 * weights[list] }
      }
      if let absent {
        // Every list has a part for every document: filled first, then replaced where the document is there.
        for document in 0..<count { parts[document * width + list] = absent }
        for (position, document) in pool.lists[list].enumerated() { parts[document * width + list] = values[position] }
        for document in 0..<count { hits[document] += 1 }
      } else {
        for (position, document) in pool.lists[list].enumerated() {
          parts[document * width + hits[document]] = values[position]
          hits[document] += 1
        }
      }
    }
    return parts.withUnsafeMutableBufferPointer { parts in
      (0..<count).map { document in
        let row = UnsafeMutableBufferPointer(rebasing: parts[(document * width)..<(document * width + hits[document])])
        Self.sortAscending(row)
        return Self.combined(row, as: method)
      }
    }
  }

  /// What a list says about its documents, best first.
  private func values(
    of list: Int, in pool: FusionPool, as method: FusionMethod, names: [String], qid: String
  ) throws(FusionError) -> [Double] {
    let scores = pool.scores[list]
    switch method {
    case .rrf(let k): return scores.indices.map { 1 / (k + Double($0 + 1)) }
    case .isr, .logISR, .logNISR: return scores.indices.map { 1 / (Double($0 + 1) * Double($0 + 1)) }
    case .rbc(let phi): return scores.indices.map { (1 - phi) * pow(phi, Double($0)) }
    case .borda, .condorcet: return scores.indices.map { Double(pool.docnos.count - $0) }
    case .bayesFuse(let model): return scores.indices.map { model.logOdds[list][BayesFuse.range($0)] }
    case .combMIN, .combMED, .combMAX, .combSUM, .combANZ, .combMNZ, .combGMNZ:
      guard let values = normalization.normalized(scores, candidates: pool.docnos.count) else {
        throw .maximumNotPositive(run: names[list], qid: qid, found: scores[0])
      }
      return values
    }
  }

  /// What a list says about candidates that it lacks; nil where it says nothing.
  private func absentValue(_ list: Int, in pool: FusionPool, as method: FusionMethod) -> Double? {
    let (length, candidates) = (Double(pool.lists[list].count), Double(pool.docnos.count))
    switch method {
    case .borda, .condorcet: return (candidates - length + 1) / 2
    case .bayesFuse(let model): return model.logOdds[list][BayesFuse.absent]
    default:
      return method.readsScores && normalization == .borda ? 0.5 - (length - 1) / (2 * candidates) : nil
    }
  }

  /// A document's score from its parts, smallest first.
  private static func combined(_ parts: UnsafeMutableBufferPointer<Double>, as method: FusionMethod) -> Double {
    let sum = parts.reduce(0, +)
    let hits = Double(parts.count)
    switch method {
    case .combMIN: return parts[0]
    case .combMAX: return parts[parts.count - 1]
    case .combMED:
      let middle = parts.count / 2
      return parts.count % 2 == 1 ? parts[middle] : parts[middle - 1] / 2 + parts[middle] / 2
    case .combANZ: return sum / hits
    case .combMNZ, .isr: return sum * hits
    case .combGMNZ(let gamma): return sum * pow(hits, gamma)
    case .logISR: return sum * log(hits)
    case .logNISR(let sigma): return sum * log(hits + sigma)
    case .combSUM, .rrf, .rbc, .borda, .condorcet, .bayesFuse: return sum
    }
  }

  /// Insertion sort: a row has as many entries as there are lists.
  private static func sortAscending(_ row: UnsafeMutableBufferPointer<Double>) {
    var next = 1
    while next < row.count {
      let value = row[next]
      var place = next
      while place > 0, row[place - 1] > value {
        row[place] = row[place - 1]
        place -= 1
      }
      row[place] = value
      next += 1
    }
  }
}
