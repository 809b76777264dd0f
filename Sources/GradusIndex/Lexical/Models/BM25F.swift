import CGradusKernels
import GradusCore

/// BM25F: BM25 over documents of several fields, of which each has a weight and a length normalisation of its own (Robertson,
/// Zaragoza and Taylor, CIKM 2004; the lengths by field after Zaragoza et al., TREC 2004).
///
///     score(q, d) = sum over the terms of q, repeated terms counted each time, of idf * x / (k1 + x)
///     x           = sum over the fields f of w_f * tf_f / (1 - b_f + b_f * len_f / avglen_f)
///     idf         = ln(1 + (N - df + 0.5) / (df + 0.5)),  df: documents that hold the term in any field
///
/// Fields are added up before the saturation: a term that stands in title and text counts less than two terms that stand in one
/// field each, which a sum of scores by field gets wrong. A field that is not mentioned has weight 1, and one without a `b` of
/// its own has ``b``. Weights scale x, so a greater sum of weights wants a greater `k1`. Without length normalisation (`b` 0) and
/// with all weights 1, scores are those of ``BM25`` with `b` 0, bit for bit; with a weight of 0 a field is left out of all scores
/// (though not of df), and documents that hold the query's terms nowhere else are not retrieved.
///
/// The index must be built with fields: ``IndexFields``. A phrase has no field, so queries with phrases are refused. Searches are
/// pruned as those of other models are, by the greatest contribution of each block of postings, which the first search for a term
/// finds by reading the term's list once (see ``WeightingModel``); they return the very bits of an exhaustive search.
///
///     let model = try BM25F(parsing: "bm25f(k1=1.2,title=3,title.b=0.5,text.b=0.75)")
public struct BM25F: WeightingModel, Equatable, Codable {
  /// How a field counts.
  public struct Field: Sendable, Equatable, Codable {
    /// As in the index.
    public var name: String
    /// From 0 to a million.
    public var weight: Double
    /// Length normalisation, from 0 (none) to 1 (full); nil for the model's.
    public var b: Double?

    public init(_ name: String, weight: Double = 1, b: Double? = nil) {
      self.name = name
      self.weight = weight
      self.b = b
    }
  }

  /// Saturation, `>= 0`; 0 makes scores Boolean.
  public var k1: Double
  /// Length normalisation of the fields that have none of their own, from 0 to 1.
  public var b: Double
  public var fields: [Field]

  static let name = "bm25f"

  public init(k1: Double = 0.9, b: Double = 0.4, fields: [Field] = []) {
    self.k1 = k1
    self.b = b
    self.fields = fields
  }

  /// Reads `bm25f(k1=0.9,b=0.4,FIELD=WEIGHT,FIELD.b=B,...)`; what is left out has its default.
  ///
  /// Whether the fields exist shows where the model meets an index.
  ///
  /// - Throws: ``ModelSpecificationError``.
  public init(parsing specification: String) throws(ModelSpecificationError) {
    self.init()
    for (name, value) in try ModelSpecificationError.arguments(of: specification, model: Self.name, parameters: nil) {
      switch name {
      case "k1": k1 = value
      case "b": b = value
      default:
        let isNormalization = name.hasSuffix(".b")
        let field = isNormalization ? String(name.dropLast(2)) : name
        guard !field.isEmpty else { throw .malformed(specification) }
        let place = fields.firstIndex { $0.name == field } ?? fields.count
        if place == fields.count { fields.append(Field(field)) }
        if isNormalization { fields[place].b = value } else { fields[place].weight = value }
      }
    }
    try validate()
  }

  public var description: String {
    let parts = fields.map { field in "\(field.name)=\(field.weight)" + (field.b.map { ",\(field.name).b=\($0)" } ?? "") }
    return "\(Self.name)(\((["k1=\(k1)", "b=\(b)"] + parts).joined(separator: ",")))"
  }

  /// - Throws: ``ModelSpecificationError/outOfRange(parameter:value:allowed:)``,
  ///   ``ModelSpecificationError/repeatedParameter(_:)``.
  public func validate() throws(ModelSpecificationError) {
    try BM25(k1: k1, b: b).validate()
    for (place, field) in fields.enumerated() {
      if fields[..<place].contains(where: { $0.name == field.name }) { throw .repeatedParameter(field.name) }
      try ModelSpecificationError.check(field.name, field.weight, field.weight >= 0 && field.weight <= 1e6, "from 0 to 1000000")
      if let b = field.b { try ModelSpecificationError.check("\(field.name).b", b, b >= 0 && b <= 1, "from 0 to 1") }
    }
  }

  public var formula: ScoringFormula {
    var formula = ScoringFormula(GRD_BM25F) { term in
      let idf = BM25.inverseDocumentFrequency(
        documentFrequency: Int(term.documentFrequency), documents: Int(term.documents))
      // Apart from the weight in the query, which multiplies the bounds of blocks.
      return grd_term(weight: term.queryWeight, a: idf)
    }
    // The total length and tf, which skip data holds, say too little about the fields.
    formula.isMonotone = false
    formula.p = k1
    formula.fieldModel = self
    return formula
  }

  /// A field of an index with what the model makes of it.
  struct ResolvedField {
    let name: String
    let weight: Double
    let b: Double
    let averageLength: Double

    /// The length normalisation is `base + slope * length`; where no document has anything in the field there is none.
    var base: Double { averageLength > 0 ? 1 - b : 1 }
    var slope: Double { averageLength > 0 ? b / averageLength : 0 }

    /// What the field adds to a term's normalised frequency, with the bits of the kernels.
    func part(tf: UInt32, length: UInt32) -> Double {
      tf == 0 ? 0 : weight * Double(tf) / (base + slope * Double(max(1, length)))
    }
  }

  /// The fields of an index, in its order.
  ///
  /// - Throws: ``IndexError/notBuilt(path:what:)`` where the index has no fields;
  ///   ``ModelSpecificationError/unknownParameter(_:nearest:known:)`` for a field that it does not have;
  ///   ``ModelSpecificationError/outOfRange(parameter:value:allowed:)`` where no field has a weight.
  func resolved(in index: InvertedIndex) throws -> [ResolvedField] {
    guard let names = index.fields?.names else { throw IndexError.notBuilt(path: index.path, what: "fields") }
    let known = ["k1", "b"] + names.flatMap { [$0, "\($0).b"] }
    for field in fields where !names.contains(field.name) {
      throw ModelSpecificationError.unknown(field.name, model: Self.name, known: known)
    }
    let resolved = names.enumerated().map { place, name in
      let field = fields.first { $0.name == name } ?? Field(name)
      return ResolvedField(
        name: name, weight: field.weight, b: field.b ?? b, averageLength: index.averageLength(ofField: place))
    }
    if resolved.allSatisfy({ $0.weight == 0 }) {
      throw ModelSpecificationError.outOfRange(
        parameter: names[0], value: 0, allowed: "a weight above 0 for one field at least")
    }
    return resolved
  }

  /// What the kernels need to know about the fields of an index; the lengths are of a segment and not set.
  func kernelFields(in index: InvertedIndex) throws -> grd_fields {
    var kernel = grd_fields()
    let resolved = try resolved(in: index)
    kernel.count = resolved.count
    func set(_ values: UnsafeMutableRawBufferPointer, _ value: (ResolvedField) -> Double) {
      for (place, field) in resolved.enumerated() {
        values.storeBytes(of: value(field), toByteOffset: place * MemoryLayout<Double>.stride, as: Double.self)
      }
    }
    withUnsafeMutableBytes(of: &kernel.weight) { set($0, \.weight) }
    withUnsafeMutableBytes(of: &kernel.base) { set($0, \.base) }
    withUnsafeMutableBytes(of: &kernel.slope) { set($0, \.slope) }
    return kernel
  }
}
