import GradusCore
import GradusTensor
import Testing

@Suite("Gradients of windows, orders, segments, losses and cells")
struct LayerGradientTests {
  @Test("Convolutions with stride, padding, dilation and groups, first and second order")
  func convolutions() throws {
    let x = sample([2, 4, 5, 4], scale: 0.7)
    try GradientCheck.second([x, sample([4, 2, 3, 2], seed: 2), sample([4], seed: 3)], "conv2d") {
      conv2d($0[0], weight: $0[1], bias: $0[2], stride: .init(2, 1), padding: .init(1, 2), dilation: .init(1, 2), groups: 2)
    }
    try GradientCheck.second([sample([1, 2, 7]), sample([3, 2, 3], seed: 2)], "conv1d") {
      conv1d($0[0], weight: $0[1], stride: 2, padding: 1)
    }
    try GradientCheck.second([sample([1, 3, 4]), sample([3, 1, 1], seed: 2)], "depthwise, kernel 1") {
      conv1d($0[0], weight: $0[1], groups: 3)
    }
  }

  @Test("Pooling, first and second order")
  func pooling() throws {
    let window = SlidingWindow(kernel: .init(3, 2), stride: .init(2), padding: .init(1))
    let x = sample([2, 2, 5, 4])
    try GradientCheck.second([x], "max") { $0[0].maxPooled(window) }
    try GradientCheck.second([x], "average") { $0[0].averagePooled(window) }
    try GradientCheck.second([sample([1, 2, 7])], "max 1-D") { $0[0].maxPooled1d(kernel: 2) }
    try GradientCheck.second([sample([1, 2, 7])], "average 1-D") { $0[0].averagePooled1d(kernel: 3, stride: 1) }
  }

  @Test("Sorting and running sums, first and second order", arguments: [false, true])
  func orders(flag: Bool) throws {
    let x = sample([3, 5])
    try GradientCheck.second([x], "sorted") { $0[0].sorted(descending: flag).values.square() }
    try GradientCheck.second([x], "topK") { $0[0].topK(2).values.square() }
    for axis in [0, 1] { try GradientCheck.second([x], "sum") { $0[0].cumulativeSum(axis: axis, reversed: flag).square() } }
  }

  @Test("Segments, with empty ones and ones of a single row, first and second order",
    arguments: [[2, 0, 1, 3], [6], [0, 6, 0]])
  func segments(lengths: [Int]) throws {
    let batch = RaggedBatch(lengths: lengths)
    for shape in [[6, 3], [6]] {
      let x = sample(shape)
      let isPresent = Tensor(mask: lengths.map { $0 > 0 }, shape: [lengths.count])
      let perRow = [lengths.count] + Array(repeating: 1, count: shape.count - 1)
      /// Empty sequences give -inf, whose finite difference is NaN.
      func present(_ x: Tensor) -> Tensor { select(isPresent.reshaped(to: perRow), x, .zeros([], type: .float64)) }
      try GradientCheck.second([x], "sum") { $0[0].segmentSum(batch).square() }
      try GradientCheck.second([x], "mean") { $0[0].segmentMean(batch).square() }
      try GradientCheck.second([x], "max") { present($0[0].segmentMax(batch)).square() }
      try GradientCheck.second([x], "logSumExp") { present($0[0].segmentLogSumExp(batch)) }
      try GradientCheck.second([x], "softmax") { $0[0].segmentSoftmax(batch) }
      try GradientCheck.second([x], "logSoftmax") { $0[0].segmentLogSoftmax(batch) }
    }
  }

  @Test("Losses and similarity, first and second order")
  func losses() throws {
    let targets = Tensor(indices: [2, 0, 1], shape: [3])
    let soft = sample([3, 4], seed: 9).softmax()
    let probabilities = sample([3, 4], seed: 8).sigmoid()
    try GradientCheck.second([sample([3, 4])], "crossEntropy") { crossEntropy($0[0], targets: targets) }
    try GradientCheck.second([sample([3, 4])], "soft crossEntropy") { crossEntropy($0[0], distribution: soft) }
    try GradientCheck.second([sample([3, 4])], "binary") { binaryCrossEntropyWithLogits($0[0], targets: probabilities) }
    try GradientCheck.second([Tensor([0.0], shape: [1])], "binary at 0") {
      binaryCrossEntropyWithLogits($0[0], targets: Tensor([0.25], shape: [1]))
    }
    try GradientCheck.second([sample([3, 4])], "normalized") { $0[0].normalized() }
    try GradientCheck.second([sample([3, 1, 4]), sample([2, 4], seed: 2)], "cosine") { cosineSimilarity($0[0], $0[1]) }
  }

  @Test("Dropout is linear: its gradient is its own mask")
  func dropout() throws {
    try GradientCheck.second([sample([7, 9])], "dropout") { $0[0].dropout(rate: 0.4, seed: 3) }
  }

  @Test("Batch normalisation through the batch's own statistics, first and second order", arguments: [[5, 3], [2, 3, 4]])
  func batchNormalisation(shape: [Int]) throws {
    let inputs = [sample(shape), sample([3], seed: 2), sample([3], seed: 3)]
    let axes = shape.indices.filter { $0 != 1 }
    try GradientCheck.second(inputs, tolerance: 1e-5, "batchNorm") {
      let x = $0[0]
      return batchNorm(
        x, mean: x.mean(axes: axes), variance: x.variance(axes: axes), gain: $0[1], bias: $0[2], epsilon: 1e-2)
    }
  }

  @Test("Recurrent cells over three steps, first and second order")
  func cells() throws {
    var generator = SeededGenerator(seed: 4)
    let lstm = LSTMCell("lstm", inputs: 3, hidden: 2, type: .float64, using: &generator)
    let gru = GRUCell("gru", inputs: 3, hidden: 2, type: .float64, using: &generator)
    let inputs = [sample([2, 3]), sample([2, 2], seed: 2), sample([2, 2], seed: 3)]
    try GradientCheck.second(inputs, "LSTM") { inputs in
      var state = (h: inputs[1], c: inputs[2])
      for _ in 0..<3 { state = lstm(inputs[0], state) }
      return state.h + state.c
    }
    try GradientCheck.second(Array(inputs[..<2]), "GRU") { inputs in
      var h = inputs[1]
      for _ in 0..<3 { h = gru(inputs[0], h) }
      return h
    }
  }
}
