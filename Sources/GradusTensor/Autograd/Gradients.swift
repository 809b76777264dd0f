import CGradusKernels
import GradusCore

/// Gradients of `output` with respect to `inputs`, by reverse-mode differentiation.
///
///     let x = Tensor([3.0], shape: []).tracked()
///     let first = try gradients(of: x * x * x, withRespectTo: [x], keepingGraph: true)[0]   // 3 x^2 = 27
///     let second = try gradients(of: first, withRespectTo: [x])[0]                          // 6 x = 18
///
/// - Parameters:
///   - output: A recorded tensor; one element unless `upstream` is given.
///   - inputs: Tracked tensors, leaves or results. One that `output` does not depend on gets zeros.
///   - upstream: Gradient of the final quantity with respect to `output`, same shape; ones if nil.
///   - keepingGraph: Keeps the graph for another pass, and records the backward pass itself, so that the result can be
///     differentiated again. Otherwise the graph is freed as the pass proceeds.
/// - Returns: One tensor per input, of its shape.
/// - Throws: ``AutogradError``.
public func gradients(
  of output: Tensor, withRespectTo inputs: [Tensor], upstream: Tensor? = nil, keepingGraph: Bool = false
) throws -> [Tensor] {
  try gradients(
    of: output, withRespectTo: inputs, takesRows: inputs.map { _ in false }, upstream: upstream, keepingGraph: keepingGraph
  ).map { $0.densified() }
}

/// Gradients of `output` with respect to parameters, as ``GradientStore`` adds them up: row-sparse for tables of which few rows
/// were looked up. With `keepingGraph` all are dense.
///
/// - Parameters: As of ``gradients(of:withRespectTo:upstream:keepingGraph:)``.
/// - Throws: ``AutogradError``.
public func gradients(
  of output: Tensor, for parameters: [Parameter], upstream: Tensor? = nil, keepingGraph: Bool = false
) throws -> [Gradient] {
  try gradients(
    of: output, withRespectTo: parameters.map(\.value), takesRows: parameters.map { _ in true }, upstream: upstream,
    keepingGraph: keepingGraph)
}

/// - Parameter takesRows: For each input, whether its gradient may be row-sparse. That of an operation's result never is.
func gradients(
  of output: Tensor, withRespectTo inputs: [Tensor], takesRows: [Bool], upstream: Tensor?, keepingGraph: Bool
) throws -> [Gradient] {
  guard let root = output.node else { throw AutogradError.outputNotTracked }
  for (position, input) in inputs.enumerated() where input.node == nil {
    throw AutogradError.inputNotTracked(position: position)
  }
  if let upstream {
    guard upstream.shape == output.shape else {
      throw AutogradError.upstreamShape(expected: output.shape, found: upstream.shape)
    }
  } else if output.count != 1 {
    throw AutogradError.notScalar(shape: output.shape)
  }
  // A backward pass that is itself recorded consists of tensors.
  let mayBeSparse = zip(inputs, takesRows).map { $1 && !keepingGraph && $0.node?.isLeaf == true && $0.isMatrix }
  var pass = try BackwardPass(
    root: root, targets: inputs.compactMap(\.node), rowTargets: zip(inputs, mayBeSparse).compactMap { $1 ? $0.node : nil })
  return try Recording.$isOn.withValue(keepingGraph) {
    let found = try pass.run(upstream: upstream ?? .ones(output.shape, type: output.type), keepingGraph: keepingGraph)
    return inputs.indices.map { position in
      if let gradient = found[position] { return gradient }
      let (shape, type) = (inputs[position].shape, inputs[position].type)
      return mayBeSparse[position] ? .rowSparse(RowSparseGradient(zeros: shape, type: type)) : .dense(.zeros(shape, type: type))
    }
  }
}

/// One backward pass: the nodes between the output and the targets, latest first, with their gradients so far.
private struct BackwardPass {
  private var nodes: [GraphNode] = []
  private var position: [ObjectIdentifier: Int] = [:]
  private var slots: [Gradient?] = []
  private let targets: [GraphNode]
  /// Leaves whose gradient may be row-sparse.
  private let rowTargets: Set<ObjectIdentifier>

  init(root: GraphNode, targets: [GraphNode], rowTargets: [GraphNode]) throws {
    self.targets = targets
    self.rowTargets = Set(rowTargets.map(ObjectIdentifier.init))
    var reached: [GraphNode] = []
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var pending = [root]
    while let node = pending.popLast() {
      reached.append(node)
      if !node.isLeaf && node.rule == nil { throw AutogradError.graphReleased("\(node.operation)") }
      for case let input? in node.inputs where seen.insert(ObjectIdentifier(input)).inserted { pending.append(input) }
    }
    // Inputs come before their users in the order of recording, so one ascending sweep finds what leads to a target.
    reached.sort { $0.sequence < $1.sequence }
    var leads = Set(targets.map(ObjectIdentifier.init))
    for node in reached where node.inputs.contains(where: { $0.map { leads.contains(ObjectIdentifier($0)) } ?? false }) {
      leads.insert(ObjectIdentifier(node))
    }
    nodes = reached.reversed().filter { leads.contains(ObjectIdentifier($0)) }
    for (index, node) in nodes.enumerated() { position[ObjectIdentifier(node)] = index }
    slots = Array(repeating: nil, count: nodes.count)
  }

  mutating func run(upstream: Tensor, keepingGraph: Bool) throws -> [Gradient?] {
    if !nodes.isEmpty { slots[0] = .dense(upstream) }
    let wanted = Set(targets.map(ObjectIdentifier.init))
    for index in nodes.indices {
      let node = nodes[index]
      guard !node.isLeaf, let gradient = slots[index] else { continue }
      let needs = node.inputs.map { input in input.map { position[ObjectIdentifier($0)] != nil } ?? false }
      let takesRows = node.inputs.map { input in input.map { rowTargets.contains(ObjectIdentifier($0)) } ?? false }
      guard needs.contains(true) else { continue }
      guard let rule = node.rule else { throw AutogradError.graphReleased("\(node.operation)") }
      if !wanted.contains(ObjectIdentifier(node)) { slots[index] = nil }
      var output = node.savedOutput
      if keepingGraph { output?.node = node }
      // What is not a leaf has a dense gradient.
      let parts = try rule(
        BackwardContext(upstream: gradient.densified(), savedOutput: output, needs: needs, takesRows: takesRows))
      for (input, part) in zip(node.inputs, parts) {
        guard let input, let part, let slot = position[ObjectIdentifier(input)] else { continue }
        accumulate(part, into: slot, keepingGraph: keepingGraph)
      }
      if !keepingGraph { node.release() }
    }
    return targets.map { target in position[ObjectIdentifier(target)].flatMap { slots[$0] } }
  }

  private mutating func accumulate(_ part: Gradient, into slot: Int, keepingGraph: Bool) {
    guard var sum = slots[slot] else {
      slots[slot] = part
      return
    }
    slots[slot] = nil
    if keepingGraph {
      sum = .dense(sum.densified() + part.densified())
    } else {
      sum.add(part)
    }
    slots[slot] = sum
  }
}

extension Tensor {
  /// Whether it has rows and columns, of which the latter are not empty.
  fileprivate var isMatrix: Bool { rank == 2 && shape[1] > 0 }

  /// `self += scale * other`, in place where the buffer is not shared; records nothing.
  mutating func add(_ other: Tensor, scale: Double = 1) {
    guard shape == other.shape, type == other.type else {
      preconditionFailure("cannot add a gradient of shape \(other.shape) to one of shape \(shape)")
    }
    makeUnique()
    let target = self
    defer { keepAlive(target, other) }
    profiled(.accumulation) {
      WorkerPool.shared.forEachRange(count: count, grain: elementGrain) { range in
        if target.isDouble {
          grd_tensor_accumulate_f64(target.f64 + range.lowerBound, other.f64 + range.lowerBound, range.count, scale)
        } else {
          grd_tensor_accumulate_f32(target.f32 + range.lowerBound, other.f32 + range.lowerBound, range.count, scale)
        }
      }
    }
  }
}
