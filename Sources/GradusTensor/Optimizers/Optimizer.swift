import GradusCore

/// Parameters that an optimizer treats alike.
public struct ParameterGroup {
  public let name: String
  public var parameters: [Parameter]
  /// Base learning rate; a schedule multiplies it.
  public var learningRate: Double
  public var weightDecay: Double

  public init(_ name: String = "default", parameters: [Parameter], learningRate: Double, weightDecay: Double = 0) {
    self.name = name
    self.parameters = parameters
    self.learningRate = learningRate
    self.weightDecay = weightDecay
  }
}

/// A tensor with its name, as checkpoints store it.
public struct NamedTensor: Sendable {
  public let name: String
  public let tensor: Tensor

  public init(_ name: String, _ tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }
}

/// Changes parameters from their gradients.
///
/// State is kept per parameter. A parameter without a gradient in a step is left alone, its state too.
public protocol Optimizer: AnyObject {
  var groups: [ParameterGroup] { get set }

  /// One step with all learning rates times `scheduleFactor`.
  func step(_ gradients: GradientStore, scheduleFactor: Double)

  /// Moments and step counts by parameter name, in the order of the groups; of parameters that are in a group.
  func exportState() -> [NamedTensor]

  /// Restores an exported state: the next step is then bit-equal to never having stopped.
  func importState(_ state: [NamedTensor]) throws
}

extension Optimizer {
  public func step(_ gradients: GradientStore) { step(gradients, scheduleFactor: 1) }
}

/// A stored optimizer state that does not fit the parameters.
public enum OptimizerStateError: GradusError, Equatable {
  case unknown(name: String)
  case shape(name: String, expected: [Int], found: [Int])
  case incomplete(parameter: String, missing: String)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .unknown(let name): "optimizer state '\(name)' belongs to no parameter of this model; load the matching checkpoint"
    case .shape(let name, let expected, let found): "optimizer state '\(name)' has shape \(found), expected \(expected)"
    case .incomplete(let parameter, let missing): "optimizer state of '\(parameter)' lacks '\(missing)'"
    }
  }
}

/// The per-parameter buffers of an optimizer, created when first used.
struct OptimizerSlots {
  struct Slot {
    var step = 0
    var buffers: [Tensor]
  }

  /// Names of the buffers, as in PyTorch's state dictionaries.
  let bufferNames: [String]
  private var slots: [ObjectIdentifier: Slot] = [:]

  init(_ bufferNames: [String]) { self.bufferNames = bufferNames }

  /// Calls `body` with the step number (from 1) and buffers that nobody else refers to.
  mutating func update(_ parameter: Parameter, _ body: (Int, [Tensor]) -> Void) {
    let key = ObjectIdentifier(parameter)
    var slot = slots.removeValue(forKey: key)
      ?? Slot(buffers: bufferNames.map { _ in .zeros(parameter.shape, type: parameter.value.type) })
    slot.step += 1
    for index in slot.buffers.indices { slot.buffers[index].makeUnique() }
    body(slot.step, slot.buffers)
    slots[key] = slot
  }

  func exported(_ groups: [ParameterGroup]) -> [NamedTensor] {
    groups.flatMap(\.parameters).flatMap { parameter -> [NamedTensor] in
      guard let slot = slots[ObjectIdentifier(parameter)] else { return [] }
      return [NamedTensor("\(parameter.name).step", Tensor(indices: [Int32(slot.step)], shape: []))]
        + zip(bufferNames, slot.buffers).map { NamedTensor("\(parameter.name).\($0)", $1) }
    }
  }

  mutating func restore(_ state: [NamedTensor], _ groups: [ParameterGroup]) throws {
    var byName: [String: Tensor] = [:]
    for entry in state { byName[entry.name] = entry.tensor }
    var restored: [ObjectIdentifier: Slot] = [:]
    for parameter in groups.flatMap(\.parameters) {
      let names = ["step"] + bufferNames
      let tensors = names.map { byName.removeValue(forKey: "\(parameter.name).\($0)") }
      guard tensors.contains(where: { $0 != nil }) else { continue }
      for (name, tensor) in zip(names, tensors) {
        guard let tensor else { throw OptimizerStateError.incomplete(parameter: parameter.name, missing: name) }
        let expected = name == "step" ? [] : parameter.shape
        guard tensor.shape == expected, tensor.type == (name == "step" ? .int32 : parameter.value.type) else {
          throw OptimizerStateError.shape(name: "\(parameter.name).\(name)", expected: expected, found: tensor.shape)
        }
      }
      let found = tensors.compactMap { $0 }
      restored[ObjectIdentifier(parameter)] = Slot(step: Int(found[0].item()), buffers: Array(found.dropFirst()))
    }
    if let stray = state.first(where: { byName[$0.name] != nil }) { throw OptimizerStateError.unknown(name: stray.name) }
    slots = restored
  }
}
