/// How a training went and why it ended.
public struct TrainingResult: Sendable, Equatable {
  /// Why the training ended.
  public enum End: String, Sendable, Equatable, Codable {
    /// All epochs were done.
    case maxEpochs
    /// No better epoch for as long as early stopping waits.
    case patience
    /// The caller's limit of steps; a further call goes on.
    case interrupted
  }

  public let history: [EpochRecord]
  /// The epoch whose weights the models have now; nil without a validation, where they have the last ones.
  public let bestEpoch: Int?
  public let end: End

  /// Whether early stopping ended the training while a curriculum still weighed samples differently: the curriculum was
  /// longer than the patience allowed for.
  public var stoppedInsideCurriculum: Bool {
    guard end == .patience, let last = history.last else { return false }
    return last.objectives.contains { $0.weighting?.meanEasiness != nil && $0.weighting?.meanWeight != 1 }
  }
}
