import GradusEval
import Testing

@Suite("Measure names")
struct MeasureNameTests {
  @Test(
    "Names are read in any of the three grammars and printed in that of ir_measures",
    arguments: [
      ("nDCG@10", "nDCG@10"), ("NDCG@10", "nDCG@10"), ("nDCG(dcg='exp-log2')@10", "nDCG(dcg='exp-log2')@10"),
      ("nDCG(dcg=\"log2\")", "nDCG"), (" AP( rel = 2 ) @ 100 ", "AP(rel=2)@100"), ("MAP", "AP"), ("MRR@10", "RR@10"),
      ("Precision@5", "P@5"), ("Recall@5", "R@5"), ("RPrec", "Rprec"), ("BPref", "Bpref"), ("AP(rel=1)", "AP"),
      ("P(judged_only=True,rel=2)@5", "P(rel=2,judged_only=True)@5"), ("RBP(p=0.8)", "RBP"),
      ("RBP(p=0.5,rel=1)", "RBP(p=0.5,rel=1)"),
      ("nDCG(gains={2:5,1:2.5})@10", "nDCG(gains={1:2.5,2:5})@10"), ("SetP(relative=True)", "SetRelP"),
      ("SetF(beta=0.5)", "SetF(beta=0.5)"), ("IPrec@0.10", "IPrec@0.1"),
      ("Compat(p=0.8,normalize=False)", "Compat(p=0.8,normalize=False)"),
      ("NERR11(T=2.0,max_rel=3)", "NERR11(T=2.0,max_rel=3)"), ("BPM(max_rel=3,min_rel=1)@10", "BPM(min_rel=1,max_rel=3)@10"),
      ("NumRet(rel=2)", "NumRelRet(rel=2)"),
      ("ndcg_cut_10", "nDCG@10"), ("recip_rank", "RR"), ("map", "AP"), ("map_cut_100", "AP@100"), ("P_5", "P@5"),
      ("recall_1000", "R@1000"), ("iprec_at_recall_0.00", "IPrec@0"), ("success_1", "Success@1"), ("set_F", "SetF"),
      ("set_F_0.5", "SetF(beta=0.5)"), ("gm_map", "GMAP"), ("11pt_avg", "IPrecAvg"), ("unj_20", "Unjudged@20"),
      ("rbp", "RBP(p=0.9)"),
      ("utility_2,-1,0,0", "Utility(a=2)"), ("Rprec_mult_0.20", "RprecMult@0.2"), ("num_rel_ret", "NumRelRet"),
      ("ndcg@10", "nDCG@10"), ("mrr@10", "RR@10"), ("map@100-l2", "AP(rel=2)@100"), ("hit_rate@3", "Success@3"),
      ("r-precision", "Rprec"), ("rbp.95", "RBP(p=0.95,rel=1)"), ("ndcg_burges@5", "nDCG(dcg='exp-log2')@5"),
    ])
  func parsed(text: String, printed: String) throws {
    let specification = try MeasureSpecification(text)
    #expect(specification.description == printed)
    #expect(try MeasureSpecification(printed) == specification)
  }

  @Test("What is printed is read back as the same measure", arguments: MeasureTests.everyName)
  func roundTrip(name: String) throws {
    let specification = try MeasureSpecification(name)
    #expect(specification.description == name)
    #expect(try MeasureSpecification(specification.description) == specification)
  }

  @Test("The names of trec_eval's own list are printed as trec_eval prints them")
  func trecEvalNames() throws {
    let all = try MeasureSpecification.list("all_trec")
    #expect(all.count == 98)
    for measure in all {
      let name = try #require(measure.trecEvalName)
      #expect(try MeasureSpecification(name) == measure, "\(name)")
    }
    #expect(try MeasureSpecification("RR@10").trecEvalName == nil)
  }

  @Test("Lists: white space separates names, but not inside brackets; families expand; doubles go")
  func lists() throws {
    #expect(
      try MeasureSpecification.list("nDCG@10  AP(rel=2, judged_only=True) P.20,5\nMRR nDCG@10").map(\.description)
        == ["nDCG@10", "AP(rel=2,judged_only=True)", "P@5", "P@20", "RR"])
    #expect(try MeasureSpecification.list("success").map(\.description) == ["Success@1", "Success@5", "Success@10"])
    #expect(try MeasureSpecification.list("ndcg_cut.10,23.4").map(\.description) == ["nDCG@10", "nDCG@23"])
  }

  @Test("A default relevance level fills in where the name gives none")
  func defaultLevel() throws {
    #expect(
      try MeasureSpecification.list("AP RR@10 AP(rel=1) nDCG@10 recip_rank", defaultRel: 2).map(\.description)
        == ["AP(rel=2)", "RR(rel=2)@10", "AP", "nDCG@10", "RR(rel=2)"])
  }

  @Test(
    "Mistakes are named, with what would be right",
    arguments: [
      ("nDGC@10", .unknown(name: "nDGC", nearest: "nDCG")), ("recal_5", .unknown(name: "recal_5", nearest: "recall")),
      ("recip_rnk", .unknown(name: "recip_rnk", nearest: "recip_rank")),
      ("ndcg_5", .unknown(name: "ndcg_5", nearest: "ndcg")),
      ("AP(rell=2)", .unknownArgument(measure: "AP", argument: "rell", known: ["rel", "judged_only"])),
      ("AP(rel=0)", .badValue(measure: "AP", argument: "rel", found: "0", expected: "a grade of at least 1")),
      ("AP(rel=1.5)", .badValue(measure: "AP", argument: "rel", found: "1.5", expected: "a whole number")),
      ("AP@0", .badValue(measure: "AP", argument: "the cut-off", found: "0", expected: "a whole number of at least 1")),
      ("AP@2.5", .badValue(measure: "AP", argument: "the cut-off", found: "2.5", expected: "a whole number of at least 1")),
      ("RBP(p=1)", .badValue(measure: "RBP", argument: "p", found: "1", expected: "between 0 and 1, both excluded")),
      ("R", .missing(measure: "R", argument: "a cut-off", example: "R@10")),
      ("Bpref@10", .unexpectedCutoff(measure: "Bpref")),
      ("P", .missing(measure: "P", argument: "a cut-off", example: "P@5")),
      ("NERR10", .missing(measure: "NERR10", argument: "max_rel, the highest grade", example: "NERR10(max_rel=3)")),
      (
        "INST(min_rel=3,max_rel=3)",
        .badValue(measure: "INST", argument: "max_rel", found: "3", expected: "above min_rel, which is 3")
      ),
      ("AP(rel=2", .syntax(text: "AP(rel=2", position: 9, expected: "',' or ')'")),
      ("AP(2)", .syntax(text: "AP(2)", position: 5, expected: "'='")),
      ("@10", .syntax(text: "@10", position: 1, expected: "a measure name")),
      ("AP@ten", .syntax(text: "AP@ten", position: 4, expected: "a number")),
      ("AP@10 x", .syntax(text: "AP@10 x", position: 7, expected: "the end")),
      ("alpha_nDCG(alpha=0.5)@10", .needsSubtopics(measure: "alpha_nDCG")),
      (
        "utility_1,2",
        .badValue(measure: "utility", argument: "the parameter", found: "1,2", expected: "numbers as trec_eval takes them")
      ),
      ("P.5,x", .badValue(measure: "P", argument: "the parameter", found: "5,x", expected: "a list of numbers")),
    ] as [(String, MeasureNameError)])
  func refused(text: String, error: MeasureNameError) {
    #expect(throws: error) { try MeasureSpecification(text) }
    #expect(error.failureKind == .usage)
    #expect(!error.description.contains("\n"))
  }

  @Test("Nothing to measure, and a level of 0, are refused")
  func emptyList() {
    #expect(throws: MeasureNameError.noMeasures) { try MeasureSpecification.list("  ") }
    #expect(throws: MeasureNameError.self) { try MeasureSpecification("AP", defaultRel: 0) }
  }
}
