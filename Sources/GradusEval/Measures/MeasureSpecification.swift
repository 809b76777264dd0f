/// A measure by its name: what a user writes, what reports print, and the measure behind it.
///
/// Understood are the grammar of ir_measures (`nDCG@10`, `AP(rel=2)@100`, aliases such as `MAP`), the names of trec_eval
/// (`ndcg_cut_10`, `recip_rank`) and those of ranx (`mrr@10`, `map@100-l2`). Printed is always the first.
///
///     try MeasureSpecification("recip_rank").description            // "RR"
///     try MeasureSpecification.list("nDCG@10 P.5,20").map(\.description)   // ["nDCG@10", "P@5", "P@20"]
public struct MeasureSpecification: Sendable, Hashable, CustomStringConvertible {
  public let measure: any Measure
  /// Name in the grammar of ir_measures; equal names mean equal measures.
  public let description: String

  public init(_ measure: any Measure) {
    self.measure = measure
    description = measure.description
  }

  /// - Parameters:
  ///   - text: One name.
  ///   - defaultRel: Lowest relevant grade where the name gives none: 1, or 2 for TREC Deep Learning.
  /// - Throws: ``MeasureNameError``, which names the nearest measure where there is none of this name. A name of
  ///   trec_eval that stands for several measures (`P`) is refused here; ``list(_:defaultRel:)`` takes it.
  public init(_ text: String, defaultRel: Int = 1) throws(MeasureNameError) {
    let all = try Self.parse(text, defaultRel: try Self.checked(defaultRel))
    guard all.count == 1 else {
      throw .missing(measure: text, argument: "a cut-off", example: all[0].description)
    }
    self = all[0]
  }

  /// The measures of a text in which names are separated by white space; white space inside brackets belongs to a name.
  ///
  /// Names of trec_eval may stand for several measures: `P` for nine cut-offs, `official` and `all_trec` for its sets.
  /// A measure that is named twice is returned once.
  public static func list(_ text: String, defaultRel: Int = 1) throws(MeasureNameError) -> [MeasureSpecification] {
    let rel = try checked(defaultRel)
    var seen: Set<String> = []
    var measures: [MeasureSpecification] = []
    for name in names(in: text) {
      for measure in try parse(name, defaultRel: rel) where seen.insert(measure.description).inserted { measures.append(measure) }
    }
    guard !measures.isEmpty else { throw .noMeasures }
    return measures
  }

  /// What trec_eval calls the measure; nil where it has no such measure.
  public var trecEvalName: String? { TrecEvalName.name(of: measure) }

  public static func == (first: MeasureSpecification, second: MeasureSpecification) -> Bool {
    first.description == second.description
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(description) }

  private static func checked(_ rel: Int) throws(MeasureNameError) -> Int32 {
    guard let level = Int32(exactly: rel), level >= 1 else {
      throw .badValue(measure: "(all)", argument: "the relevance level", found: "\(rel)", expected: "a grade of at least 1")
    }
    return level
  }

  private static func names(in text: String) -> [String] {
    var names: [String] = []
    var current = ""
    var depth = 0
    for character in text {
      if "([{".contains(character) { depth += 1 }
      if ")]}".contains(character) { depth -= 1 }
      if character.isWhitespace && depth <= 0 {
        if !current.isEmpty { names.append(current) }
        current = ""
      } else {
        current.append(character)
      }
    }
    if !current.isEmpty { names.append(current) }
    return names
  }

  private static func parse(_ text: String, defaultRel rel: Int32) throws(MeasureNameError) -> [MeasureSpecification] {
    // Bare names that both grammars know mean the same (infAP, Rprec, G), but for P, which ir_measures refuses without a
    // cut-off and trec_eval takes as nine of them.
    if let measures = try TrecEvalName.measures(text, rel: rel) { return measures.map(MeasureSpecification.init) }
    if let measure = RanxName.measure(text, rel: rel) { return [MeasureSpecification(measure)] }
    let expression = try MeasureExpression(parsing: text)
    guard let family = MeasureFamily.byName[expression.name] else {
      if MeasureFamily.subtopicNames.contains(expression.name) { throw .needsSubtopics(measure: expression.name) }
      throw .unknown(name: expression.name, nearest: nearest(to: expression.name))
    }
    var arguments = MeasureArguments(expression, defaultRel: rel)
    let measure = try family.make(&arguments)
    try arguments.finish()
    return [MeasureSpecification(measure)]
  }

  /// The valid name with the fewest edits, letter case aside; among equals the one whose letter case fits best.
  private static func nearest(to name: String) -> String {
    let candidates = MeasureFamily.all.flatMap(\.names) + TrecEvalName.names + RanxName.names
    let (wanted, wantedLowercased) = (Array(name), Array(name.lowercased()))
    let distances = candidates.map {
      (editDistance(wantedLowercased, Array($0.lowercased())), editDistance(wanted, Array($0)))
    }
    return distances.indices.min { distances[$0] < distances[$1] }.map { candidates[$0] } ?? "nDCG@10"
  }

  private static func editDistance(_ first: [Character], _ second: [Character]) -> Int {
    var row = Array(0...second.count)
    for (i, a) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in second.enumerated() {
        let substitution = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[second.count]
  }
}
