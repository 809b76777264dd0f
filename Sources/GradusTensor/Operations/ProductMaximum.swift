import CGradusOneDNN
import GradusCore

/// The largest value of each column of `x weight^T` over each sequence's rows, without the product in memory: what max pooling
/// over a vocabulary needs. Not recorded: for inference.
///
///     let peaks = segmentMaxProduct(states, weight: wordEmbeddings, batch)   // [sequences, vocabulary]
///
/// Blocks of the product are compared while they are in the cache. A sequence's values have the same bits whatever else is in the
/// batch and for any number of threads.
///
/// - Parameters:
///   - x: `[batch.total, inputs]`, float32.
///   - weight: `[outputs, inputs]`, float32.
/// - Returns: `[batch.count, outputs]`; -inf for an empty sequence.
public func segmentMaxProduct(_ x: Tensor, weight: Tensor, _ batch: RaggedBatch) -> Tensor {
  guard x.type == .float32, weight.type == .float32, x.rank == 2, weight.rank == 2, x.shape[1] == weight.shape[1],
    x.shape[0] == batch.total
  else { preconditionFailure("segmentMaxProduct: x \(x.shape), weight \(weight.shape), \(batch.total) rows") }
  let rows = batch.total, inputs = x.shape[1], outputs = weight.shape[0]
  let result = Tensor.full([batch.count, outputs], -.infinity)
  guard rows > 0, outputs > 0 else { return result }
  defer { keepAlive(x, weight, result) }
  // A block of the product and its columns' weights fit the second-level cache together.
  let across = (outputs + 511) / 512
  let width = ((outputs + across - 1) / across + 15) / 16 * 16
  let height = 96
  WorkerPool.shared.forEach(count: across) { piece in
    let left = piece * width
    let count = min(width, outputs - left)
    guard count > 0 else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: height * count) { block in
      guard let block = block.baseAddress else { return }
      var sequence = 0
      for top in stride(from: 0, to: rows, by: height) {
        let here = min(height, rows - top)
        let status = grd_sgemm(
          false, true, here, count, inputs, 1, x.f32 + top * inputs, inputs, weight.f32 + left * inputs, inputs, 0, block,
          count)
        guard status == GRD_GEMM_OK else {
          preconditionFailure("oneDNN refused a product of \(x.shape) and \(weight.shape): status \(status.rawValue)")
        }
        for row in 0..<here {
          while batch.range(sequence).upperBound <= top + row { sequence += 1 }
          let values = block + row * count
          let peaks = result.f32 + sequence * outputs + left
          for column in 0..<count { peaks[column] = values[column] > peaks[column] ? values[column] : peaks[column] }
        }
      }
    }
  }
  return result
}
