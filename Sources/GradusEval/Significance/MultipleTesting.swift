/// Correction of p values when several comparisons are made at once.
///
///     try MultipleTesting.holm.adjust([0.01, 0.04, 0.03])   // [0.03, 0.06, 0.06]
public enum MultipleTesting: String, Sendable, CaseIterable {
  case none
  /// `min(1, m * p)`.
  case bonferroni
  /// Step-down Bonferroni (Holm, 1979): controls the same error and is never weaker.
  case holm
  /// Step-up control of the false discovery rate (Benjamini and Hochberg, 1995).
  case benjaminiHochberg = "benjamini-hochberg"

  /// Adjusted values in the order given: compare them with the level as they are.
  ///
  /// - Throws: ``SignificanceError/pValue(_:)`` for a value outside `[0, 1]`.
  public func adjust(_ p: [Double]) throws(SignificanceError) -> [Double] {
    if let wrong = p.first(where: { !($0 >= 0 && $0 <= 1) }) { throw .pValue(wrong) }
    let count = Double(p.count)
    switch self {
    case .none: return p
    case .bonferroni: return p.map { min(1, $0 * count) }
    case .holm:
      var adjusted = p
      var highest = 0.0
      for (position, index) in p.indices.sorted(by: { (p[$0], $0) < (p[$1], $1) }).enumerated() {
        highest = max(highest, min(1, p[index] * (count - Double(position))))
        adjusted[index] = highest
      }
      return adjusted
    case .benjaminiHochberg:
      var adjusted = p
      var lowest = 1.0
      for (position, index) in p.indices.sorted(by: { (p[$0], $0) > (p[$1], $1) }).enumerated() {
        lowest = min(lowest, p[index] * count / (count - Double(position)))
        adjusted[index] = lowest
      }
      return adjusted
    }
  }
}
