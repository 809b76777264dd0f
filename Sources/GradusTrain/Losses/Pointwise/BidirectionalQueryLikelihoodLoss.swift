import GradusCore
import GradusModels
import GradusTensor

/// TILDE's loss: the passage predicts the query's words and the query the passage's, each entry of the vocabulary by itself
/// (Zhuang and Zuccon, SIGIR 2021).
///
///     loss = ( sum_v BCE(sigmoid(z_v(d)), v in q) + sum_v BCE(sigmoid(z_v(q)), v in d) ) / (2 * (V - |stops|))
///
/// The sums leave stop tokens out. The released code adds up the samples of a batch; here each sample has its own value, and the
/// trainer takes the mean.
///
///     let loss = BidirectionalQueryLikelihoodLoss(vocabulary: tilde.dimension, stops: tilde.stops.matching)
///     let objective = loss.objective(of: tilde, texts: data)
public struct BidirectionalQueryLikelihoodLoss {
  /// 0 for stop tokens, else `1 / (2 (V - |stops|))`: `[vocabulary]`.
  private let weights: [Double]

  /// - Parameters:
  ///   - vocabulary: Entries of it.
  ///   - stops: Tokens that are not predicted.
  public init(vocabulary: Int, stops: Set<Int32>) {
    let counted = (0..<Int32(vocabulary)).map { !stops.contains($0) }
    let share = 1 / (2 * Double(max(1, counted.count { $0 })))
    weights = counted.map { $0 ? share : 0 }
  }

  /// The loss of samples of one query and one passage each: `[samples]`.
  ///
  /// - Parameters:
  ///   - queryLogits: `[samples, vocabulary]`, what queries make of the vocabulary.
  ///   - passageLogits: The same of passages.
  ///   - queryTokens: Of each query; repeats do not count.
  public func perSample(
    queryLogits: Tensor, passageLogits: Tensor, queryTokens: [[Int32]], passageTokens: [[Int32]]
  ) -> Tensor {
    let weight = Tensor(weights, shape: [weights.count]).cast(to: queryLogits.type)
    func side(_ logits: Tensor, _ tokens: [[Int32]]) -> Tensor {
      (Self.crossEntropies(logits, tokens) * weight).sum(axes: [1])
    }
    return side(passageLogits, queryTokens) + side(queryLogits, passageTokens)
  }

  /// Binary cross-entropy of each entry: `softplus(z) - y z`, y 1 for the row's tokens.
  static func crossEntropies(_ logits: Tensor, _ tokens: [[Int32]]) -> Tensor {
    let width = logits.shape[1]
    var labels = [Float](repeating: 0, count: logits.count)
    for (row, ids) in tokens.enumerated() {
      for id in ids { labels[row * width + Int(id)] = 1 }
    }
    return logits.softplus() - logits * Tensor(labels, shape: logits.shape).cast(to: logits.type)
  }

  /// What a trainer minimises for a ``TILDE`` of the given name: each sample's query with its first document.
  public func objective(
    of tilde: TILDE, texts: any TrainingTexts, name: String = "likelihood", model: String = "ranker"
  ) -> TrainingObjective {
    TrainingObjective(name: name, model: model) { pass in
      let vectors = try pass.embeddings(of: model)
      let count = pass.samples.count
      let passages = vectors.documents.slice(axis: 1, from: 0, to: 1).reshaped(to: [count, tilde.dimension])
      return perSample(
        queryLogits: vectors.queries, passageLogits: passages,
        queryTokens: try pass.samples.map { try tilde.targets(try texts.query($0.qid).text, .query) },
        passageTokens: try pass.samples.map { try tilde.targets(try texts.document($0.documents[0].docno).contents, .passage) })
    }
  }
}
