import GradusCore

/// A setting that a study takes.
public struct StudySetting: Sendable, Equatable {
  /// Which values are accepted.
  public enum Kind: Sendable, Equatable {
    case count(least: Int)
    case number(ClosedRange<Double>)
    case choice([String])
    case text
    /// Weightings of `WeightingNames`.
    case weighting
    /// A loss of `LossNames`: over scores where true, over vectors where false.
    case loss(overScores: Bool)
  }

  public let name: String
  public let kind: Kind
  public let defaultValue: String
  public let meaning: String

  public init(_ name: String, _ kind: Kind, default defaultValue: String, _ meaning: String) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.meaning = meaning
  }
}

/// The settings of one run of a study: its defaults, changed by the recipe's.
public struct StudySettings: Sendable, Equatable {
  /// In the order of the study's list.
  public private(set) var values: [(name: String, value: String)]
  private let known: [StudySetting]

  public static func == (first: StudySettings, second: StudySettings) -> Bool {
    first.known == second.known && first.values.elementsEqual(second.values) { $0 == $1 }
  }

  /// - Throws: ``SettingError``, which names the nearest setting or value where there is none of this name.
  public init(_ study: any Study.Type, _ changes: [(name: String, value: String)] = []) throws {
    known = study.settings
    values = known.map { ($0.name, $0.defaultValue) }
    for (name, value) in changes { try set(name, to: value) }
  }

  /// - Throws: ``SettingError``.
  public mutating func set(_ name: String, to value: String) throws {
    guard let position = known.firstIndex(where: { $0.name == name }) else {
      throw SettingError.unknown(name, nearest: Spelling.nearest(to: name, among: known.map(\.name)))
    }
    try known[position].check(value)
    values[position].value = value
  }

  public subscript(name: String) -> String {
    guard let setting = values.first(where: { $0.name == name }) else { preconditionFailure("a study has no setting '\(name)'") }
    return setting.value
  }

  /// Checked when it was set.
  public func count(_ name: String) -> Int { Int(self[name]) ?? 0 }
  public func number(_ name: String) -> Double { Double(self[name]) ?? 0 }
}

extension StudySetting {
  fileprivate func check(_ value: String) throws {
    func refuse(_ expected: String) -> SettingError { .value(setting: name, found: value, expected: expected) }
    switch kind {
    case .text: break
    case .count(let least):
      guard let number = Int(value), number >= least else { throw refuse("a whole number of at least \(least)") }
    case .number(let range):
      guard let number = Double(value), range.contains(number) else {
        throw refuse("a number from \(range.lowerBound) to \(range.upperBound)")
      }
    case .choice(let choices):
      guard choices.contains(value) else { throw SettingError.choice(name, found: value, known: choices) }
    case .weighting: try SettingAccess.checkWeighting(name, value)
    case .loss(let overScores): try SettingAccess.checkLoss(name, value, overScores: overScores)
    }
  }
}
