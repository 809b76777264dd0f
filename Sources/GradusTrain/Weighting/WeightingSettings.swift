/// The resume state of a weighting that keeps nothing but its settings: tells one from another of the same type.
public struct WeightingSettings: Codable, Sendable, Equatable {
  let text: String

  init(_ text: String) { self.text = text }

  /// - Throws: ``WeightingError/otherSettings(expected:found:)``.
  func check(_ found: WeightingSettings) throws {
    guard self == found else { throw WeightingError.otherSettings(expected: text, found: found.text) }
  }
}

extension WeightingError {
  /// The value, if it is a finite number above 0.
  static func positive(_ name: String, _ value: Double) throws(WeightingError) -> Double {
    guard value > 0 && value.isFinite else { throw .parameter(name: name, found: value, expected: "a number above 0") }
    return value
  }

  /// The value, if it is at least `least`.
  static func count(_ name: String, _ value: Int, least: Int) throws(WeightingError) -> Int {
    guard value >= least else { throw .parameter(name: name, found: Double(value), expected: "at least \(least)") }
    return value
  }
}
