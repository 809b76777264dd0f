import GradusCore
import GradusTensor
import Testing

/// Values from PyTorch 2.15.0 in float64, on the fillings of `wave` and `fillWithCosines`.
@Suite("Values of layers against PyTorch")
struct ReferenceValueTests {
  @Test("Convolution with stride, padding, dilation and groups")
  func convolution() {
    let y = conv2d(
      wave([2, 4, 5, 6]), weight: wave([6, 2, 3, 2], scale: 0.5), bias: wave([6]), stride: .init(2, 1),
      padding: .init(1, 2), dilation: .init(1, 2), groups: 2)
    #expect(y.shape == [2, 6, 3, 8])
    expectClose(
      (y * wave(y.shape)).sum(axes: [0, 2, 3]),
      [-0.752397307682, 0.408587562078, 2.14189458551, -1.32075096495, -0.227817673707, -0.317329193784])
    let row = conv1d(wave([2, 3, 9]), weight: wave([4, 3, 3]), stride: 2, padding: 1)
    #expect(row.shape == [2, 4, 5])
    expectClose(
      row.reshaped(to: [40]).slice(axis: 0, from: 0, to: 5),
      [-0.136501088699, -0.157951115859, -0.263970923838, -0.231917339487, -0.209249226678])
  }

  @Test("Pooling with padding")
  func pooling() {
    let window = SlidingWindow(kernel: .init(3, 2), stride: .init(2), padding: .init(1))
    let x = wave([2, 4, 5, 6])
    func firstPlane(_ y: Tensor) -> Tensor { y.reshaped(to: [8, 12]).slice(axis: 0, from: 0, to: 1) }
    expectClose(
      firstPlane(x.maxPooled(window)),
      [
        0.796565472236, 0.674287911628, 0.995880844538, 0.961275202975, 0.796565472236, 0.898708095812, 0.996475614741,
        0.792427169909, 0.518228205921, 0.898708095812, 0.996475614741, 0.792427169909,
      ])
    expectClose(
      firstPlane(x.averagePooled(window)),
      [
        0.132760912039, 0.290090658862, 0.195741454294, 0.0267680701332, 0.0335658420392, 0.0657943087234, 0.035704371153,
        -0.00023749536542, 0.147698119416, 0.25965297868, 0.102586034126, -0.0287524600998,
      ])
  }

  @Test("Recurrent cells")
  func cells() {
    var generator = SeededGenerator(seed: 1)
    let lstm = LSTMCell("", inputs: 3, hidden: 2, type: .float64, using: &generator)
    fillWithCosines(lstm.parameters)
    let state = lstm(wave([2, 3]), (h: wave([2, 2]), c: wave([2, 2], scale: 0.5)))
    expectClose(state.h, [0.0768132010324, -0.0464435143033, 0.212983557235, 0.135772539396])
    expectClose(state.c, [0.180456342872, -0.145348167642, 0.719357211593, 0.266656327495])
    let gru = GRUCell("", inputs: 3, hidden: 2, type: .float64, using: &generator)
    fillWithCosines(gru.parameters)
    expectClose(gru(wave([2, 3]), wave([2, 2])), [-0.138867410169, 0.0568531645425, 0.00852601346687, 0.502450991687])
  }

  @Test("Batch normalisation: training, running statistics, inference")
  func batchNormalisation() {
    let layer = BatchNorm1d("", channels: 3, type: .float64)
    fillWithCosines(layer.parameters)
    let trained = layer(wave([4, 3]), ForwardContext(training: SeededGenerator(seed: 1)))
    expectClose(
      trained,
      [
        -0.732906220389, -0.510071375501, -0.546082330866, 0.584752375737, 0.148557424883, -0.443016623836,
        0.438917919413, -0.341403250395, -0.723381743941, -1.0084346178, -1.4357653648, -1.07578261007,
      ])
    expectClose(layer.runningMean.value, [0.0376242373593, 0.033792611932, 0.025387315008])
    expectClose(layer.runningVariance.value, [0.930187956111, 0.940703897898, 0.959819673545])
    expectClose(
      layer(wave([4, 3]), .inference),
      [
        -0.206724891342, -0.340744732925, -0.537738562627, 0.4433633138, 0.0344594592964, -0.467273378392, 0.371413523287,
        -0.244658762198, -0.658956726915, -0.342661287813, -0.868089217858, -0.899890328126,
      ])
  }

  @Test("Activations, layer normalisation and losses")
  func functions() {
    expectClose(
      Tensor([-3.0, -1.0, -0.1, 0, 0.5, 2], shape: [6]).gelu(),
      [-0.00404969409489, -0.158655253931, -0.0460172162723, 0, 0.345731230637, 1.9544997361])
    expectClose(
      Tensor([-800.0, -1, 0, 2, 800], shape: [5]).softplus(), [0, 0.313261687518, 0.69314718056, 2.12692801104, 800])
    expectClose(
      layerNorm(wave([2, 4]), gain: wave([4]), bias: wave([4], scale: 2), epsilon: 1e-5),
      [0, 0.593186716349, 1.73122009867, 2.88771450945, 0, 0.998298244588, 1.26585060537, 0.372402624603])
    expectClose(
      crossEntropy(wave([2, 3], scale: 3), targets: Tensor(indices: [2, 0], shape: [2])), [0.421127913778, 1.27200841652])
    let binary = binaryCrossEntropyWithLogits(
      Tensor([-2.0, 0.5, 40], shape: [3]), targets: Tensor([0, 0.3, 1.0], shape: [3]))
    expectClose(binary, [0.126928011043, 0.82407698418, 4.24835425529e-18])
    #expect(binary.doubles()[2] > 0)
    expectClose(cosineSimilarity(wave([2, 3]), wave([2, 3]).flipped(0)), [0.799318993222, 0.799318993222])
  }

  @Test("Single precision stays close to double precision over the whole range")
  func singlePrecision() {
    let grid = (-2000...2000).map { Double($0) * 0.02 }
    let x = Tensor(grid, shape: [grid.count])
    let single = x.cast(to: .float32)
    let functions: [(String, (Tensor) -> Tensor)] = [
      ("exp", { $0.exp() }), ("tanh", { $0.tanh() }), ("sigmoid", { $0.sigmoid() }), ("erf", { $0.erf() }),
      ("gelu", { $0.gelu() }), ("silu", { $0.silu() }), ("softplus", { $0.softplus() }),
    ]
    for (name, function) in functions {
      let reference = function(single.cast(to: .float64)).doubles()
      for (position, value) in function(single).doubles().enumerated() {
        let error = abs(value - reference[position]) / max(1e-3, abs(reference[position]))
        #expect(error < 1e-4 || abs(value - reference[position]) < 5e-7, "\(name)(\(grid[position])) = \(value)")
      }
    }
    #expect(Tensor([Float.infinity, -.infinity, .nan], shape: [3]).exp().floats()[..<2] == [.infinity, 0])
    #expect(Tensor([Float.nan], shape: [1]).exp().item().isNaN)
    #expect(Tensor([Float.nan], shape: [1]).tanh().item().isNaN)
  }
}
