import Foundation
@testable import GradusTrain
import Testing

@Suite("Names of losses and curricula")
struct NameTests {
  @Test("Every name makes its loss, settings included")
  func losses() throws {
    var types: [String] = []
    for entry in LossNames.entries {
      let text = entry.name == "matryoshka" ? "matryoshka(dims=8)" : entry.name
      switch try LossNames.named(text) {
      case .scores(let loss): types.append("\(type(of: loss))")
      case .vectors(let loss): types.append("\(type(of: loss))")
      case .dual(let loss): types.append("\(type(of: loss))")
      }
    }
    #expect(types == [
      "PointwiseMSELoss", "PointwiseL1Loss", "PointwiseSmoothL1Loss", "PointwiseCrossEntropyLoss", "TwoLogitCrossEntropyLoss",
      "OrdinalLoss", "PairwiseSoftmaxLoss", "PairwiseCrossEntropyLoss", "PairwiseHingeLoss", "SoftmaxCrossEntropyLoss",
      "UniqueSoftmaxLoss", "ListNetLoss", "ListMLELoss", "ListMLELoss", "PlackettLuceLoss", "RankNetLoss", "LambdaLoss",
      "LambdaLoss", "LambdaLoss", "LambdaLoss", "ApproxNDCGLoss", "ApproxMRRLoss", "NeuralNDCGLoss", "GroupOrderingLoss",
      "MarginMSELoss", "KLDivergenceLoss", "RankDistilLoss", "ZLoss", "SphericalSoftmaxLoss", "TaylorSoftmaxLoss", "LDRKLLoss",
      "ALDRKLLoss", "InversePropensityLoss", "InversePropensityLoss", "InversePropensityLoss", "DualLearning", "InfoNCELoss",
      "GISTEmbedLoss", "MatryoshkaLoss", "CosineSimilarityLoss", "ContrastiveLoss", "TripletLoss", "CoSENTLoss", "AnglELoss",
      "InBatchTargetLoss", "InBatchTargetLoss", "InBatchGroupOrderingLoss", "ThresholdConsistentMarginLoss",
      "TripletAlignmentLoss", "ProtoTripletLoss", "PrototypicalLoss", "ICNNLoss",
    ])
    #expect(Set(LossNames.all).count == LossNames.all.count)
    #expect(try LossNames.loss("ndcg-loss2++(mu=5,sigma=2)") as? LambdaLoss == LambdaLoss(.ndcg2Plus, sigma: 2, mu: 5))
    #expect(try LossNames.loss("lambdarank") as? LambdaLoss == LambdaLoss(.lambdaRank))
    #expect(try LossNames.loss("p-listmle") as? ListMLELoss == ListMLELoss(weights: .exponential))
    #expect(
      try LossNames.loss("neural-ndcg(temperature=0.5,rounds=3)") as? NeuralNDCGLoss
        == NeuralNDCGLoss(temperature: 0.5, sinkhornRounds: 3))
    #expect(throws: NameError.unknownSetting(text: "lambdarank(mu=2)", key: "mu", known: ["sigma"])) {
      try LossNames.loss("lambdarank(mu=2)")
    }
    #expect(throws: LossError.notPositive(parameter: "temperature", found: 0)) { try LossNames.loss("listnet(temperature=0)") }
    #expect(Set(LossNames.listwise).isSubset(of: LossNames.all))
    #expect(try LossNames.loss("pairwise-hinge") as? PairwiseHingeLoss == PairwiseHingeLoss(margin: 1))
    #expect(try LossNames.loss("pairwise-hinge(margin=0.25)") as? PairwiseHingeLoss == PairwiseHingeLoss(margin: 0.25))
    #expect(
      try LossNames.loss("pointwise-smooth-l1( threshold = 2 )") as? PointwiseSmoothL1Loss
        == PointwiseSmoothL1Loss(threshold: 2))
    #expect(throws: NameError.unknown("hinge", known: LossNames.all)) { try LossNames.loss("hinge") }
    #expect(throws: NameError.unknownSetting(text: "pointwise-mse(margin=1)", key: "margin", known: [])) {
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

  @Test("Names within names, settings of vectors, and the nearest name for one that is misspelt")
  func vectors() throws {
    guard case .vectors(let loss) = try LossNames.named(
      "matryoshka(loss=tcm(loss=infonce(temperature=0.1,directions=both),positive=0.7,negative=0.3),dims=64/32,weights=1/0.5)"),
      let outer = loss as? MatryoshkaLoss, let middle = outer.base as? ThresholdConsistentMarginLoss
    else {
      Issue.record("not what the names say")
      return
    }
    #expect(outer.dimensions == [64, 32] && outer.weights == [1, 0.5])
    #expect(middle.positiveMargin == 0.7 && middle.negativeMargin == 0.3)
    #expect(middle.base as? InfoNCELoss == (try InfoNCELoss(temperature: 0.1, directions: .both)))
    #expect("\(NameError.unknown("infonse", known: LossNames.all))".contains("did you mean 'infonce'?"))
    #expect(throws: NameError.notOverScores("infonce")) { try LossNames.loss("infonce") }
    #expect(throws: NameError.self) { try LossNames.named("matryoshka") }
    #expect(throws: NameError.self) { try LossNames.named("matryoshka(dims=64,loss=listnet)") }
    #expect(throws: NameError.value(text: "matryoshka(dims=8/x)", key: "dims", found: "8/x")) {
      try LossNames.named("matryoshka(dims=8/x)")
    }
    #expect(throws: NameError.choice(
      text: "triplet(distance=far)", key: "distance", found: "far", known: ["euclidean", "cosine", "manhattan"])) {
      try LossNames.named("triplet(distance=far)")
    }
    for text in ["tcm(loss=infonce(", "tcm(loss=infonce))", "tcm(positive=(1)"] {
      #expect(throws: NameError.syntax(text)) { try LossNames.named(text) }
    }
    // Every setting that an entry lists is taken, and no other.
    for entry in LossNames.entries {
      let text = "\(entry.name)(\(required(entry))nonsense=1)"
      let error = #expect(throws: NameError.self) { try LossNames.named(text) }
      guard case .unknownSetting(text, "nonsense", let known) = error else {
        Issue.record("\(entry.name): \(String(describing: error))")
        continue
      }
      // The error can name the nearest of them.
      #expect(Set(known) == Set(entry.settings), "\(entry.name)")
      for key in entry.settings where entry.name != "matryoshka" {
        // Nonsense as a value: the setting is known, the value is not.
        #expect(throws: NameError.self) { try LossNames.named("\(entry.name)(\(key)=nonsense)") }
        do { _ = try LossNames.named("\(entry.name)(\(key)=nonsense)") } catch NameError.unknownSetting {
          Issue.record("\(entry.name) does not take \(key)")
        } catch {}
      }
    }
  }

  private func required(_ entry: LossEntry) -> String { entry.name == "matryoshka" ? "dims=8," : "" }

  /// The rows of a guide's tables whose first cell is a name: its cells.
  private func rows(_ guide: String) throws -> [[String]] {
    let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let text = try String(contentsOfFile: package + "/docs/" + guide, encoding: .utf8)
    return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { row in
      row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  /// `name(key=value,...)` of a row, without the marks around it.
  private func name(_ row: [String]) throws -> (text: String, settings: NamedSettings) {
    let text = String(row[0].drop { $0 == "`" }.prefix { $0 != "`" })
    return (text, try NamedSettings(text))
  }

  private func keys(_ text: String) -> Set<String> {
    guard let open = text.firstIndex(of: "(") else { return [] }
    return Set(text[text.index(after: open)...].split(separator: ",").map { String($0.prefix { $0 != "=" }) })
  }

  @Test("The guide to losses lists every name with all its settings, samples, labels and a reference, and no other")
  func guide() throws {
    let rows = try rows("losses.md")
    #expect(try rows.map { try name($0).settings.name }.sorted() == LossNames.all.sorted())
    for row in rows {
      let text = try name(row).text
      let entry = try LossNames.entry(text)
      #expect(throws: Never.self, "\(text)") { try LossNames.named(text) }
      #expect(keys(text) == Set(entry.settings), "\(text)")
      #expect(row.count == 5 && row.allSatisfy { !$0.isEmpty }, "\(row)")
      guard row[2] != "as its loss" else { continue }
      #expect(entry.forms == (row[2] == "any" ? .all : row[2] == "pairwise" ? .pairs : .lists), "\(text): \(row[2])")
      let labels: LossEntry.Labels? = row[1] == "0 to 1" ? .probabilities : LossEntry.Labels(rawValue: row[1])
      #expect(entry.labels == labels, "\(text): \(row[1])")
    }
  }

  @Test("The guide to weightings lists every name with all its settings, and no other")
  func weightingGuide() throws {
    let texts = try rows("weightings.md").map { try name($0) }
    #expect(texts.map { $0.settings.name } == CurriculumNames.heuristics + WeightingNames.all)
    for (text, settings) in texts {
      let isWeighting = WeightingNames.all.contains(settings.name)
      func make(_ text: String) throws {
        if isWeighting { _ = try WeightingNames.parse(text) } else { _ = try CurriculumNames.heuristic(text) }
      }
      #expect(throws: Never.self, "\(text)") { try make(text) }
      let error = #expect(throws: NameError.self) { try make("\(settings.name)(nonsense=1)") }
      guard case .unknownSetting(_, "nonsense", let known) = error else {
        Issue.record("\(text): \(String(describing: error))")
        continue
      }
      #expect(Set(known) == keys(text), "\(text)")
    }
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
