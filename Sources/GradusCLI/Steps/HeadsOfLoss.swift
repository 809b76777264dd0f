import Gradus

/// A loss with what it needs on top of an architecture: thresholds, two logits, or a position model.
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

  init(_ loss: NamedLoss, base: any PairScorer, log: Run) {
    self.loss = loss
    self.base = base
    switch loss {
    case .scores(let ordinal as OrdinalLoss): scorer = OrdinalScorer(base, levels: ordinal.levels)
    case .scores(let other) where other.logitsPerDocument == 2: scorer = TwoLogitScorer(base)
    default: scorer = base
    }
    if case .dual(let dual) = loss { positions = PositionModel(log: dual.log, positions: 4) } else { positions = nil }
  }

  var parameters: [Parameter] { scorer.parameters + (positions?.parameters ?? []) }

  /// The mean over the samples.
  func value(of outputs: Outputs, guide: SampleEmbeddings?) throws -> Tensor {
    switch loss {
    case .scores(let loss):
      return try loss.perSample(LossInput(scores: outputs.scores, samples: outputs.samples)).mean()
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
