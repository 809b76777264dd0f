import CGradusKernels
import GradusCore

/// Adam with bias correction (Kingma and Ba, 2015); with decoupled weight decay it is AdamW (Loshchilov and Hutter, 2019).
///
///     m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
///     w = w (1 - rate decay) - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
///
/// as PyTorch computes it. In the coupled form (plain Adam) `decay * w` is added to the gradient instead.
///
/// A lazy optimizer leaves those rows of matrices alone whose gradient is zero throughout: no decay, no fading of moments; the
/// step number t runs on (as PyTorch's SparseAdam does). That saves most of the memory traffic of an embedding table, of which
/// a batch touches few rows, but it is another algorithm: a word that does not occur keeps its weight and its momentum. Where
/// the gradient is a ``RowSparseGradient``, a lazy step costs as much as the rows that were looked up, whatever the table's size.
public class Adam: Optimizer {
  public var groups: [ParameterGroup]
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let isLazy: Bool
  private let isDecoupled: Bool
  private var slots = OptimizerSlots(["exp_avg", "exp_avg_sq"])

  public convenience init(
    groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, isLazy: Bool = false
  ) {
    self.init(groups: groups, beta1: beta1, beta2: beta2, epsilon: epsilon, isLazy: isLazy, isDecoupled: false)
  }

  fileprivate init(
    groups: [ParameterGroup], beta1: Double, beta2: Double, epsilon: Double, isLazy: Bool, isDecoupled: Bool
  ) {
    self.isLazy = isLazy
    self.groups = groups
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.isDecoupled = isDecoupled
  }

  public func step(_ gradients: GradientStore, scheduleFactor: Double) {
    profiled(.optimizer) { update(gradients, scheduleFactor: scheduleFactor) }
  }

  private func update(_ gradients: GradientStore, scheduleFactor: Double) {
    for group in groups {
      for parameter in group.parameters {
        guard let (gradient, scale) = gradients.unscaled(parameter) else { continue }
        update(parameter, gradient, scale, rate: group.learningRate * scheduleFactor, decay: group.weightDecay)
      }
    }
  }

  private func update(_ parameter: Parameter, _ gradient: Gradient, _ scale: Double, rate: Double, decay: Double) {
    slots.update(parameter) { step, buffers in
      let (first, second) = (buffers[0], buffers[1])
      let (power1, power2) = (Self.power(beta1, step), Self.power(beta2, step))
      let (decoupled, coupled) = isDecoupled ? (decay, 0) : (0, decay)
      parameter.update { value in
        defer { keepAlive(value, first, second) }
        gradient.forEachRun(skippingZeroRows: isLazy) { run, source, offset in
          let start = run.lowerBound
          if value.isDouble {
            grd_tensor_adam_f64(value.f64 + start, source.f64 + offset, first.f64 + start, second.f64 + start, run.count,
              rate, beta1, beta2, epsilon, 1 - power1, 1 - power2, decoupled, coupled, scale)
          } else {
            grd_tensor_adam_f32(value.f32 + start, source.f32 + offset, first.f32 + start, second.f32 + start, run.count,
              rate, beta1, beta2, epsilon, 1 - power1, 1 - power2, decoupled, coupled, scale)
          }
        }
      }
    }
  }

  /// A power by repeated squaring: the same bits on every machine, unlike the C library's pow.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var (square, rest, result) = (base, exponent, 1.0)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }

  public func exportState() -> [NamedTensor] { slots.exported(groups) }
  public func importState(_ state: [NamedTensor]) throws { try slots.restore(state, groups) }
}

/// Adam with decoupled weight decay, the usual choice for fine-tuning encoders; see ``Adam`` for the formula.
///
///     let all = ParameterGroup(parameters: model.trainableParameters, learningRate: 2e-5, weightDecay: 0.01)
///     let optimizer = AdamW(groups: [all])
public final class AdamW: Adam {
  public init(
    groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, isLazy: Bool = false
  ) {
    super.init(groups: groups, beta1: beta1, beta2: beta2, epsilon: epsilon, isLazy: isLazy, isDecoupled: true)
  }
}
