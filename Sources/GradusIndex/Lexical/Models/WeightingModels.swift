import GradusCore

/// Ranking models by name.
///
///     let model = try WeightingModels.parse("bm25+(k1=0.9,b=0.4,delta=1)")
///
/// Names, with the parameters that they take:
///
///     bm25(k1,b)  bm25-robertson(k1,b)  bm25-atire(k1,b)  bm25+(k1,b,delta)  bm25l(k1,b,delta)
///     ql-dirichlet(mu)  ql-jm(lambda)
///     bm25f(k1,b,FIELD,FIELD.b,...): ``BM25F``, for indexes with fields
///     dph  dfi-standardized  dfi-saturated  dfi-chisquared
///     tfidf  tfidf-classic  tfidf-pivoted(s)  coordinate
///     inl2(c)  pl2(c)  bb2(c)  in_expb2(c)  ifb2(c) ...: any triple of ``DivergenceFromRandomness``
public enum WeightingModels {
  /// Reads `name` or `name(parameter=value,...)`; parameters that are left out have their defaults. Capitals and spaces do not
  /// matter in names.
  ///
  /// - Throws: ``ModelSpecificationError``.
  public static func parse(_ specification: String) throws(ModelSpecificationError) -> any WeightingModel {
    let name = String(specification.prefix { $0 != "(" }.filter { !$0.isWhitespace }).lowercased()
    // Its parameters are those of an index.
    if name == BM25F.name { return try BM25F(parsing: specification) }
    guard let entry = entry(name) else { throw .unknownModel(name, known: names) }
    let arguments = try ModelSpecificationError.arguments(
      of: specification, model: name, parameters: entry.parameters)
    var values: [String: Double] = [:]
    for (parameter, value) in arguments { values[parameter] = value }
    let model = entry.make(values)
    try model.validate()
    return model
  }

  /// Of the models that are no triple of ``DivergenceFromRandomness``, and of the best known ones that are.
  public static var names: [String] { table.map(\.name) + [BM25F.name, "inl2", "pl2", "bb2", "in_expb2", "ifb2"] }

  private struct Entry {
    let name: String
    let parameters: [String]
    let make: ([String: Double]) -> any WeightingModel
  }

  private static var table: [Entry] {
    func variant(_ formula: BM25Variant.Formula, _ parameters: [String]) -> Entry {
      Entry(name: formula.rawValue, parameters: parameters) {
        BM25Variant(formula, k1: $0["k1"] ?? 0.9, b: $0["b"] ?? 0.4, delta: $0["delta"])
      }
    }
    return [
      Entry(name: "bm25", parameters: ["k1", "b"]) { BM25(k1: $0["k1"] ?? 0.9, b: $0["b"] ?? 0.4) },
      variant(.robertson, ["k1", "b"]), variant(.atire, ["k1", "b"]), variant(.plus, ["k1", "b", "delta"]),
      variant(.l, ["k1", "b", "delta"]),
      Entry(name: "ql-dirichlet", parameters: ["mu"]) { QueryLikelihood(.dirichlet(mu: $0["mu"] ?? 1000)) },
      Entry(name: "ql-jm", parameters: ["lambda"]) { QueryLikelihood(.jelinekMercer(lambda: $0["lambda"] ?? 0.1)) },
      Entry(name: "dph", parameters: []) { _ in DPH() },
    ]
      + DivergenceFromIndependence.Measure.allCases.map { measure in
        Entry(name: "dfi-\(measure.rawValue)", parameters: []) { _ in DivergenceFromIndependence(measure) }
      } + [
        Entry(name: "tfidf", parameters: []) { _ in TFIDF(.logarithmic) },
        Entry(name: "tfidf-classic", parameters: []) { _ in TFIDF(.classic) },
        Entry(name: "tfidf-pivoted", parameters: ["s"]) { TFIDF(.pivoted(s: $0["s"] ?? 0.2)) },
        Entry(name: "coordinate", parameters: []) { _ in CoordinateMatch() },
      ]
  }

  private static func entry(_ name: String) -> Entry? {
    table.first { $0.name == name } ?? divergenceFromRandomness(name)
  }

  /// Takes `in_expb2` apart: a basic model, an after-effect, a normalisation.
  private static func divergenceFromRandomness(_ name: String) -> Entry? {
    typealias Model = DivergenceFromRandomness
    var spellings = Model.BasicModel.allCases.map { ($0.rawValue, $0) }
    // Bose-Einstein and the expected document frequency as Terrier spells them.
    spellings += [("b", .be), ("in_exp", .ine)]
    for (spelling, basicModel) in spellings where name.hasPrefix(spelling) {
      let rest = name.dropFirst(spelling.count)
      guard rest.count == 2, let afterEffect = Model.AfterEffect(rawValue: String(rest.prefix(1))) else { continue }
      func entry(_ parameters: [String], _ make: @escaping ([String: Double]) -> Model.Normalization) -> Entry {
        Entry(name: name, parameters: parameters) { Model(basicModel, afterEffect, make($0)) }
      }
      switch rest.suffix(1) {
      case "0": return entry([]) { _ in .none }
      case "1": return entry([]) { _ in .one }
      case "2": return entry(["c"]) { .two(c: $0["c"] ?? 1) }
      case "3": return entry(["mu"]) { .three(mu: $0["mu"] ?? 800) }
      case "z": return entry(["z"]) { .z(z: $0["z"] ?? 0.3) }
      default: continue
      }
    }
    return nil
  }
}
