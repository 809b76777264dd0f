import Gradus

/// A loss with what it needs on top of an architecture: thresholds, a second logit, or a position model.
final class HeadsOfLoss {
  struct Outputs {
    var scores: Tensor
    var vectors: SampleEmbeddings?
    let samples: [TrainingSample]
    var positions: Tensor?

    /// The same as leaves.
    func tracked() -> (leaves: [Tensor], outputs: Outputs) {
      var result = self
      if let vectors {
        let leaves = [vectors.queries.tracked(), vectors.documents.tracked()]
        result.vectors = SampleEmbeddings(queries: leaves[0], documents: leaves[1])
        return (leaves, result)
      }
      result.scores = scores.tracked()
      return ([result.scores], result)
    }
  }

  let loss: NamedLoss
  let base: any PairScorer
  let scorer: any PairScorer
  let positions: PositionModel?
  private let second: Parameter?

  init(_ loss: NamedLoss, base: any PairScorer, log: Run) {
    self.loss = loss
    self.base = base
    if case .scores(let ordinal as OrdinalLoss) = loss {
      scorer = OrdinalScorer(base, levels: ordinal.levels)
    } else {
      scorer = base
    }
    if case .dual(let dual) = loss { positions = PositionModel(log: dual.log, positions: 4) } else { positions = nil }
    // A cross-encoder has one logit; the other of two is a learned constant here.
    let needsSecond = if case .scores(let loss) = loss { loss is TwoLogitCrossEntropyLoss } else { false }
    second = needsSecond ? Parameter("second", .zeros([1, 1, 1])) : nil
  }

  var parameters: [Parameter] { scorer.parameters + (positions?.parameters ?? []) + (second.map { [$0] } ?? []) }

  /// The mean over the samples.
  func value(of outputs: Outputs, guide: SampleEmbeddings?) throws -> Tensor {
    switch loss {
    case .scores(let loss):
      var scores = outputs.scores
      if let second {
        let first = scores.expandingDims(at: 2)
        scores = concatenated([first, first * 0 + second.value], axis: 2)
      }
      return try loss.perSample(LossInput(scores: scores, samples: outputs.samples)).mean()
    case .vectors(let loss):
      guard let vectors = outputs.vectors else { throw UsageError("the architecture gives no vectors") }
      return try loss.perSample(EmbeddingInput(vectors, samples: outputs.samples, guide: guide)).mean()
    case .dual(let dual):
      let other = outputs.positions ?? outputs.scores
      let ranker = try dual.values(LossInput(scores: outputs.scores, samples: outputs.samples), weighedBy: other)
      let propensity = try dual.values(LossInput(scores: other, samples: outputs.samples), weighedBy: outputs.scores)
      return (ranker + propensity).mean()
    }
  }
}
