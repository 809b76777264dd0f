import GradusTrain
import Testing

@Suite("Names of losses and curricula")
struct NameTests {
  @Test("Every name makes its loss, settings included")
  func losses() throws {
    let types = try LossNames.all.map { "\(type(of: try LossNames.loss($0)))" }
    #expect(types == [
      "PairwiseSoftmaxLoss", "PairwiseCrossEntropyLoss", "PairwiseHingeLoss", "TwoLogitCrossEntropyLoss", "PointwiseMSELoss",
      "PointwiseL1Loss", "PointwiseSmoothL1Loss", "PointwiseCrossEntropyLoss",
      "SoftmaxCrossEntropyLoss", "ListNetLoss", "ListMLELoss", "ListMLELoss", "RankNetLoss", "LambdaLoss", "LambdaLoss",
      "LambdaLoss", "LambdaLoss", "ApproxNDCGLoss", "NeuralNDCGLoss", "MarginMSELoss", "KLDivergenceLoss",
    ])
    #expect(try LossNames.loss("ndcg-loss2++(mu=5,sigma=2)") as? LambdaLoss == LambdaLoss(.ndcg2Plus, sigma: 2, mu: 5))
    #expect(try LossNames.loss("lambdarank") as? LambdaLoss == LambdaLoss(.lambdaRank))
    #expect(try LossNames.loss("p-listmle") as? ListMLELoss == ListMLELoss(weights: .exponential))
    #expect(
      try LossNames.loss("neural-ndcg(temperature=0.5,rounds=3)") as? NeuralNDCGLoss
        == NeuralNDCGLoss(temperature: 0.5, sinkhornRounds: 3))
    #expect(throws: NameError.unknownSetting(text: "lambdarank(mu=2)", key: "mu")) { try LossNames.loss("lambdarank(mu=2)") }
    #expect(throws: LossError.notPositive(parameter: "temperature", found: 0)) { try LossNames.loss("listnet(temperature=0)") }
    #expect(Set(LossNames.listwise).isSubset(of: LossNames.all))
    #expect(try LossNames.loss("pairwise-hinge") as? PairwiseHingeLoss == PairwiseHingeLoss(margin: 1))
    #expect(try LossNames.loss("pairwise-hinge(margin=0.25)") as? PairwiseHingeLoss == PairwiseHingeLoss(margin: 0.25))
    #expect(
      try LossNames.loss("pointwise-smooth-l1( threshold = 2 )") as? PointwiseSmoothL1Loss
        == PointwiseSmoothL1Loss(threshold: 2))
    #expect(throws: NameError.unknown("hinge", known: LossNames.all)) { try LossNames.loss("hinge") }
    #expect(throws: NameError.unknownSetting(text: "pointwise-mse(margin=1)", key: "margin")) {
      try LossNames.loss("pointwise-mse(margin=1)")
    }
    #expect(throws: NameError.value(text: "pairwise-hinge(margin=x)", key: "margin", found: "x")) {
      try LossNames.loss("pairwise-hinge(margin=x)")
    }
    for text in ["pairwise-hinge(margin=1", "pairwise-hinge(margin)", "pairwise-hinge(margin=1,margin=2)"] {
      #expect(throws: NameError.syntax(text)) { try LossNames.loss(text) }
    }
    #expect(throws: LossError.negativeMargin(-1)) { try LossNames.loss("pairwise-hinge(margin=-1)") }
  }

  @Test("Heuristics and granularities")
  func curricula() throws {
    #expect(try CurriculumNames.heuristic("recip") as? ReciprocalRankDifficulty == ReciprocalRankDifficulty())
    #expect(
      try CurriculumNames.heuristic("recip(missing=101)") as? ReciprocalRankDifficulty
        == ReciprocalRankDifficulty(missingRank: 101))
    #expect(try CurriculumNames.heuristic("norm") as? NormalizedScoreDifficulty == NormalizedScoreDifficulty())
    for (text, bandwidth) in [
      ("kde", .scott), ("kde(bandwidth=scott)", .scott), ("kde(bandwidth=silverman)", .silverman),
      ("kde(bandwidth=1.5)", .fixed(1.5)),
    ] as [(String, KDEScoreDifficulty.Bandwidth)] {
      #expect(try CurriculumNames.heuristic(text) as? KDEScoreDifficulty == KDEScoreDifficulty(bandwidth: bandwidth))
    }
    #expect(throws: NameError.unknown("none", known: CurriculumNames.heuristics)) { try CurriculumNames.heuristic("none") }
    #expect(throws: NameError.value(text: "kde(bandwidth=wide)", key: "bandwidth", found: "wide")) {
      try CurriculumNames.heuristic("kde(bandwidth=wide)")
    }
    #expect(throws: CurriculumError.bandwidthNotPositive(-1)) { try CurriculumNames.heuristic("kde(bandwidth=-1)") }
    #expect(try CurriculumNames.granularity("sample") == .perSample)
    #expect(try CurriculumNames.granularity("group:16") == .groupMean(size: 16))
    #expect(try CurriculumNames.granularity("batch") == .batchMean)
    #expect(throws: CurriculumError.groupSizeBelowOne(0)) { try CurriculumNames.granularity("group:0") }
    #expect(throws: NameError.unknown("pair", known: ["sample", "group:N", "batch"])) {
      try CurriculumNames.granularity("pair")
    }
  }
}
