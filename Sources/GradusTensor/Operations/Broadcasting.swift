import CGradusKernels

/// How two operands are walked together: NumPy's rule, with neighbouring dimensions merged where both allow it.
struct BroadcastPlan {
  let shape: [Int]
  var strides: grd_strides
  /// Runs of the innermost dimension, and their length.
  let rows: Int
  let width: Int

  init(_ first: [Int], _ second: [Int], operation: StaticString) {
    let rank = max(first.count, second.count)
    let a = Array(repeating: 1, count: rank - first.count) + first
    let b = Array(repeating: 1, count: rank - second.count) + second
    var shape: [Int] = []
    for (x, y) in zip(a, b) {
      guard x == y || x == 1 || y == 1 else {
        preconditionFailure("\(operation): shapes \(first) and \(second) cannot be broadcast together")
      }
      shape.append(x == 1 ? y : x)
    }
    self.shape = shape
    let plan = StridePlan(dims: shape, first: Self.strides(of: a), second: Self.strides(of: b))
    strides = plan.strides
    rows = plan.rows
    width = plan.width
  }

  /// Row-major strides with 0 for dimensions of extent 1, which are repeated where the other operand is longer.
  static func strides(of shape: [Int]) -> [Int] {
    var strides = Array(repeating: 0, count: shape.count)
    var step = 1
    for axis in shape.indices.reversed() {
      strides[axis] = shape[axis] == 1 ? 0 : step
      step *= shape[axis]
    }
    return strides
  }
}

/// An iteration space for the strided kernels: dimensions of extent 1 dropped, neighbours merged where they can be.
struct StridePlan {
  var strides: grd_strides
  let rows: Int
  let width: Int

  init(dims: [Int], first: [Int], second: [Int]) {
    var merged: [(dim: Int, first: Int, second: Int)] = []
    for axis in dims.indices where dims[axis] != 1 {
      if let last = merged.last, last.first == first[axis] * dims[axis], last.second == second[axis] * dims[axis] {
        merged[merged.count - 1] = (last.dim * dims[axis], first[axis], second[axis])
      } else {
        merged.append((dims[axis], first[axis], second[axis]))
      }
    }
    if merged.isEmpty { merged = [(1, 1, 1)] }
    strides = grd_strides()
    strides.rank = Int32(merged.count)
    for (axis, entry) in merged.enumerated() {
      Self.set(&strides.dims, axis, entry.dim)
      Self.set(&strides.first, axis, entry.first)
      Self.set(&strides.second, axis, entry.second)
    }
    width = merged[merged.count - 1].dim
    rows = merged.dropLast().reduce(1) { $0 * $1.dim }
  }

  /// Sets one entry of a C array, which Swift sees as a tuple.
  private static func set<Entries>(_ entries: inout Entries, _ index: Int, _ value: Int) {
    withUnsafeMutableBytes(of: &entries) { $0.storeBytes(of: Int64(value), toByteOffset: index * 8, as: Int64.self) }
  }
}

extension Tensor {
  /// Sums over the dimensions that broadcasting added or stretched, to the shape of an operand.
  func reducedToBroadcastSource(_ target: [Int]) -> Tensor {
    if shape == target { return self }
    let added = rank - target.count
    var axes = Array(0..<added)
    for axis in target.indices where target[axis] == 1 && shape[axis + added] != 1 { axes.append(axis + added) }
    let summed = axes.isEmpty ? self : sum(axes: axes, keepDims: true)
    return summed.reshaped(to: target)
  }

  /// Repeats dimensions of extent 1, or adds leading ones, up to `target`.
  public func expanded(to target: [Int]) -> Tensor {
    if shape == target { return self }
    let plan = BroadcastPlan(shape, target, operation: "expanded(to:)")
    guard plan.shape == target else { preconditionFailure("expanded(to:): shape \(shape) does not broadcast to \(target)") }
    let source = shape
    let padded = Array(repeating: 1, count: target.count - source.count) + source
    let result = copied(to: target, sourceStrides: BroadcastPlan.strides(of: padded))
    return result.recorded("expanded", [self]) { [$0.upstream.reducedToBroadcastSource(source)] }
  }
}
