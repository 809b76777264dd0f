import CGradusKernels
import GradusCore

extension Tensor {
  private func requireIndices(_ operation: StaticString, below extent: Int) {
    guard type == .int32 else { preconditionFailure("\(operation) needs int32 indices, not \(type) \(shape)") }
    defer { keepAlive(self) }
    for position in 0..<count where i32[position] < 0 || Int(i32[position]) >= extent {
      preconditionFailure("\(operation): index \(i32[position]) at position \(position) is outside 0..<\(extent)")
    }
  }

  private func extents(around axis: Int) -> (outer: Int, extent: Int, inner: Int) {
    (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
  }

  /// Whole slices along an axis, by index: the axis is replaced by the shape of `indices`.
  ///
  /// With axis 0 of a `[vocabulary, width]` table this is the embedding lookup; the gradient adds rows. Of a parameter with more
  /// rows than are looked up it is row-sparse (``RowSparseGradient``).
  public func indexSelect(_ indices: Tensor, axis: Int = 0) -> Tensor {
    requireFloatingPoint("indexSelect")
    let axis = self.axis(axis, "indexSelect")
    let (outer, extent, inner) = extents(around: axis)
    indices.requireIndices("indexSelect", below: extent)
    let target = Array(shape[..<axis]) + indices.shape + Array(shape[(axis + 1)...])
    let result = Tensor(uninitialized: target, type: type)
    let picked = indices.count
    if result.count > 0 {
      defer { keepAlive(self, indices, result) }
      profiled(.lookup) {
        WorkerPool.shared.forEachRange(count: picked, grain: Swift.max(1, elementGrain / inner)) { range in
          for o in 0..<outer {
            let to = (o * picked + range.lowerBound) * inner
            if isDouble {
              grd_tensor_index_select_f64(f64 + o * extent * inner, indices.i32 + range.lowerBound, result.f64 + to, 1, extent,
                range.count, inner, 0, inner)
            } else {
              grd_tensor_index_select_f32(f32 + o * extent * inner, indices.i32 + range.lowerBound, result.f32 + to, 1, extent,
                range.count, inner, 0, inner)
            }
          }
        }
      }
    }
    let source = shape
    return result.recordedGradients("indexSelect", [self]) { context in
      let g = context.upstream.reshaped(to: Array(source[..<axis]) + [picked] + Array(source[(axis + 1)...]))
      if context.takesRows[0], axis == 0, source.count == 2, picked < extent, inner > 0 {
        return [.rowSparse(RowSparseGradient(lookups: indices.indices(), upstream: g, shape: source))]
      }
      return [.dense(g.indexAdded(indices.reshaped(to: [picked]), extent: extent, axis: axis))]
    }
  }

  /// Zeros with `extent` positions along an axis, to which the slices of this tensor are added at `indices` (one per
  /// position of the axis, in order). The opposite of ``indexSelect(_:axis:)``.
  public func indexAdded(_ indices: Tensor, extent: Int, axis: Int = 0) -> Tensor {
    requireFloatingPoint("indexAdded")
    let axis = self.axis(axis, "indexAdded")
    let (outer, added, inner) = extents(around: axis)
    indices.requireIndices("indexAdded", below: extent)
    guard indices.shape == [added] else {
      preconditionFailure("indexAdded: indices \(indices.shape) for axis \(axis) of \(shape)")
    }
    var target = shape
    target[axis] = extent
    let result = Tensor(uninitialized: target, type: type)
    profiled(.lookup) {
      result.clear()
      guard result.count > 0 && added > 0 else { return }
      defer { keepAlive(self, indices, result) }
      // Columns are split, never the rows: every element receives its terms in the order of the indices.
      let grain = Swift.max(16, elementGrain / Swift.max(1, outer * added))
      WorkerPool.shared.forEachRange(count: inner, grain: grain) { range in
        if isDouble {
          grd_tensor_index_add_f64(f64, indices.i32, result.f64, outer, extent, added, inner, range.lowerBound, range.count)
        } else {
          grd_tensor_index_add_f32(f32, indices.i32, result.f32, outer, extent, added, inner, range.lowerBound, range.count)
        }
      }
    }
    return result.recorded("indexAdded", [self]) { [$0.upstream.indexSelect(indices, axis: axis)] }
  }

  /// Elements picked along an axis: `out[i][j] = self[indices[i][j]][j]` for axis 0. All other extents are equal.
  public func gather(_ indices: Tensor, axis: Int) -> Tensor {
    requireFloatingPoint("gather")
    let axis = self.axis(axis, "gather")
    let (outer, extent, inner) = extents(around: axis)
    indices.requireIndices("gather", below: extent)
    requireMatchingExtents(indices.shape, axis, "gather")
    let picked = indices.shape[axis]
    let result = Tensor(uninitialized: indices.shape, type: type)
    defer { keepAlive(self, indices, result) }
    if isDouble {
      grd_tensor_gather_f64(f64, indices.i32, result.f64, outer, extent, picked, inner)
    } else {
      grd_tensor_gather_f32(f32, indices.i32, result.f32, outer, extent, picked, inner)
    }
    return result.recorded("gather", [self]) { [$0.upstream.scatterAdded(indices, extent: extent, axis: axis)] }
  }

  /// Zeros with `extent` positions along an axis, to which each element is added at its index. The opposite of gather.
  public func scatterAdded(_ indices: Tensor, extent: Int, axis: Int) -> Tensor {
    requireFloatingPoint("scatterAdded")
    let axis = self.axis(axis, "scatterAdded")
    guard indices.shape == shape else { preconditionFailure("scatterAdded: indices \(indices.shape) for values \(shape)") }
    indices.requireIndices("scatterAdded", below: extent)
    let (outer, added, inner) = extents(around: axis)
    var target = shape
    target[axis] = extent
    let result = Tensor.zeros(target, type: type)
    defer { keepAlive(self, indices, result) }
    if isDouble {
      grd_tensor_scatter_add_f64(f64, indices.i32, result.f64, outer, extent, added, inner)
    } else {
      grd_tensor_scatter_add_f32(f32, indices.i32, result.f32, outer, extent, added, inner)
    }
    return result.recorded("scatterAdded", [self]) { [$0.upstream.gather(indices, axis: axis)] }
  }

  private func requireMatchingExtents(_ other: [Int], _ axis: Int, _ operation: StaticString) {
    var masked = other
    guard other.count == rank else { preconditionFailure("\(operation): indices \(other) for shape \(shape)") }
    masked[axis] = shape[axis]
    guard masked == shape else { preconditionFailure("\(operation) along \(axis): indices \(other) for shape \(shape)") }
  }

  /// 1 at each index and 0 elsewhere: shape of the indices plus a last axis of extent `depth`.
  public func oneHot(depth: Int, type: ScalarType = .float32) -> Tensor {
    requireIndices("oneHot", below: depth)
    let ones = Tensor.ones(shape + [1], type: type)
    return ones.scatterAdded(reshaped(to: shape + [1]), extent: depth, axis: -1)
  }
}
