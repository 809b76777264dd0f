/// One entry of the table of measures: the names it goes by, and how a name with arguments becomes a measure.
struct MeasureFamily: Sendable {
  /// The canonical name first, then its aliases.
  let names: [String]
  let make: @Sendable (inout MeasureArguments) throws(MeasureNameError) -> any Measure

  init(_ names: String..., make: @escaping @Sendable (inout MeasureArguments) throws(MeasureNameError) -> any Measure) {
    self.names = names
    self.make = make
  }

  /// Every measure of the grammar of ir_measures that needs one grade per document, then those that only trec_eval has.
  static let all: [MeasureFamily] = cutoffFamilies + wholeRankingFamilies + setFamilies + continuationFamilies + trecEvalFamilies

  static let byName: [String: MeasureFamily] = {
    var table: [String: MeasureFamily] = [:]
    for family in all { for name in family.names { table[name] = family } }
    return table
  }()

  /// In the grammar, but of no use with qrels that have one grade per document.
  static let subtopicNames: Set<String> = [
    "alpha_nDCG", "α_nDCG", "alpha_DCG", "α_DCG", "ERR_IA", "nERR_IA", "nNRBP", "NRBP", "AP_IA", "P_IA", "StRecall",
  ]

  private static let cutoffFamilies = [
    MeasureFamily("nDCG", "NDCG") { arguments throws(MeasureNameError) in
      NDCG(cutoff: try arguments.optionalCutoff(), gain: try arguments.gain(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("AP", "MAP") { arguments throws(MeasureNameError) in
      AveragePrecision(
        cutoff: try arguments.optionalCutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("RR", "MRR") { arguments throws(MeasureNameError) in
      ReciprocalRank(cutoff: try arguments.optionalCutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("P", "Precision") { arguments throws(MeasureNameError) in
      Precision(cutoff: try arguments.cutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("R", "Recall") { arguments throws(MeasureNameError) in
      Recall(cutoff: try arguments.cutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("Success") { arguments throws(MeasureNameError) in
      Success(cutoff: try arguments.cutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("RBP") { arguments throws(MeasureNameError) in
      RankBiasedPrecision(
        p: try arguments.persistence(default: 0.8), rel: try arguments.grade("rel"), cutoff: try arguments.optionalCutoff())
    },
    MeasureFamily("ERR") { arguments throws(MeasureNameError) in
      let cutoff = try arguments.optionalCutoff()
      let maxRel = try arguments.grade("max_rel") ?? 4
      guard (1...62).contains(maxRel) else {
        throw .badValue(measure: "ERR", argument: "max_rel", found: "\(maxRel)", expected: "between 1 and 62")
      }
      return ExpectedReciprocalRank(cutoff: cutoff, maxRel: maxRel)
    },
    MeasureFamily("Judged") { arguments throws(MeasureNameError) in Judged(cutoff: try arguments.optionalCutoff()) },
    MeasureFamily("IPrec") { arguments throws(MeasureNameError) in
      InterpolatedPrecision(
        recall: try arguments.level(in: 0...1, example: "0.1"), rel: try arguments.rel(),
        judgedOnly: try arguments.judgedOnly())
    },
  ]

  private static let wholeRankingFamilies = [
    MeasureFamily("Rprec", "RPrec") { arguments throws(MeasureNameError) in
      RPrecision(rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("Bpref", "BPref") { arguments throws(MeasureNameError) in BinaryPreference(rel: try arguments.rel()) },
    MeasureFamily("infAP") { arguments throws(MeasureNameError) in InferredAP(rel: try arguments.rel()) },
    MeasureFamily("Compat") { arguments throws(MeasureNameError) in
      Compatibility(
        p: try arguments.persistence(default: 0.95), isNormalized: try arguments.flag("normalize", default: true))
    },
  ]

  private static func setFamily(_ name: String, _ kind: SetMeasure.Kind) -> MeasureFamily {
    MeasureFamily(name) { arguments throws(MeasureNameError) in
      SetMeasure(kind, rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    }
  }

  private static let setFamilies = [
    MeasureFamily("SetP") { arguments throws(MeasureNameError) in
      let isRelative = try arguments.flag("relative", default: false)
      return SetMeasure(
        isRelative ? .relativePrecision : .precision, rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    setFamily("SetRelP", .relativePrecision), setFamily("SetR", .recall), setFamily("SetAP", .averagePrecision),
    MeasureFamily("SetF") { arguments throws(MeasureNameError) in
      let beta = try arguments.number("beta", default: 1, expected: "a number of at least 0") { $0 >= 0 }
      return SetMeasure(.f(beta: beta), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly())
    },
    MeasureFamily("NumQ") { _ throws(MeasureNameError) in CountMeasure(.queries) },
    MeasureFamily("NumRet") { arguments throws(MeasureNameError) in
      // With a level, only documents that reach it are counted, which is NumRelRet.
      if let rel = try arguments.grade("rel") { return CountMeasure(.relevantRetrieved, rel: rel) }
      return CountMeasure(.retrieved)
    },
    MeasureFamily("NumRel") { arguments throws(MeasureNameError) in CountMeasure(.relevant, rel: try arguments.rel()) },
    MeasureFamily("NumRelRet") { arguments throws(MeasureNameError) in
      CountMeasure(.relevantRetrieved, rel: try arguments.rel())
    },
  ]

  private static func continuation(
    _ name: String,
    _ model: @escaping @Sendable (inout MeasureArguments) throws(MeasureNameError) -> ContinuationMeasure.Model
  ) -> MeasureFamily {
    MeasureFamily(name) { arguments throws(MeasureNameError) in
      let model = try model(&arguments)
      let minRel = try arguments.grade("min_rel") ?? 0
      guard let maxRel = try arguments.grade("max_rel") else {
        throw .missing(measure: name, argument: "max_rel, the highest grade", example: "\(name)(max_rel=3)")
      }
      guard minRel < maxRel else {
        throw .badValue(measure: name, argument: "max_rel", found: "\(maxRel)", expected: "above min_rel, which is \(minRel)")
      }
      return ContinuationMeasure(model, minRel: minRel, maxRel: maxRel)
    }
  }

  /// Total desired gain. Below 0.5 the continuation probabilities of INST and its kin leave `[0, 1]`.
  private static func goal(_ arguments: inout MeasureArguments) throws(MeasureNameError) -> Double {
    try arguments.number("T", default: 1, expected: "a number of at least 0.5") { $0 >= 0.5 }
  }

  private static let continuationFamilies = [
    continuation("NERR8") { arguments throws(MeasureNameError) in .nerr8(cutoff: try arguments.cutoff()) },
    continuation("NERR9") { arguments throws(MeasureNameError) in .nerr9(cutoff: try arguments.cutoff()) },
    continuation("NERR10") { arguments throws(MeasureNameError) in .nerr10(p: try arguments.persistence(default: 0.9)) },
    continuation("NERR11") { arguments throws(MeasureNameError) in .nerr11(T: try goal(&arguments)) },
    continuation("INST") { arguments throws(MeasureNameError) in .inst(T: try goal(&arguments)) },
    continuation("INSQ") { arguments throws(MeasureNameError) in .insq(T: try goal(&arguments)) },
    continuation("BPM") { arguments throws(MeasureNameError) in
      .bpm(cutoff: try arguments.cutoff(), T: try goal(&arguments))
    },
    continuation("SDCG") { arguments throws(MeasureNameError) in .sdcg(cutoff: try arguments.cutoff()) },
  ]

  private static let trecEvalFamilies = [
    MeasureFamily("GMAP") { arguments throws(MeasureNameError) in
      AveragePrecision(
        cutoff: try arguments.optionalCutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly(),
        isGeometric: true)
    },
    MeasureFamily("GMBpref") { arguments throws(MeasureNameError) in
      BinaryPreference(rel: try arguments.rel(), isGeometric: true)
    },
    MeasureFamily("RelP") { arguments throws(MeasureNameError) in
      Precision(
        cutoff: try arguments.cutoff(), rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly(), isRelative: true)
    },
    MeasureFamily("RprecMult") { arguments throws(MeasureNameError) in
      RPrecision(
        rel: try arguments.rel(), judgedOnly: try arguments.judgedOnly(),
        multiple: try arguments.level(in: 0...Double.greatestFiniteMagnitude, example: "0.5"))
    },
    MeasureFamily("IPrecAvg") { arguments throws(MeasureNameError) in
      InterpolatedAverage(
        levels: try arguments.levels("levels") ?? InterpolatedAverage.elevenPoints, rel: try arguments.rel())
    },
    MeasureFamily("BinG") { arguments throws(MeasureNameError) in BinaryG(rel: try arguments.rel()) },
    MeasureFamily("G") { _ throws(MeasureNameError) in NormalizedGain() },
    MeasureFamily("nDCGRel") { _ throws(MeasureNameError) in RelevantNDCG() },
    MeasureFamily("RnDCG") { arguments throws(MeasureNameError) in RNDCG(rel: try arguments.rel()) },
    MeasureFamily("RBPResidual") { arguments throws(MeasureNameError) in
      RankBiasedResidual(p: try arguments.persistence(default: 0.9))
    },
    MeasureFamily("Unjudged") { arguments throws(MeasureNameError) in Unjudged(cutoff: try arguments.cutoff()) },
    MeasureFamily("Utility") { arguments throws(MeasureNameError) in
      Utility(
        a: try arguments.number("a", default: 1), b: try arguments.number("b", default: -1),
        c: try arguments.number("c", default: 0), rel: try arguments.rel())
    },
    MeasureFamily("NumNonrelJudgedRet") { arguments throws(MeasureNameError) in
      CountMeasure(.nonrelevantJudgedRetrieved, rel: try arguments.rel())
    },
  ]
}
