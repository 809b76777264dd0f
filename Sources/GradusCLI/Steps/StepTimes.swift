/// The time of a training step beside that of another, measured in turns: what slows the machine slows both.
struct StepTimes {
  /// Of the step, the median.
  let seconds: Double
  /// The step's time over the other's, the median over the turns.
  let ratio: Double

  init(turns: Int, of step: () throws -> Void, beside other: () throws -> Void) rethrows {
    var own: [Double] = [], ratios: [Double] = []
    for _ in 0..<turns {
      let first = try GradusCLI.seconds(of: other), second = try GradusCLI.seconds(of: step)
      own.append(second)
      ratios.append(second / first)
    }
    seconds = MedianAndBest(own, best: { $0.min() }).median
    ratio = MedianAndBest(ratios, best: { $0.min() }).median
  }
}
