/// Weight D at first, fading linearly to 1 for every sample at the end of the curriculum.
///
///     W = D + (epoch / endEpoch) (1 - D)   before endEpoch,   W = 1 from endEpoch on
///
/// MacAvaney et al., SIGIR 2020. `endEpoch` is to be tuned on validation data, like a learning rate; early stopping runs
/// during the curriculum too and may end the training before the curriculum ends.
///
///     let curriculum = try LinearCurriculum(endEpoch: 20)
///     curriculum.weight(easiness: 0.65, epoch: 5)   // 0.7375
public struct LinearCurriculum: CurriculumSchedule, Equatable {
  /// The first epoch in which all samples weigh 1; nil for a curriculum that never fades.
  public let endEpoch: Int?
  /// Hard samples first: uses 1 - D in place of D. The control that a curriculum has to beat.
  public let anti: Bool

  /// - Throws: ``CurriculumError/endEpochBelowOne(_:)``: use no curriculum at all instead of `endEpoch: 0`, and
  ///   `endEpoch: nil` for one that never fades.
  public init(endEpoch: Int? = 20, anti: Bool = false) throws(CurriculumError) {
    if let endEpoch, endEpoch < 1 { throw .endEpochBelowOne(endEpoch) }
    self.endEpoch = endEpoch
    self.anti = anti
  }

  public func weight(easiness: Double, epoch: Int) -> Double {
    let start = anti ? 1 - easiness : easiness
    guard let endEpoch else { return start }
    if epoch >= endEpoch { return 1 }
    return start + Double(epoch) / Double(endEpoch) * (1 - start)
  }
}
