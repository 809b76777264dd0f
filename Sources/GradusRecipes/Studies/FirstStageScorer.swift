import GradusModels
import GradusTensor
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A linear model of what the first stage says about a document: its score as a share of the query's best, and the logarithmic
/// discount of its rank. It starts at 0.
struct FirstStageScorer: PairScorer {
  let statistics: FirstStageStatistics
  private let weights = Parameter("first-stage.weights", .zeros([1, 2]))

  init(statistics: FirstStageStatistics) { self.statistics = statistics }

  var parameters: [Parameter] { [weights] }

  func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let features = try batch.flatMap { pair -> [Float] in
      guard let rank = try statistics.rank(qid: pair.query.qid, docno: pair.document.docno) else { return [0, 0] }
      let query = try statistics.query(pair.query.qid)
      return [Float(query.scores[rank - 1] / max(query.highest, 1e-9)), Float(1 / log2(Double(rank) + 1))]
    }
    return linear(Tensor(features, shape: [batch.count, 2]), weight: weights.value, bias: nil).reshaped(to: [batch.count])
  }
}
