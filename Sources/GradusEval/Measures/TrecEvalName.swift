/// The names of trec_eval 10: `ndcg_cut_10`, `recip_rank`, and, as on its command line, `P` for all cut-offs and `P.5,20`.
enum TrecEvalName {
  private enum Pattern: Sendable {
    case plain(@Sendable (Int32) -> any Measure)
    /// One measure for each whole number.
    case cutoffs(defaults: [Int], @Sendable (Int, Int32) -> any Measure)
    /// One measure for each level.
    case levels(defaults: [Double], @Sendable (Double, Int32) -> any Measure)
    /// One measure with a list of numbers.
    case parameters(@Sendable ([Double], Int32) -> (any Measure)?)
  }

  private static let standardCutoffs = [5, 10, 15, 20, 30, 100, 200, 500, 1000]

  /// In the order in which trec_eval prints them.
  private static let table: [(name: String, pattern: Pattern)] = [
    ("num_q", .plain { _ in CountMeasure(.queries) }),
    ("num_ret", .plain { _ in CountMeasure(.retrieved) }),
    ("num_rel", .plain { CountMeasure(.relevant, rel: $0) }),
    ("num_rel_ret", .plain { CountMeasure(.relevantRetrieved, rel: $0) }),
    ("map", .plain { AveragePrecision(rel: $0) }),
    ("gm_map", .plain { AveragePrecision(rel: $0, isGeometric: true) }),
    ("Rprec", .plain { RPrecision(rel: $0) }),
    ("bpref", .plain { BinaryPreference(rel: $0) }),
    ("recip_rank", .plain { ReciprocalRank(rel: $0) }),
    ("iprec_at_recall", .levels(defaults: InterpolatedAverage.elevenPoints) { InterpolatedPrecision(recall: $0, rel: $1) }),
    ("P", .cutoffs(defaults: standardCutoffs) { Precision(cutoff: $0, rel: $1) }),
    ("recall", .cutoffs(defaults: standardCutoffs) { Recall(cutoff: $0, rel: $1) }),
    ("infAP", .plain { InferredAP(rel: $0) }),
    ("gm_bpref", .plain { BinaryPreference(rel: $0, isGeometric: true) }),
    ("Rprec_mult", .levels(defaults: (1...10).map { Double($0) / 5 }) { RPrecision(rel: $1, multiple: $0) }),
    ("utility", .parameters { numbers, rel in
      if numbers.isEmpty { return Utility(rel: rel) }
      guard numbers.count == 4, numbers[3] == 0 else { return nil }
      return Utility(a: numbers[0], b: numbers[1], c: numbers[2], rel: rel)
    }),
    ("11pt_avg", .parameters { levels, rel in
      guard levels.allSatisfy({ $0 >= 0 && $0 <= 1 }) else { return nil }
      return InterpolatedAverage(levels: levels.isEmpty ? InterpolatedAverage.elevenPoints : levels, rel: rel)
    }),
    ("binG", .plain { BinaryG(rel: $0) }),
    ("G", .plain { _ in NormalizedGain() }),
    ("ndcg", .plain { _ in NDCG() }),
    ("ndcg_rel", .plain { _ in RelevantNDCG() }),
    ("Rndcg", .plain { RNDCG(rel: $0) }),
    ("ndcg_cut", .cutoffs(defaults: standardCutoffs) { cutoff, _ in NDCG(cutoff: cutoff) }),
    ("map_cut", .cutoffs(defaults: standardCutoffs) { AveragePrecision(cutoff: $0, rel: $1) }),
    ("relative_P", .cutoffs(defaults: standardCutoffs) { Precision(cutoff: $0, rel: $1, isRelative: true) }),
    ("success", .cutoffs(defaults: [1, 5, 10]) { Success(cutoff: $0, rel: $1) }),
    ("set_P", .plain { SetMeasure(.precision, rel: $0) }),
    ("set_relative_P", .plain { SetMeasure(.relativePrecision, rel: $0) }),
    ("set_recall", .plain { SetMeasure(.recall, rel: $0) }),
    ("set_map", .plain { SetMeasure(.averagePrecision, rel: $0) }),
    ("set_F", .parameters { numbers, rel in
      guard numbers.count <= 1, (numbers.first ?? 1) >= 0 else { return nil }
      return SetMeasure(.f(beta: numbers.first ?? 1), rel: rel)
    }),
    ("num_nonrel_judged_ret", .plain { CountMeasure(.nonrelevantJudgedRetrieved, rel: $0) }),
    ("rbp", .plain { _ in RankBiasedPrecision(p: 0.9) }),
    ("rbp_resid", .plain { _ in RankBiasedResidual(p: 0.9) }),
    ("unj", .cutoffs(defaults: [5, 10, 20]) { cutoff, _ in Unjudged(cutoff: cutoff) }),
  ]

  /// The sets `official` and `all_trec` of trec_eval.
  private static let sets: [String: [String]] = [
    "official": [
      "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank", "iprec_at_recall", "P",
    ],
    "all_trec": table.map(\.name),
  ]

  static var names: [String] { table.map(\.name) + sets.keys.sorted() }

  /// The measures that `text` names, with their trec_eval names; nil where it is not a name of trec_eval.
  static func measures(_ text: String, rel: Int32) throws(MeasureNameError) -> [any Measure]? {
    if let members = sets[text] {
      var all: [any Measure] = []
      for member in members { all += try measures(member, rel: rel) ?? [] }
      return all
    }
    // `ndcg_cut.10,20` gives parameters as on the command line, `ndcg_cut_10` one of them as in the output.
    if let dot = text.firstIndex(of: "."), let entry = table.first(where: { $0.name == text[..<dot] }) {
      return try make(entry, parameters: String(text[text.index(after: dot)...]), rel: rel)
    }
    if let entry = table.first(where: { $0.name == text }) { return try make(entry, parameters: nil, rel: rel) }
    guard let underscore = text.lastIndex(of: "_"), let entry = table.first(where: { $0.name == text[..<underscore] }) else {
      return nil
    }
    return try make(entry, parameters: String(text[text.index(after: underscore)...]), rel: rel)
  }

  private static func make(
    _ entry: (name: String, pattern: Pattern), parameters: String?, rel: Int32
  ) throws(MeasureNameError) -> [any Measure]? {
    func bad(_ expected: String) -> MeasureNameError {
      .badValue(measure: entry.name, argument: "the parameter", found: parameters ?? "", expected: expected)
    }
    if case .plain(let make) = entry.pattern { return parameters == nil ? [make(rel)] : nil }
    let fields = parameters.map { $0.split(separator: ",", omittingEmptySubsequences: false) } ?? []
    let numbers = fields.compactMap { Double($0) }.filter(\.isFinite)
    guard numbers.count == fields.count else { throw bad("a list of numbers") }
    switch entry.pattern {
    case .plain:
      return nil
    case .cutoffs(let defaults, let make):
      // trec_eval sorts its cut-offs and takes the whole part of each.
      guard numbers.allSatisfy({ $0 >= 1 && $0 < 1e9 }) else { throw bad("a list of whole numbers of at least 1") }
      return (parameters == nil ? defaults : numbers.map { Int($0) }.sorted()).map { make($0, rel) }
    case .levels(let defaults, let make):
      let highest = entry.name == "iprec_at_recall" ? 1 : Double.greatestFiniteMagnitude
      guard numbers.allSatisfy({ $0 >= 0 && $0 <= highest }) else { throw bad("a list of levels from 0 to 1") }
      return (parameters == nil ? defaults : numbers.sorted()).map { make($0, rel) }
    case .parameters(let make):
      guard let measure = make(numbers, rel) else { throw bad("numbers as trec_eval takes them") }
      return [measure]
    }
  }

  /// What trec_eval prints for a measure; nil where it has no such measure. The relevance level is not part of its names.
  static func name(of measure: any Measure) -> String? {
    switch measure {
    case let m as AveragePrecision where !m.judgedOnly:
      if m.isGeometric { return m.cutoff == nil ? "gm_map" : nil }
      return m.cutoff.map { "map_cut_\($0)" } ?? "map"
    case let m as NDCG where m.gain == .linear && !m.judgedOnly: return m.cutoff.map { "ndcg_cut_\($0)" } ?? "ndcg"
    case let m as ReciprocalRank where m.cutoff == nil && !m.judgedOnly: return "recip_rank"
    case let m as Precision where !m.judgedOnly: return (m.isRelative ? "relative_P_" : "P_") + "\(m.cutoff)"
    case let m as Recall where !m.judgedOnly: return "recall_\(m.cutoff)"
    case let m as Success where !m.judgedOnly: return "success_\(m.cutoff)"
    case let m as RPrecision where !m.judgedOnly: return m.multiple.map { "Rprec_mult_" + fixed($0, 2) } ?? "Rprec"
    case let m as BinaryPreference: return m.isGeometric ? "gm_bpref" : "bpref"
    case is InferredAP: return "infAP"
    case let m as InterpolatedPrecision where !m.judgedOnly: return "iprec_at_recall_" + fixed(m.recall, 2)
    case let m as InterpolatedAverage:
      return m.levels == InterpolatedAverage.elevenPoints
        ? "11pt_avg" : "11pt_avg_" + m.levels.map(plainNumber).joined(separator: ",")
    case let m as Utility:
      return m == Utility(rel: m.rel)
        ? "utility" : "utility_" + [m.a, m.b, m.c, 0].map(plainNumber).joined(separator: ",")
    case is BinaryG: return "binG"
    case is NormalizedGain: return "G"
    case is RelevantNDCG: return "ndcg_rel"
    case is RNDCG: return "Rndcg"
    case let m as RankBiasedPrecision where m.rel == nil && m.p == 0.9 && m.cutoff == nil: return "rbp"
    case let m as RankBiasedResidual where m.p == 0.9: return "rbp_resid"
    case let m as Unjudged: return "unj_\(m.cutoff)"
    case let m as SetMeasure where !m.judgedOnly: return setName(m.kind)
    case let m as CountMeasure: return countName(m.kind)
    default: return nil
    }
  }

  private static func setName(_ kind: SetMeasure.Kind) -> String {
    switch kind {
    case .precision: "set_P"
    case .relativePrecision: "set_relative_P"
    case .recall: "set_recall"
    case .averagePrecision: "set_map"
    case .f(let beta): beta == 1 ? "set_F" : "set_F_" + plainNumber(beta)
    }
  }

  private static func countName(_ kind: CountMeasure.Kind) -> String {
    switch kind {
    case .queries: "num_q"
    case .retrieved: "num_ret"
    case .relevant: "num_rel"
    case .relevantRetrieved: "num_rel_ret"
    case .nonrelevantJudgedRetrieved: "num_nonrel_judged_ret"
    }
  }
}
