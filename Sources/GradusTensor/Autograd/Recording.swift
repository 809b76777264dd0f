enum Recording {
  /// Whether operations on tracked tensors record themselves, for the current thread or task.
  @TaskLocal static var isOn = true
}

/// Runs `body` without recording: results are constants, and intermediate values are freed at once.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try Recording.$isOn.withValue(false, operation: body)
}

extension Tensor {
  /// The same values as a new leaf that gradients can be asked for.
  public func tracked() -> Tensor {
    requireFloatingPoint("tracked()")
    return Tensor(storage: storage, shape: shape, type: type, node: GraphNode(leaf: "leaf"))
  }

  /// The same values as a constant: no gradient flows through.
  public func detached() -> Tensor { Tensor(storage: storage, shape: shape, type: type) }

  /// Records `operation` on this fresh result if an input is tracked and recording is on.
  ///
  /// The rule must not capture this result (`savingOutput` keeps it without a cycle), and tracked tensors that it
  /// captures must be among `inputs`.
  func recorded(
    _ operation: StaticString, _ inputs: [Tensor], savingOutput: Bool = false,
    rule: @escaping (BackwardContext) throws -> [Tensor?]
  ) -> Tensor {
    recordedGradients(operation, inputs, savingOutput: savingOutput) { try rule($0).map { $0.map(Gradient.dense) } }
  }

  /// The same for a rule that may give row-sparse gradients.
  func recordedGradients(
    _ operation: StaticString, _ inputs: [Tensor], savingOutput: Bool = false, rule: @escaping BackwardRule
  ) -> Tensor {
    guard inputs.contains(where: { $0.node != nil }), Recording.isOn else { return self }
    let node = GraphNode(operation, inputs: inputs.map(\.node), savedOutput: savingOutput ? self : nil, rule: rule)
    return Tensor(storage: storage, shape: shape, type: type, node: node)
  }
}
