import GradusCore
import GradusText

/// The sequential dependence model: beside its words, each two neighbours of a query count as a phrase and as a pair that
/// stands close together (Metzler and Croft, SIGIR 2005).
///
///     score = words * mean over terms of s(t)  +  phrases * mean over neighbours of s("t1 t2")
///             + windows * mean over neighbours of s(t1, t2 in any order within `window` words)
///
/// s is what the ranking model gives; the paper's is ``QueryLikelihood`` with Dirichlet smoothing. Pairs that no document
/// holds are left out. The index must hold positions.
///
///     let result = try index.search("boundary layer flow", dependence: SequentialDependence(), k: 10, model: QueryLikelihood())
public struct SequentialDependence: Sendable, Equatable {
  public var words: Double
  public var phrases: Double
  public var windows: Double
  /// Words in the stretch of a pair in any order.
  public var window: Int

  /// Weights are `>= 0`, that of the words above 0.
  public init(words: Double = 0.85, phrases: Double = 0.10, windows: Double = 0.05, window: Int = 8) {
    self.words = words
    self.phrases = phrases
    self.windows = windows
    self.window = window
  }
}

extension InvertedIndex {
  /// The `k` best documents under the sequential dependence model.
  ///
  /// - Throws: ``IndexError/notBuilt(path:what:)`` where the index holds no positions, and what
  ///   ``search(_:k:model:pruning:filter:)`` throws.
  public func search(
    _ text: String, dependence: SequentialDependence, k: Int = 1000, model: any WeightingModel = QueryLikelihood(),
    pruning: Pruning = .blockMaxScore, filter: DocumentSet? = nil
  ) throws -> SearchResult {
    let query = try resolve(text, dependence)
    return try withSearcher { try search(query, $0, k: k, model: model, pruning: pruning, filter: filter) }
  }

  /// Term by term, why a document has its score under the sequential dependence model.
  public func explain(
    _ text: String, dependence: SequentialDependence, docno: String, model: any WeightingModel = QueryLikelihood()
  ) throws -> ScoreExplanation {
    try explain(try resolve(text, dependence), docno: docno, model: model)
  }

  private func resolve(_ text: String, _ dependence: SequentialDependence) throws -> AnalyzedQuery {
    guard dependence.words > 0, dependence.phrases >= 0, dependence.windows >= 0, dependence.window >= 2 else {
      throw IndexError.invalidQuery("weights of the dependence model must be positive and its window 2 or more: \(dependence)")
    }
    guard hasPositions else { throw IndexError.notBuilt(path: path, what: "positions") }
    let terms = try phrase(text, .phrase).terms
    let words = terms.map { WeightedTerm($0, weight: dependence.words / Double(terms.count)) }
    // Pairs that a query repeats are looked for once.
    var pairs: [(pair: [String], weight: Double)] = []
    for pair in zip(terms, terms.dropFirst()).map({ [$0, $1] }) {
      if let known = pairs.firstIndex(where: { $0.pair == pair }) {
        pairs[known].weight += 1 / Double(terms.count - 1)
      } else {
        pairs.append((pair, 1 / Double(terms.count - 1)))
      }
    }
    var phrases: [(phrase: Phrase, weight: Double)] = []
    for (pair, weight) in pairs {
      if dependence.phrases > 0 {
        phrases.append((Phrase(terms: pair, offsets: [0, 1], proximity: .phrase), weight * dependence.phrases))
      }
      if dependence.windows > 0, pair[0] != pair[1] {
        let near = Phrase(terms: pair, offsets: [0, 1], proximity: .unordered(window: dependence.window))
        phrases.append((near, weight * dependence.windows))
      }
    }
    return try AnalyzedQuery(words: words, phrases: phrases, length: terms.count, in: self)
  }
}
