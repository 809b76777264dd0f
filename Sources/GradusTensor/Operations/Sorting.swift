import GradusCore

extension Tensor {
  /// Indices that sort the last axis. Equal values keep the order of their indices; NaN comes last.
  public func argsorted(descending: Bool = false) -> Tensor {
    requireFloatingPoint("argsorted")
    guard let width = shape.last else { preconditionFailure("argsorted needs at least one axis") }
    let result = Tensor(uninitialized: shape, type: .int32)
    guard count > 0 else { return result }
    let values = doubles()
    defer { keepAlive(result) }
    WorkerPool.shared.forEach(count: count / width) { row in
      let start = row * width
      let order = (0..<Int32(width)).sorted { first, second in
        let (a, b) = (values[start + Int(first)], values[start + Int(second)])
        if a == b || (a.isNaN && b.isNaN) { return first < second }
        if a.isNaN || b.isNaN { return b.isNaN }
        return descending ? a > b : a < b
      }
      for (position, index) in order.enumerated() { result.i32[start + position] = index }
    }
    return result
  }

  /// The last axis in order, with where each value came from; the gradient goes back to those places.
  public func sorted(descending: Bool = false) -> (values: Tensor, indices: Tensor) {
    let order = argsorted(descending: descending)
    return (gather(order, axis: -1), order)
  }

  /// The `k` largest values of the last axis, largest first, ties by index.
  public func topK(_ k: Int) -> (values: Tensor, indices: Tensor) {
    guard let width = shape.last, k >= 0, k <= width else { preconditionFailure("topK: \(k) of shape \(shape)") }
    let order = argsorted(descending: true).slice(axis: -1, from: 0, to: k)
    return (gather(order, axis: -1), order)
  }

  /// Index of the largest value along the last axis, the first of equals: shape without that axis.
  public func argmax() -> Tensor {
    requireFloatingPoint("argmax")
    guard let width = shape.last, width > 0 else { preconditionFailure("argmax of an empty axis, shape \(shape)") }
    let values = doubles()
    let best = stride(from: 0, to: values.count, by: width).map { start in
      Int32((1..<width).reduce(0) { values[start + $1] > values[start + $0] ? $1 : $0 })
    }
    return Tensor(indices: best, shape: Array(shape.dropLast()))
  }
}
