import GradusTensor
import Testing

@Suite("Gradients of elementwise operations")
struct ElementwiseGradientTests {
  static let unary: [(String, @Sendable (Tensor) -> Tensor)] = [
    ("negate", { -$0 }), ("exp", { $0.exp() }), ("tanh", { $0.tanh() }), ("sigmoid", { $0.sigmoid() }),
    ("relu", { $0.relu() }), ("gelu", { $0.gelu() }), ("softplus", { $0.softplus() }), ("silu", { $0.silu() }),
    ("sin", { $0.sin() }), ("cos", { $0.cos() }), ("square", { $0.square() }), ("abs", { $0.abs() }),
    ("erf", { $0.erf() }), ("clamp", { $0.clamp(-0.4, 0.7) }), ("affine", { $0 * 3 - 2 }), ("logSigmoid", { $0.logSigmoid() }),
    ("power 3", { $0.power(3) }), ("1 - x", { 1 - $0 }),
  ]
  static let positive: [(String, @Sendable (Tensor) -> Tensor)] = [
    ("log", { $0.log() }), ("log1p", { $0.log1p() }), ("sqrt", { $0.sqrt() }), ("rsqrt", { $0.rsqrt() }),
    ("reciprocal", { $0.reciprocal() }), ("power 0.7", { $0.power(0.7) }), ("2 / x", { 2 / $0 }),
  ]

  @Test("Functions of one argument, first and second order", arguments: 0..<18)
  func unaryFunctions(index: Int) throws {
    let (name, function) = Self.unary[index]
    for shape in [[1], [7], [3, 5], [2, 3, 2]] { try GradientCheck.second([sample(shape)], name) { function($0[0]) } }
  }

  @Test("Functions of positive arguments, first and second order", arguments: 0..<7)
  func positiveFunctions(index: Int) throws {
    let (name, function) = Self.positive[index]
    for shape in [[1], [3, 5]] { try GradientCheck.second([positiveSample(shape)], name) { function($0[0]) } }
  }

  static let shapes: [([Int], [Int])] = [
    ([4], [4]), ([2, 3], [3]), ([2, 3], [2, 1]), ([3], [2, 3]), ([2, 1, 4], [3, 1]), ([], [2, 2]), ([2, 3, 4], [2, 1, 4]),
    ([1, 1], [1]), ([5, 1], [1, 4]),
  ]

  @Test("Functions of two arguments with broadcasting, first and second order", arguments: shapes)
  func binaryFunctions(left: [Int], right: [Int]) throws {
    let (a, b) = (positiveSample(left, seed: 3), positiveSample(right, seed: 4))
    try GradientCheck.second([a, b], "+") { $0[0] + $0[1] }
    try GradientCheck.second([a, b], "-") { $0[0] - $0[1] }
    try GradientCheck.second([a, b], "*") { $0[0] * $0[1] }
    try GradientCheck.second([a, b], "/") { $0[0] / $0[1] }
    try GradientCheck.second([a, b], "pow") { pow($0[0], $0[1]) }
    try GradientCheck.second([a, b], "maximum") { maximum($0[0], $0[1]) }
    try GradientCheck.second([a, b], "minimum") { minimum($0[0], $0[1]) }
    try GradientCheck.second([a, b], "select") { select($0[0] .> $0[1], $0[0], $0[1].square()) }
  }

  @Test("An empty tensor goes through every step")
  func empty() throws {
    let x = Tensor([Double](), shape: [0, 3]).tracked()
    let y = (x * 2 + Tensor([1.0, 2, 3], shape: [3])).gelu()
    #expect(y.shape == [0, 3])
    #expect(y.sum().item() == 0)
    #expect(try gradients(of: y.sum(), withRespectTo: [x])[0].shape == [0, 3])
  }
}
