import GradusTensor

extension GroupOrderingLoss {
  /// Self-supervision as the paper has it: of each sample every view is the anchor once; its positives are the sample's other
  /// views, its negatives the other samples in the anchor's own view. The mean over the anchors.
  ///
  ///     let loss = try GroupOrderingLoss(negatives: 10)
  ///     try loss.perSample(views: [a, b])   // two views of each sample, [samples, dimension] each: [samples]
  ///
  /// - Parameters:
  ///   - views: At least two, of at least two samples; similarities are cosines.
  ///   - stopsGradient: Whether only the anchor learns from its term, as in the paper.
  /// - Returns: `[samples]`.
  /// - Throws: ``LossError/vectorShape(expected:found:)`` for views of different shapes;
  ///   ``LossError/parameter(_:found:expected:)`` for a single view or sample; ``LossError/networkSize(_:expected:)``.
  public func perSample(views: [Tensor], stopsGradient: Bool = true) throws(LossError) -> Tensor {
    guard views.count >= 2 else { throw .parameter("views", found: Double(views.count), expected: "at least 2") }
    for view in views where view.rank != 2 || view.shape != views[0].shape {
      throw .vectorShape(expected: [views[0].shape, views[0].shape], found: [views[0].shape, view.shape])
    }
    let count = views[0].shape[0]
    guard count >= 2 else { throw .parameter("samples", found: Double(count), expected: "at least 2, for negatives") }
    let units = views.map { $0.normalized() }
    // Of each row all columns but its own.
    let others = Tensor(
      indices: (0..<count).flatMap { row in (0..<count).filter { $0 != row }.map(Int32.init) }, shape: [count, count - 1])
    var total = Tensor.zeros([count], type: views[0].type)
    for (number, anchor) in units.enumerated() {
      let far = stopsGradient ? units.map { $0.detached() } : units
      let positives = far.enumerated().filter { $0.offset != number }.map { (anchor * $0.element).sum(axes: [1], keepDims: true) }
      let negatives = matmul(anchor, far[number], transposeB: true).gather(others, axis: 1)
      total = total + (try losses(positives: concatenated(positives, axis: 1), negatives: negatives))
    }
    return total / Double(views.count)
  }
}
