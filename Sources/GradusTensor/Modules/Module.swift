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
  private var generator: SeededGenerator

  /// For training: dropout is on, and batch normalisation uses and updates statistics of the batch.
  public init(training generator: SeededGenerator) {
    isTraining = true
    self.generator = generator
  }

  private init() {
    isTraining = false
    generator = SeededGenerator(seed: 0)
  }

  /// For scoring: nothing random happens.
  public static var inference: ForwardContext { ForwardContext() }

  /// The next seed of this pass's stream.
  public func nextSeed() -> UInt64 { generator.next() }
}
