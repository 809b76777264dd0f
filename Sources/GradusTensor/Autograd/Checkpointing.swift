/// Runs a part of a model without keeping what its gradient needs: the backward pass runs it again (Chen et al., 2016,
/// "Training deep nets with sublinear memory cost").
///
///     let seeds = context.copy()
///     let y = checkpointed([x], parameters: layer.parameters) { layer($0[0], context) } again: { layer($0[0], seeds.copy()) }
///
/// Of the part, its inputs alone stay in memory until the backward pass. The price is one more forward pass. Gradients have
/// the bits that they have without, where the part computes the same twice (what is random in it must start from the same
/// seeds), and where an input that others use too is used once in it.
///
/// - Parameters:
///   - inputs: What the part reads, but for its parameters; gradients reach only tensors that are named.
///   - parameters: All that the part reads.
///   - body: The part, called once, now.
///   - again: The same, called in each backward pass.
public func checkpointed(
  _ inputs: [Tensor], parameters: [Parameter], body: ([Tensor]) throws -> Tensor,
  again: @escaping ([Tensor]) throws -> Tensor
) rethrows -> Tensor {
  let y = try withoutGradients { try body(inputs) }
  let leaves = parameters.map(\.value)
  return y.detached().recordedGradients("checkpoint", inputs + leaves) { context in
    // A backward pass that is itself recorded has to reach what made the inputs.
    let own = Recording.isOn ? inputs : zip(inputs, context.needs).map { $1 ? $0.detached().tracked() : $0.detached() }
    let output = try Recording.$isOn.withValue(true) { try again(own) }
    func wanted<Element>(_ list: [Element]) -> [Element] { zip(context.needs, list).filter(\.0).map(\.1) }
    var found = try gradients(
      of: output, withRespectTo: wanted(own + leaves), takesRows: wanted(context.takesRows), upstream: context.upstream,
      keepingGraph: Recording.isOn)[...]
    return context.needs.map { $0 ? found.popFirst() : nil }
  }
}
