import CGradusKernels
import GradusCore

/// RBF kernel pooling of the similarities of each pair's query and document rows (K-NRM, Xiong et al., SIGIR 2017).
///
///     sums[r][b][k] = sum over j of exp(-(q_r . d_bj - mu_k)^2 / (2 sigma_k^2))
///
/// A pair's document rows come in `blocks` equally long blocks, one after the other (Conv-KNRM: its n-gram lengths), and
/// are pooled block by block. The similarities of a pair are computed, pooled and forgotten by one piece of work.
///
/// - Parameters:
///   - query: `[query rows, width]`, rows of unit length.
///   - document: `[document rows, width]`, rows of unit length.
///   - queryRows, documentRows: The rows of each pair; as many pairs in both.
///   - blocks: Divides each pair's document rows.
///   - mu, sigma: `[kernels]`; `sigma > 0`.
/// - Returns: `[query rows, blocks * kernels]`; zeros for the rows of a pair without a document.
/// - Complexity: query rows x document rows x (width + kernels), pair by pair.
public func interactionPooling(
  query: Tensor, document: Tensor, queryRows: RaggedBatch, documentRows: RaggedBatch, blocks: Int, mu: Tensor, sigma: Tensor
) -> Tensor {
  query.requireFloatingPoint("interactionPooling")
  for other in [document, mu, sigma] { query.requireSameType(other, "interactionPooling") }
  guard blocks > 0, query.rank == 2, document.rank == 2, query.shape[1] == document.shape[1], query.shape[0] == queryRows.total,
    document.shape[0] == documentRows.total, queryRows.count == documentRows.count, mu.rank == 1, mu.shape == sigma.shape,
    documentRows.lengths.allSatisfy({ $0 % blocks == 0 })
  else {
    preconditionFailure(
      "interactionPooling: query \(query.shape) of \(queryRows.total) rows, document \(document.shape) of "
        + "\(documentRows.total) rows in \(blocks) blocks, mu \(mu.shape), sigma \(sigma.shape)")
  }
  guard query.type == .float32 else {
    return interactionPoolingComposed(
      query: query, document: document, queryRows: queryRows, documentRows: documentRows, blocks: blocks, mu: mu, sigma: sigma)
  }
  let plan = InteractionPlan(
    queryRows: queryRows, documentRows: documentRows, blocks: blocks, width: query.shape[1], kernels: mu.count)
  let (sums, similarity) = plan.forward(query, document, mu, sigma)
  return sums.recorded("interactionPooling", [query, document, mu, sigma]) { context in
    if Recording.isOn { throw AutogradError.notTwiceDifferentiable("interactionPooling") }
    return plan.backward(context, query, document, mu, sigma, similarity)
  }
}

/// ``interactionPooling(query:document:queryRows:documentRows:blocks:mu:sigma:)`` in tensor operations: for Float64, and
/// differentiable twice.
public func interactionPoolingComposed(
  query: Tensor, document: Tensor, queryRows: RaggedBatch, documentRows: RaggedBatch, blocks: Int, mu: Tensor, sigma: Tensor
) -> Tensor {
  let kernels = mu.count
  let parts = (0..<queryRows.count).map { pair in
    let rows = queryRows.range(pair)
    let columns = documentRows.range(pair)
    let similarity = matmul(
      query.slice(axis: 0, from: rows.lowerBound, to: rows.upperBound),
      document.slice(axis: 0, from: columns.lowerBound, to: columns.upperBound), transposeB: true)
    let distance = similarity.reshaped(to: [rows.count, blocks, columns.count / blocks, 1]) - mu
    let bells = (-(distance.square()) / (sigma.square() * 2)).exp()
    return bells.sum(axes: [2]).reshaped(to: [rows.count, blocks * kernels])
  }
  return parts.isEmpty ? Tensor.zeros([0, blocks * kernels], type: query.type) : concatenated(parts, axis: 0)
}

/// Sizes of a pooling and where each pair's similarities lie in the buffer that the backward pass reads.
private struct InteractionPlan {
  let queryRows: RaggedBatch
  let documentRows: RaggedBatch
  let blocks: Int
  let width: Int
  let kernels: Int
  /// Start of each pair's similarities, and the size of the whole.
  let starts: [Int]

  init(queryRows: RaggedBatch, documentRows: RaggedBatch, blocks: Int, width: Int, kernels: Int) {
    self.queryRows = queryRows
    self.documentRows = documentRows
    self.blocks = blocks
    self.width = width
    self.kernels = kernels
    var starts = [0]
    for pair in 0..<queryRows.count {
      starts.append(starts[pair] + queryRows.range(pair).count * documentRows.range(pair).count)
    }
    self.starts = starts
  }

  /// A pair's similarity rows as the kernels see them: one for each query row and block, and the length of each.
  private func kernelRows(_ pair: Int) -> (rows: Int, width: Int, lengths: [Int32]) {
    let rows = queryRows.range(pair).count * blocks
    let width = documentRows.range(pair).count / blocks
    return (rows, width, [Int32](repeating: Int32(width), count: rows))
  }

  func forward(_ query: Tensor, _ document: Tensor, _ mu: Tensor, _ sigma: Tensor) -> (sums: Tensor, similarity: Tensor) {
    let sums = Tensor(uninitialized: [queryRows.total, blocks * kernels], type: .float32)
    let similarity = Tensor(uninitialized: [starts[queryRows.count]], type: .float32)
    defer { keepAlive(query, document, mu, sigma, sums, similarity) }
    WorkerPool.shared.forEach(count: queryRows.count) { pair in
      let rows = queryRows.range(pair)
      let columns = documentRows.range(pair)
      multiplyBlock(
        query, MatrixOperand(offset: rows.lowerBound * width, leading: width, isTransposed: false),
        document, MatrixOperand(offset: columns.lowerBound * width, leading: width, isTransposed: true),
        into: similarity, offset: starts[pair], rows: 0..<rows.count, columns: 0..<columns.count, n: columns.count,
        k: width, beta: 0)
      let shape = kernelRows(pair)
      grd_kernel_pooling_forward(
        similarity.f32 + starts[pair], shape.lengths, shape.rows, shape.width, mu.f32, sigma.f32, kernels,
        sums.f32 + rows.lowerBound * blocks * kernels)
    }
    return (sums, similarity)
  }

  func backward(
    _ context: BackwardContext, _ query: Tensor, _ document: Tensor, _ mu: Tensor, _ sigma: Tensor, _ similarity: Tensor
  ) -> [Tensor?] {
    let upstream = context.upstream
    let dquery = Tensor(uninitialized: query.shape, type: .float32)
    let ddocument = Tensor(uninitialized: document.shape, type: .float32)
    let dsimilarity = Tensor(uninitialized: similarity.shape, type: .float32)
    let needsShape = context.needs[2] || context.needs[3]
    let dshape = Tensor(uninitialized: [needsShape ? queryRows.total * blocks : 0, 2 * kernels], type: .float32)
    defer { keepAlive(query, document, mu, sigma, similarity, upstream, dquery, ddocument, dsimilarity, dshape) }
    WorkerPool.shared.forEach(count: queryRows.count) { pair in
      let rows = queryRows.range(pair)
      let columns = documentRows.range(pair)
      let shape = kernelRows(pair)
      let dsums = upstream.f32 + rows.lowerBound * blocks * kernels
      if needsShape {
        grd_kernel_pooling_shape_backward(
          similarity.f32 + starts[pair], shape.lengths, dsums, shape.rows, shape.width, mu.f32, sigma.f32, kernels,
          dshape.f32 + rows.lowerBound * blocks * 2 * kernels)
      }
      grd_kernel_pooling_backward(
        similarity.f32 + starts[pair], shape.lengths, dsums, shape.rows, shape.width, mu.f32, sigma.f32, kernels,
        dsimilarity.f32 + starts[pair])
      let slopes = MatrixOperand(offset: starts[pair], leading: columns.count, isTransposed: false)
      let transposed = MatrixOperand(offset: starts[pair], leading: columns.count, isTransposed: true)
      multiplyBlock(
        dsimilarity, slopes, document, MatrixOperand(offset: columns.lowerBound * width, leading: width, isTransposed: false),
        into: dquery, offset: rows.lowerBound * width, rows: 0..<rows.count, columns: 0..<width, n: width,
        k: columns.count, beta: 0)
      multiplyBlock(
        dsimilarity, transposed, query, MatrixOperand(offset: rows.lowerBound * width, leading: width, isTransposed: false),
        into: ddocument, offset: columns.lowerBound * width, rows: 0..<columns.count, columns: 0..<width, n: width,
        k: rows.count, beta: 0)
    }
    let shapes = needsShape ? dshape.sum(axes: [0]) : nil
    return [
      context.needs[0] ? dquery : nil, context.needs[1] ? ddocument : nil,
      context.needs[2] ? shapes?.slice(axis: 0, from: 0, to: kernels) : nil,
      context.needs[3] ? shapes?.slice(axis: 0, from: kernels, to: 2 * kernels) : nil,
    ]
  }
}
