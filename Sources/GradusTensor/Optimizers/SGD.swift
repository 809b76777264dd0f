import CGradusKernels
import GradusCore

/// Stochastic gradient descent with optional momentum, Nesterov's variant and (coupled) weight decay.
///
///     g = g + decay w,   v = momentum v + (1 - dampening) g,   w = w - rate (nesterov ? g + momentum v : v)
///
/// as PyTorch computes it; the first velocity is the first gradient.
public final class SGD: Optimizer {
  public var groups: [ParameterGroup]
  public let momentum: Double
  public let dampening: Double
  public let isNesterov: Bool
  private var slots: OptimizerSlots

  public init(groups: [ParameterGroup], momentum: Double = 0, dampening: Double = 0, isNesterov: Bool = false) {
    guard !isNesterov || (momentum > 0 && dampening == 0) else {
      preconditionFailure("Nesterov momentum needs momentum > 0 and no dampening, not \(momentum) and \(dampening)")
    }
    self.groups = groups
    self.momentum = momentum
    self.dampening = dampening
    self.isNesterov = isNesterov
    slots = OptimizerSlots(momentum > 0 ? ["momentum_buffer"] : [])
  }

  public func step(_ gradients: GradientStore, scheduleFactor: Double) {
    profiled(.optimizer) { update(gradients, scheduleFactor: scheduleFactor) }
  }

  private func update(_ gradients: GradientStore, scheduleFactor: Double) {
    for group in groups {
      let rate = group.learningRate * scheduleFactor
      for parameter in group.parameters {
        guard let gradient = gradients.gradient(of: parameter) else { continue }
        slots.update(parameter) { step, buffers in
          parameter.update { update($0, gradient, buffers.first, rate: rate, decay: group.weightDecay, isFirst: step == 1) }
        }
      }
    }
  }

  private func update(_ value: Tensor, _ gradient: Gradient, _ velocity: Tensor?, rate: Double, decay: Double, isFirst: Bool) {
    defer { keepAlive(value, velocity ?? value) }
    // Without momentum and decay a row without gradient stays as it is; to look for such rows in a dense one would cost more.
    let skipsZeroRows = gradient.isRowSparse && velocity == nil && decay == 0
    gradient.forEachRun(skippingZeroRows: skipsZeroRows) { run, source, offset in
      let start = run.lowerBound
      if value.isDouble {
        grd_tensor_sgd_f64(value.f64 + start, source.f64 + offset, velocity.map { $0.f64 + start }, run.count, rate,
          momentum, dampening, decay, isNesterov ? 1 : 0, isFirst ? 1 : 0)
      } else {
        grd_tensor_sgd_f32(value.f32 + start, source.f32 + offset, velocity.map { $0.f32 + start }, run.count, rate,
          momentum, dampening, decay, isNesterov ? 1 : 0, isFirst ? 1 : 0)
      }
    }
  }

  public func exportState() -> [NamedTensor] { slots.exported(groups) }
  public func importState(_ state: [NamedTensor]) throws { try slots.restore(state, groups) }
}
