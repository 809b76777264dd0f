import GradusEval

/// When to stop for want of progress.
public struct EarlyStopping: Sendable, Equatable {
  /// Training ends when so many epochs have passed since the best one.
  public var patience: Int
  /// An epoch is better only if it is strictly so in the mean and, where a test is given, significantly so over the
  /// validation queries. Small gains then add up until they are significant.
  public var test: PairedTest?
  /// Largest p value that counts as significant.
  public var level: Double

  public init(patience: Int = 20, test: PairedTest? = nil, level: Double = 0.05) {
    self.patience = patience
    self.test = test
    self.level = level
  }

  /// Whether a validation is better than the best so far. The first one always is.
  func isBetter(_ new: ValidationResult, than best: ValidationResult?) throws -> Bool {
    guard let best else { return true }
    guard new.value > best.value else { return false }
    guard let test else { return true }
    guard new.perQuery.count == best.perQuery.count else {
      throw TrainingError.validationQueriesChanged(expected: best.perQuery.count, found: new.perQuery.count)
    }
    return try test.compare(best.perQuery, new.perQuery).p <= level
  }
}
