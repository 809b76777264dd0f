import GradusCore

/// An interval from `lower` to `upper` around an estimate.
public struct ConfidenceInterval: Sendable, Equatable {
  public let lower: Double
  public let upper: Double

  public init(lower: Double, upper: Double) {
    self.lower = lower
    self.upper = upper
  }

  public func contains(_ value: Double) -> Bool { lower <= value && value <= upper }

  /// For the mean, from Student's t: `mean ± t * s / sqrt(n)`.
  ///
  /// Nil for fewer than two values, which say nothing about their spread. Without spread both ends are the mean.
  ///
  /// - Throws: ``SignificanceError/notFinite(position:)``, ``SignificanceError/level(_:)``.
  public static func ofMean(_ values: [Double], level: Double = 0.95) throws(SignificanceError) -> ConfidenceInterval? {
    try SignificanceError.checkFinite(values)
    try SignificanceError.checkLevel(level)
    guard values.count > 1 else { return nil }
    let moments = SampleMoments(values)
    let t = SpecialFunctions.studentQuantile(0.5 + level / 2, degreesOfFreedom: Double(values.count - 1))
    return ConfidenceInterval(lower: moments.mean - t * moments.standardError, upper: moments.mean + t * moments.standardError)
  }
}

/// The bootstrap over queries (Efron and Tibshirani, 1993; Sakai, SIGIR 2006, on its use in retrieval).
///
///     let interval = try Bootstrap(samples: 10_000, seed: 7).interval(ofMean: perQuery)
public struct Bootstrap: Sendable, Equatable {
  /// How an interval follows from the resamples.
  public enum Method: String, Sendable, CaseIterable {
    /// Quantiles of the resampled statistic.
    case percentile
    /// Bias-corrected and accelerated: better coverage for skewed values.
    case bca
  }

  /// Resamples of one piece of work; fixed, so that the random streams do not depend on the number of threads.
  private static let pieceSize = 256
  public let samples: Int
  public let method: Method
  public let seed: UInt64

  public init(samples: Int = 10_000, method: Method = .bca, seed: UInt64 = 1) {
    self.samples = samples
    self.method = method
    self.seed = seed
  }

  /// Interval for the mean. Nil for fewer than two values; without spread both ends are the mean.
  public func interval(
    ofMean values: [Double], level: Double = 0.95, pool: WorkerPool = .shared
  ) throws(SignificanceError) -> ConfidenceInterval? {
    try interval(of: values, level: level, pool: pool) { $0.reduce(0, +) / Double($0.count) }
  }

  /// Interval for any statistic of independent values. The statistic must be finite for every resample.
  ///
  /// - Throws: ``SignificanceError/samples(_:)``, ``SignificanceError/notFinite(position:)``, ``SignificanceError/level(_:)``.
  /// - Complexity: O(samples x values), and for BCa O(values^2) for its jackknife.
  public func interval(
    of values: [Double], level: Double = 0.95, pool: WorkerPool = .shared, statistic: @Sendable ([Double]) -> Double
  ) throws(SignificanceError) -> ConfidenceInterval? {
    guard samples >= 2 else { throw .samples(samples) }
    try SignificanceError.checkFinite(values)
    try SignificanceError.checkLevel(level)
    guard values.count > 1 else { return nil }
    let estimate = statistic(values)
    guard values.contains(where: { $0 != values[0] }) else { return ConfidenceInterval(lower: estimate, upper: estimate) }

    let sorted = resampled(values, pool: pool, statistic: statistic).sorted()
    let tail = (1 - level) / 2
    guard method == .bca else {
      return ConfidenceInterval(lower: Self.quantile(sorted, tail), upper: Self.quantile(sorted, 1 - tail))
    }
    // Ties with the estimate count half, as a continuous statistic would split them.
    let below = Double(sorted.count { $0 < estimate }) + 0.5 * Double(sorted.count { $0 == estimate })
    let bias = SpecialFunctions.normalQuantile(below / Double(samples))
    guard bias.isFinite else {
      return ConfidenceInterval(lower: Self.quantile(sorted, tail), upper: Self.quantile(sorted, 1 - tail))
    }
    let acceleration = Self.acceleration(values, statistic: statistic)
    func end(_ probability: Double) -> Double {
      let z = bias + SpecialFunctions.normalQuantile(probability)
      return Self.quantile(sorted, SpecialFunctions.normalCDF(bias + z / (1 - acceleration * z)))
    }
    return ConfidenceInterval(lower: end(tail), upper: end(1 - tail))
  }

  private func resampled(_ values: [Double], pool: WorkerPool, statistic: @Sendable ([Double]) -> Double) -> [Double] {
    let generator = SeededGenerator(seed: seed)
    var statistics = [Double](repeating: 0, count: samples)
    statistics.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let statistics = buffer
      pool.forEachRange(count: samples, grain: Self.pieceSize) { range in
        var stream = generator.stream("bootstrap", range.lowerBound / Self.pieceSize)
        var sample = values
        for index in range {
          for position in sample.indices { sample[position] = values[stream.integer(below: values.count)] }
          statistics[index] = statistic(sample)
        }
      }
    }
    return statistics
  }

  /// From the skewness of the jackknife values; 0 where they do not vary.
  private static func acceleration(_ values: [Double], statistic: ([Double]) -> Double) -> Double {
    var jackknife: [Double] = []
    for left in values.indices {
      var rest = values
      rest.remove(at: left)
      jackknife.append(statistic(rest))
    }
    let mean = jackknife.reduce(0, +) / Double(jackknife.count)
    var squares = 0.0
    var cubes = 0.0
    for value in jackknife {
      squares += (mean - value) * (mean - value)
      cubes += (mean - value) * (mean - value) * (mean - value)
    }
    return squares == 0 ? 0 : cubes / (6 * squares * squares.squareRoot())
  }

  /// Linear interpolation between order statistics.
  private static func quantile(_ sorted: [Double], _ probability: Double) -> Double {
    let position = min(max(probability, 0), 1) * Double(sorted.count - 1)
    let index = min(Int(position), sorted.count - 2)
    return sorted[index] + (position - Double(index)) * (sorted[index + 1] - sorted[index])
  }
}
