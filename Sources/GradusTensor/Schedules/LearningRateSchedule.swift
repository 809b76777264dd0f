#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A factor for the learning rates, by optimizer step.
public protocol LearningRateSchedule: Sendable {
  /// The factor for step `step`, counted from 0.
  func factor(step: Int) -> Double
}

/// Rises from 0 over `warmupSteps`, then stays at 1.
public struct ConstantSchedule: LearningRateSchedule, Equatable {
  public let warmupSteps: Int

  public init(warmupSteps: Int = 0) { self.warmupSteps = warmupSteps }

  public func factor(step: Int) -> Double { warmup(step, warmupSteps) ?? 1 }
}

/// Rises from 0 over `warmupSteps`, then falls on a straight line to 0 at `totalSteps`: BERT's schedule.
///
/// As in the original and in Hugging Face's, the first of the warm-up steps has the factor 0.
public struct LinearWarmupDecay: LearningRateSchedule, Equatable {
  public let warmupSteps: Int
  public let totalSteps: Int

  public init(warmupSteps: Int, totalSteps: Int) {
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  public func factor(step: Int) -> Double {
    warmup(step, warmupSteps) ?? max(0, Double(totalSteps - step) / Double(max(1, totalSteps - warmupSteps)))
  }
}

/// Rises from 0 over `warmupSteps`, then falls on half a cosine to `floor` at `totalSteps`, and stays there.
public struct CosineSchedule: LearningRateSchedule, Equatable {
  public let warmupSteps: Int
  public let totalSteps: Int
  public let floor: Double

  public init(warmupSteps: Int = 0, totalSteps: Int, floor: Double = 0) {
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.floor = floor
  }

  public func factor(step: Int) -> Double {
    if let rising = warmup(step, warmupSteps) { return rising }
    let progress = min(1, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
    return floor + (1 - floor) * 0.5 * (1 + cos(Double.pi * progress))
  }
}

private func warmup(_ step: Int, _ warmupSteps: Int) -> Double? {
  step < warmupSteps ? Double(step) / Double(warmupSteps) : nil
}
