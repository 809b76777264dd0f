import GradusCore
import GradusEval
import GradusIndex
@testable import GradusRecipes
@testable import GradusTrain

extension FuzzTarget {
  /// Recipes and files of training settings.
  static let recipe = FuzzTarget("recipe", maximumBytes: 6000, dictionary: "recipe") {
    [try Workplace.repository("Recipes/curricula/recipe.yaml"), Array("architecture: conv-knrm\ndata: scifact\nepochs: 3\n".utf8)]
  } run: { input in
    let path = Workplace.write(input, "recipe.yaml")
    attempt { _ = try Recipe(path: path) }
    attempt { _ = try TrainingFile.read(path) }
  }

  /// The small grammars: measures, retrieval models, losses, curricula, settings.
  static let names = FuzzTarget("names", maximumBytes: 128, dictionary: "names") {
    [
      "nDCG@10 RR(rel=2)@5 AP P@1", "map ndcg_cut.10,20 P.5 recip_rank", "RBP(p=0.8,rel=2)@20", "bm25(k1=0.9,b=0.4)",
      "kde(bandwidth=silverman)", "group:16", "matryoshka(loss=tcm(loss=infonce(temperature=0.1)),dims=8/4)",
      "loss(shape=extremes,warmup=0) * consensus(view=none)", "pairwise-softmax", "lambdarank(sigma=1)", "ndcg@10-l2",
      "iprec_at_recall.0.10",
    ].map { Array($0.utf8) }
  } run: { input in
    let text = String(decoding: input, as: UTF8.self)
    let ranking = JudgedRanking(grades: [2, -1, 0, 1, 3], judged: [3, 2, 1, 1, 0])
    attempt {
      for measure in try MeasureSpecification.list(text) {
        // What is printed reads back as the same measure.
        precondition(try! MeasureSpecification(measure.description) == measure, "\(measure.description)")
        _ = measure.measure.value(for: ranking)
      }
    }
    attempt { _ = try BM25(parsing: text) }
    attempt { _ = try LossNames.named(text) }
    attempt { _ = try WeightingNames.parse(text) }
    attempt { _ = try CurriculumNames.heuristic(text) }
    attempt { _ = try CurriculumNames.granularity(text) }
    var settings = TrainingSettings()
    for name in TrainingSettings.names { attempt { try settings.set(name, to: text) } }
  }
}
