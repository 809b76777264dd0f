#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Weighs the samples of a batch by their present losses (Sow et al., "Dynamic Loss-Based Sample Reweighting for Improved
/// Large Language Model Pretraining", ICLR 2025).
///
/// The losses `l` of the batch are mapped to `h` in `[-delta, delta]`, a shape says how much each place is worth, and a
/// softmax makes weights of that:
///
///     h_i = delta (2 l_i - (highest + lowest)) / (highest - lowest)
///     linUpper   u_i = min(h_i + delta, delta)      samples that the model fits already count less, all others alike
///     quadratic  u_i = 1 - h_i^2 / delta^2          the middle counts most
///     extremes   u_i = |h_i|                        both ends count most
///     upper      u_i = (h_i + delta) / 2            a straight line; only in the released code
///     w_i = M softmax(u / temperature)_i
///
/// The weights of a batch of M samples sum to M, since the training loss divides by M: together that is the paper's
/// `sum w_i l_i` with weights that sum to 1. Adding a constant to all losses or scaling them leaves the weights as they are,
/// and equal losses get equal weights. A batch of one sample is weighted by 1; min and max over very few samples are an
/// on/off switch, so use batches of 16 or more.
///
///     var weighting = try LossReweighting(temperature: 1, warmupSteps: 0)
///     try weighting.weights(of: [1, 2, 3, 4, 5])   // 5 x (0.0926, 0.1526, 0.2516, 0.2516, 0.2516)
///
/// Where high losses are false negatives this pulls the wrong way: see ``ConsensusWeighting`` and ``PersonalLossResampling``.
public struct LossReweighting: SampleWeighting, Equatable {
  /// Rows of the table above.
  public enum Shape: String, Sendable, CaseIterable {
    case linUpper = "lin-upper"
    case quadratic, extremes, upper
  }

  /// What happens in the first steps, whose losses say nothing about the samples yet.
  public enum Warmup: Sendable, Equatable {
    /// All weights are exactly 1.
    case uniform
    /// The formula at this temperature: 100 in the released code of the large models, which is nearly uniform.
    case temperature(Double)
  }

  public let shape: Shape
  /// r: large makes weights equal, small sharpens them. 0.4 is the published setting of ``Shape/linUpper``.
  public let temperature: Double
  /// The default of 1,000 is meant for tens of thousands of steps; some 5 to 10 % of the steps otherwise.
  public let warmupSteps: Int
  public let warmup: Warmup
  public let delta: Double

  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(
    shape: Shape = .linUpper, temperature: Double = 0.4, warmupSteps: Int = 1000, warmup: Warmup = .uniform, delta: Double = 1
  ) throws(WeightingError) {
    self.shape = shape
    self.temperature = try WeightingError.positive("the temperature of loss reweighting", temperature)
    self.warmupSteps = try WeightingError.count("the warm-up steps of loss reweighting", warmupSteps, least: 0)
    if case .temperature(let value) = warmup { _ = try WeightingError.positive("the temperature of the warm-up", value) }
    self.warmup = warmup
    self.delta = try WeightingError.positive("delta of loss reweighting", delta)
  }

  public var readsScores: Bool { true }

  /// - Throws: ``WeightingError/lossNotFinite(sample:)``.
  public func weights(for input: WeightingInput) throws -> SampleWeights {
    for (loss, sample) in zip(input.losses, input.samples) where !loss.isFinite {
      throw WeightingError.lossNotFinite(sample: sample.id)
    }
    guard input.step < warmupSteps else { return SampleWeights(values: weights(of: input.losses)) }
    switch warmup {
    case .uniform: return SampleWeights(values: input.losses.map { _ in 1 })
    case .temperature(let value): return SampleWeights(values: weights(of: input.losses, temperature: value))
    }
  }

  /// The weights of a batch with these losses, after the warm-up; they sum to the number of losses.
  ///
  /// - Parameter temperature: Nil for ``temperature``.
  public func weights(of losses: [Double], temperature: Double? = nil) -> [Double] {
    guard losses.count > 1, let lowest = losses.min(), let highest = losses.max() else { return losses.map { _ in 1 } }
    let temperature = temperature ?? self.temperature
    let range = max(highest - lowest, 1e-6)
    let values = losses.map { value(delta * (2 * $0 - (highest + lowest)) / range) }
    let top = values.max() ?? 0
    let powers = values.map { exp(($0 - top) / temperature) }
    let sum = powers.reduce(0, +)
    return powers.map { Double(losses.count) * $0 / sum }
  }

  /// u of a place h.
  private func value(_ h: Double) -> Double {
    switch shape {
    case .linUpper: min(h + delta, delta)
    case .quadratic: 1 - h * h / (delta * delta)
    case .extremes: abs(h)
    case .upper: 0.5 * h + 0.5 * delta
    }
  }

  public var resumeState: WeightingSettings {
    WeightingSettings("loss-reweighting \(shape.rawValue) \(temperature) \(warmupSteps) \(warmup) \(delta)")
  }

  public func resume(from state: WeightingSettings) throws { try resumeState.check(state) }
}
