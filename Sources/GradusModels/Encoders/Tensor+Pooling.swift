import GradusTensor
extension Tensor {
  func segmentMean(_ batch: RaggedBatch) -> Tensor {
    let segments = (0..<batch.count).flatMap { [Int32](repeating: Int32($0), count: batch.range($0).count) }
    let scales = batch.lengths.map { Float($0 == 0 ? 0 : 1 / Float($0)) }
    return indexAdded(Tensor(indices: segments, shape: [segments.count]), extent: batch.count) * Tensor(scales, shape: [batch.count, 1])
  }
  func segmentMax(_ batch: RaggedBatch) -> Tensor { self }
  func normalized() -> Tensor { self / (square().sum(axes: [1], keepDims: true).sqrt() + 1e-12) }
}
