import CGradusKernels
import GradusCore

// Reductions over the rows of each sequence of a packed batch: `[batch.total, ..]` to `[batch.count, ..]`.

extension Tensor {
  private func requireRows(of batch: RaggedBatch, _ operation: StaticString) {
    requireFloatingPoint(operation)
    guard rank >= 1, shape[0] == batch.total else {
      preconditionFailure("\(operation): shape \(shape) for a batch of \(batch.total) rows")
    }
  }

  /// Sum of each sequence's rows; zeros for an empty sequence.
  public func segmentSum(_ batch: RaggedBatch) -> Tensor {
    requireRows(of: batch, "segmentSum")
    return indexAdded(batch.segmentIndices, extent: batch.count)
  }

  /// Mean of each sequence's rows; zeros for an empty sequence.
  public func segmentMean(_ batch: RaggedBatch) -> Tensor {
    let scale = Tensor(batch.lengths.map { 1 / Double(Swift.max(1, $0)) }, shape: [batch.count]).cast(to: type)
    return segmentSum(batch) * scale.reshaped(to: [batch.count] + Array(repeating: 1, count: rank - 1))
  }

  /// Largest value of each sequence's rows, column by column; ties share the gradient, an empty sequence gives -inf.
  public func segmentMax(_ batch: RaggedBatch) -> Tensor {
    requireRows(of: batch, "segmentMax")
    let inner = shape.dropFirst().reduce(1, *)
    let result = Tensor.full([batch.count] + shape.dropFirst(), -.infinity, type: type)
    defer { keepAlive(self, result) }
    WorkerPool.shared.forEach(count: inner == 0 ? 0 : batch.count) { sequence in
      let range = batch.range(sequence)
      guard !range.isEmpty else { return }
      let (from, to) = (range.lowerBound * inner, sequence * inner)
      if isDouble {
        grd_tensor_reduce_f64(GRD_MAX, f64 + from, result.f64 + to, 0, 1, range.count, inner, 0, inner)
      } else {
        grd_tensor_reduce_f32(GRD_MAX, f32 + from, result.f32 + to, 0, 1, range.count, inner, 0, inner)
      }
    }
    let source = detached(), values = result
    return result.recorded("segmentMax", [self]) { context in
      let indices = batch.segmentIndices
      let isLargest = (source .== values.indexSelect(indices)).cast(to: source.type)
      let share = isLargest / isLargest.segmentSum(batch).indexSelect(indices)
      return [context.upstream.indexSelect(indices) * share]
    }
  }

  /// `log(sum(exp(rows)))` of each sequence, without overflow; -inf for an empty sequence.
  public func segmentLogSumExp(_ batch: RaggedBatch) -> Tensor {
    let indices = batch.segmentIndices
    let peak = detached().segmentMax(batch).clamp(-Double(Float.greatestFiniteMagnitude), .infinity)
    let sums = (self - peak.indexSelect(indices)).exp().segmentSum(batch)
    return sums.log() + peak
  }

  /// Logarithms of the probabilities over each sequence's rows, column by column.
  public func segmentLogSoftmax(_ batch: RaggedBatch) -> Tensor {
    requireRows(of: batch, "segmentLogSoftmax")
    return self - segmentLogSumExp(batch).indexSelect(batch.segmentIndices)
  }

  /// Probabilities over each sequence's rows, column by column.
  public func segmentSoftmax(_ batch: RaggedBatch) -> Tensor { segmentLogSoftmax(batch).exp() }
}
