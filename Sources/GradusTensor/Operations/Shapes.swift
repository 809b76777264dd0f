import CGradusKernels
import GradusCore

extension Tensor {
  /// A fresh tensor of `target`, filled by walking this one with `sourceStrides` from element `offset`.
  func copied(to target: [Int], sourceStrides: [Int], offset: Int = 0) -> Tensor {
    let result = Tensor(uninitialized: target, type: type)
    result.write(from: self, dims: target, sourceStrides: sourceStrides, sourceOffset: offset,
      strides: target.rowMajorStrides, offset: 0)
    return result
  }

  /// Copies a strided block of `source` into a strided block of this fresh tensor.
  func write(
    from source: Tensor, dims: [Int], sourceStrides: [Int], sourceOffset: Int, strides: [Int], offset: Int
  ) {
    guard dims.product > 0 else { return }
    let plan = StridePlan(dims: dims, first: sourceStrides, second: strides)
    let bytes = type.byteCount
    let from = source.storage.base + sourceOffset * bytes
    let to = storage.base + offset * bytes
    defer { keepAlive(self, source) }
    WorkerPool.shared.forEachRange(count: plan.rows, grain: Swift.max(1, elementGrain / plan.width)) { range in
      withUnsafePointer(to: plan.strides) {
        grd_tensor_copy_strided(from, to, $0, range.lowerBound, range.upperBound, bytes)
      }
    }
  }

  /// The same elements in another shape; shares the buffer. One extent may be -1: it follows from the count.
  public func reshaped(to target: [Int]) -> Tensor {
    var target = target
    if let open = target.firstIndex(of: -1) {
      target[open] = 1
      let rest = target.product
      guard rest > 0, count % rest == 0 else {
        preconditionFailure("shape \(shape) cannot become \(target) with one open extent")
      }
      target[open] = count / rest
    }
    if target == shape { return self }
    guard target.product == count else { preconditionFailure("shape \(shape) cannot become \(target)") }
    let source = shape
    return Tensor(storage: storage, shape: target, type: type).recorded("reshaped", [self]) {
      [$0.upstream.reshaped(to: source)]
    }
  }

  /// Axes in a new order: axis `i` of the result is axis `order[i]` of this tensor.
  public func permuted(_ order: [Int]) -> Tensor {
    let order = order.map { axis($0, "permuted") }
    guard order.count == rank, Set(order).count == rank else { preconditionFailure("permuted: \(order) of shape \(shape)") }
    if order == Array(0..<rank) { return self }
    let strides = shape.rowMajorStrides
    let result = copied(to: order.map { shape[$0] }, sourceStrides: order.map { strides[$0] })
    return result.recorded("permuted", [self]) { context in
      var inverse = order
      for (position, axis) in order.enumerated() { inverse[axis] = position }
      return [context.upstream.permuted(inverse)]
    }
  }

  /// Two axes exchanged; the last two unless named.
  public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor {
    var order = Array(0..<rank)
    order.swapAt(axis(first, "transposed"), axis(second, "transposed"))
    return permuted(order)
  }

  /// An axis of extent 1 put in at `position` (which may be `rank`, or count from the end of the result).
  public func expandingDims(at position: Int) -> Tensor {
    let resolved = position < 0 ? position + rank + 1 : position
    guard resolved >= 0, resolved <= rank else { preconditionFailure("expandingDims: position \(position) in shape \(shape)") }
    var target = shape
    target.insert(1, at: resolved)
    return reshaped(to: target)
  }

  /// An axis of extent 1 taken away.
  public func squeezed(_ axis: Int) -> Tensor {
    let axis = self.axis(axis, "squeezed")
    guard shape[axis] == 1 else { preconditionFailure("squeezed: axis \(axis) of shape \(shape) has not extent 1") }
    var target = shape
    target.remove(at: axis)
    return reshaped(to: target)
  }

  /// Positions `start..<end` of an axis.
  public func slice(axis: Int, from start: Int, to end: Int) -> Tensor {
    let axis = self.axis(axis, "slice")
    guard start >= 0, start <= end, end <= shape[axis] else {
      preconditionFailure("slice: \(start)..<\(end) of axis \(axis) of shape \(shape)")
    }
    if start == 0 && end == shape[axis] { return self }
    var target = shape
    target[axis] = end - start
    let strides = shape.rowMajorStrides
    let result = copied(to: target, sourceStrides: strides, offset: start * strides[axis])
    let extent = shape[axis]
    return result.recorded("slice", [self]) { [$0.upstream.padded(axis: axis, before: start, after: extent - end)] }
  }

  /// Zeros (or another constant) before and after an axis.
  public func padded(axis: Int, before: Int, after: Int, value: Double = 0) -> Tensor {
    let axis = self.axis(axis, "padded")
    guard before >= 0, after >= 0 else { preconditionFailure("padded: \(before) and \(after) for shape \(shape)") }
    if before == 0 && after == 0 { return self }
    var target = shape
    target[axis] += before + after
    let result = value == 0 ? Tensor.zeros(target, type: type) : .full(target, value, type: type)
    let strides = target.rowMajorStrides
    result.write(from: self, dims: shape, sourceStrides: shape.rowMajorStrides, sourceOffset: 0,
      strides: strides, offset: before * strides[axis])
    let extent = shape[axis]
    return result.recorded("padded", [self]) { [$0.upstream.slice(axis: axis, from: before, to: before + extent)] }
  }

  /// An axis in reverse order.
  public func flipped(_ axis: Int) -> Tensor {
    let axis = self.axis(axis, "flipped")
    var strides = shape.rowMajorStrides
    let offset = Swift.max(0, shape[axis] - 1) * strides[axis]
    strides[axis] = -strides[axis]
    return copied(to: shape, sourceStrides: strides, offset: offset).recorded("flipped", [self]) { [$0.upstream.flipped(axis)] }
  }

  /// Pieces of the given extents along an axis, in order; extents must add up to the axis.
  public func split(_ extents: [Int], axis: Int) -> [Tensor] {
    let axis = self.axis(axis, "split")
    guard extents.reduce(0, +) == shape[axis] else {
      preconditionFailure("split: \(extents) along axis \(axis) of shape \(shape)")
    }
    var start = 0
    return extents.map { extent in
      defer { start += extent }
      return slice(axis: axis, from: start, to: start + extent)
    }
  }

  /// Values of another floating-point type, or of indices or truth values as numbers.
  public func cast(to target: ScalarType) -> Tensor {
    if target == type { return self }
    let result = Tensor(uninitialized: shape, type: target)
    defer { keepAlive(self, result) }
    switch (type, target) {
    case (.float32, .float64): grd_tensor_cast_f32_f64(f32, result.f64, count)
    case (.float64, .float32): grd_tensor_cast_f64_f32(f64, result.f32, count)
    case (.int32, .float32): grd_tensor_cast_i32_f32(i32, result.f32, count)
    case (.int32, .float64): grd_tensor_cast_i32_f64(i32, result.f64, count)
    case (.bool, .float32): grd_tensor_cast_u8_f32(u8, result.f32, count)
    case (.bool, .float64): grd_tensor_cast_u8_f64(u8, result.f64, count)
    default: preconditionFailure("cast: no conversion from \(type) to \(target) for shape \(shape)")
    }
    let source = type
    return result.recorded("cast", [self]) { [$0.upstream.cast(to: source)] }
  }
}

extension Array where Element == Int {
  /// Elements between neighbours along each axis of a row-major tensor of this shape.
  var rowMajorStrides: [Int] {
    var strides = Array(repeating: 1, count: count)
    for axis in indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * self[axis + 1] }
    return strides
  }
}

/// Tensors one after the other along an axis; all other extents must be equal.
public func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  guard let first = tensors.first else { preconditionFailure("concatenated needs at least one tensor") }
  if tensors.count == 1 { return first }
  let axis = first.axis(axis, "concatenated")
  var target = first.shape
  target[axis] = 0
  for tensor in tensors {
    first.requireSameType(tensor, "concatenated")
    var rest = tensor.shape
    guard rest.count == target.count else { preconditionFailure("concatenated: shapes \(first.shape) and \(tensor.shape)") }
    rest[axis] = target[axis]
    guard rest == target else { preconditionFailure("concatenated along \(axis): shapes \(first.shape) and \(tensor.shape)") }
    target[axis] += tensor.shape[axis]
  }
  let result = Tensor(uninitialized: target, type: first.type)
  let strides = target.rowMajorStrides
  var start = 0
  for tensor in tensors {
    result.write(from: tensor, dims: tensor.shape, sourceStrides: tensor.shape.rowMajorStrides, sourceOffset: 0,
      strides: strides, offset: start * strides[axis])
    start += tensor.shape[axis]
  }
  let extents = tensors.map { $0.shape[axis] }
  return result.recorded("concatenated", tensors) { context in
    var start = 0
    return extents.enumerated().map { position, extent in
      defer { start += extent }
      return context.needs[position] ? context.upstream.slice(axis: axis, from: start, to: start + extent) : nil
    }
  }
}

/// Tensors of one shape along a new axis.
public func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  concatenated(tensors.map { $0.expandingDims(at: axis) }, axis: axis)
}
