import GradusCore

/// A part of a model that owns parameters.
///
///     struct Scorer: Module {
///       let hidden: Linear, output: Linear
///       var parameters: [Parameter] { hidden.parameters + output.parameters }
///     }
///
/// The order of `parameters` is fixed and is the order of everything that walks over them: initialisation, optimizer
/// state, norms. Names are unique; a module passes `name` on to its parts (`"\(name).dense"`).
public protocol Module {
  var parameters: [Parameter] { get }
}

extension Module {
  public var trainableParameters: [Parameter] { parameters.filter(\.isTrainable) }
  /// Number of weights, trainable or not.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }

  /// The parameter of that name, or nil.
  public func parameter(named name: String) -> Parameter? { parameters.first { $0.name == name } }
}

/// A dotted name from its parts; empty parts are left out, so that a module without a prefix has plain names.
public func dottedName(_ parts: String...) -> String { parts.filter { !$0.isEmpty }.joined(separator: ".") }

/// What a forward pass needs to know beside its input: training or inference, and where randomness comes from.
///
/// One context per forward pass; each dropout takes the next number of its stream, so the masks of a pass follow from the
/// seed and from the order of the layers, not from threads.
///
///     let context = ForwardContext(training: generator.stream("dropout", step))
///     let scores = model(batch, context)
public final class ForwardContext {
  public let isTraining: Bool
  /// Whether dropout drops: in training, unless it is turned off to compare losses.
  public let drops: Bool
  /// Whether encoders keep one input a layer and compute the rest again in the backward pass: less memory, one more forward
  /// pass, the same bits (``checkpointed(_:parameters:body:again:)``).
  public let checkpointsActivations: Bool
  private var generator: SeededGenerator

  /// For training: dropout is on, and batch normalisation uses and updates statistics of the batch.
  public convenience init(training generator: SeededGenerator, dropout: Bool = true, checkpointsActivations: Bool = false) {
    self.init(isTraining: true, drops: dropout, checkpointsActivations: checkpointsActivations, generator: generator)
  }

  private init(isTraining: Bool, drops: Bool, checkpointsActivations: Bool, generator: SeededGenerator) {
    self.isTraining = isTraining
    self.drops = drops
    self.checkpointsActivations = checkpointsActivations
    self.generator = generator
  }

  /// For scoring: nothing random happens.
  public static var inference: ForwardContext {
    ForwardContext(isTraining: false, drops: false, checkpointsActivations: false, generator: SeededGenerator(seed: 0))
  }

  /// A context that goes on from here as this one will: the same seeds, independently.
  public func copy() -> ForwardContext {
    ForwardContext(
      isTraining: isTraining, drops: drops, checkpointsActivations: checkpointsActivations, generator: generator)
  }

  /// The next seed of this pass's stream.
  public func nextSeed() -> UInt64 { generator.next() }
}
