#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusFormats

/// What a network makes of raw features before it reads them; fitted on training rows, the same in use.
///
///     let transform = FeatureTransform(.standardise, fittedOn: training)
///     let rows = transform.applied(to: test)
///
/// Features of web collections span many powers of ten, which trees do not mind and networks do.
public struct FeatureTransform: Sendable, Equatable, Codable {
  /// What happens to each feature.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case none
    /// Mean 0 and standard deviation 1 over the training rows; a feature without spread becomes 0.
    case standardise
    /// `sign(x) log(1 + |x|)`, as TF-Ranking has it.
    case log1p
    /// The logarithm, then standardised.
    case logStandardise = "log1p-standardise"

    var takesLogarithms: Bool { self == .log1p || self == .logStandardise }
    var standardises: Bool { self == .standardise || self == .logStandardise }
  }

  public let kind: Kind
  /// One a feature; empty unless the kind standardises.
  public let means: [Float]
  /// The inverse of each standard deviation, 0 for a feature without spread; as many as ``means``.
  public let scales: [Float]

  public init(_ kind: Kind, fittedOn data: FeatureData) {
    self.kind = kind
    guard kind.standardises else {
      means = []
      scales = []
      return
    }
    let count = Double(data.rowCount)
    var sums = [Double](repeating: 0, count: data.width)
    for (position, value) in data.features.enumerated() { sums[position % data.width] += Self.logarithm(value, kind) }
    let centres = sums.map { $0 / count }
    var squares = [Double](repeating: 0, count: data.width)
    for (position, value) in data.features.enumerated() {
      let difference = Self.logarithm(value, kind) - centres[position % data.width]
      squares[position % data.width] += difference * difference
    }
    means = centres.map { Float($0) }
    // Rounding alone must not blow up a feature that is the same everywhere.
    scales = zip(squares, centres).map { square, centre in
      let deviation = (square / count).squareRoot()
      return deviation > 1e-7 * max(1, abs(centre)) ? Float(1 / deviation) : 0
    }
  }

  /// Row-major features of the same shape. The caller vouches for the width that the transform was fitted on.
  public func applied(to data: FeatureData) -> [Float] {
    guard kind != .none else { return data.features }
    let width = data.width
    precondition(!kind.standardises || means.count == width, "a transform of \(means.count) features was given \(width)")
    return data.features.enumerated().map { position, value in
      let value = Float(Self.logarithm(value, kind))
      guard kind.standardises else { return value }
      return (value - means[position % width]) * scales[position % width]
    }
  }

  private static func logarithm(_ value: Float, _ kind: Kind) -> Double {
    guard kind.takesLogarithms else { return Double(value) }
    let magnitude = log1p(abs(Double(value)))
    return value < 0 ? -magnitude : magnitude
  }
}
