import GradusTensor

/// A sorting network whose exchanges are mixtures, so that the sorted values and the soft permutation have gradients everywhere
/// (Petersen et al., ICML 2021 and ICLR 2022).
///
///     let network = try DifferentiableSortingNetwork(size: 4, steepness: 10)
///     let (sorted, permutation) = network(values)   // [rows, 4] -> [rows, 4] ascending, [rows, 4, 4]
///
/// An exchange of a left wire a and a right wire b is
///
///     alpha = cdf(steepness (b - a)),   left = alpha a + (1 - alpha) b,   right = (1 - alpha) a + alpha b
///
/// and mixes two columns of the permutation in the same way. With a steepness towards infinity it is a sort. The permutation is
/// doubly stochastic: row i, column j says how much input i ends at rank j.
///
/// - Complexity: O(size) layers for odd-even, O(log^2 size) for bitonic; each mixes a `size x size` matrix.
public struct DifferentiableSortingNetwork: Sendable, Equatable {
  /// Which places are compared, layer by layer.
  public enum Kind: String, Sendable, CaseIterable {
    /// Neighbours, in as many layers as there are values.
    case oddEven = "odd-even"
    /// Batcher's network, for powers of two.
    case bitonic
  }

  /// The distribution function that decides how much is exchanged.
  public enum CDF: String, Sendable, CaseIterable {
    /// `1/2 + arctan(x) / pi`: gradients fade slowly.
    case cauchy
    /// The sigmoid.
    case logistic
    /// `x / (1 + 2 |x|) + 1/2`.
    case reciprocal

    func callAsFunction(_ x: Tensor) -> Tensor {
      switch self {
      case .cauchy: x.arctangent() / Double.pi + 0.5
      case .logistic: x.sigmoid()
      case .reciprocal: x / (x.abs() * 2 + 1) + 0.5
      }
    }
  }

  /// Beyond this an odd-even network is too slow to be meant.
  public static let largestOddEven = 128

  public let size: Int
  public let kind: Kind
  public let cdf: CDF
  public let steepness: Double
  /// For each layer: the partner of each wire, itself where it rests, and whether it takes the smaller (1) or larger (-1) value.
  private let layers: [(partners: [Int32], signs: [Double])]

  /// - Throws: ``LossError/networkSize(_:expected:)``; ``LossError/notPositive(parameter:found:)``.
  public init(size: Int, kind: Kind = .oddEven, cdf: CDF = .cauchy, steepness: Double = 1) throws(LossError) {
    self.size = size
    self.kind = kind
    self.cdf = cdf
    self.steepness = try positive("steepness", steepness)
    guard size >= 1 else { throw .networkSize(size, expected: "at least 1") }
    switch kind {
    case .oddEven:
      guard size <= Self.largestOddEven else {
        throw .networkSize(size, expected: "at most \(Self.largestOddEven); take a bitonic network or fewer negatives")
      }
      layers = (0..<size).map { layer in
        Self.layer(size, stride(from: layer % 2, to: size - 1, by: 2).map { ($0, $0 + 1) })
      }
    case .bitonic:
      guard size & (size - 1) == 0 else { throw .networkSize(size, expected: "a power of two for a bitonic network") }
      layers = Self.bitonic(size)
    }
  }

  public static func == (first: Self, second: Self) -> Bool {
    first.size == second.size && first.kind == second.kind && first.cdf == second.cdf && first.steepness == second.steepness
  }

  /// - Parameter exchanges: Wires that are compared: the one that gets the smaller value, then the other.
  private static func layer(_ size: Int, _ exchanges: [(Int, Int)]) -> (partners: [Int32], signs: [Double]) {
    var partners = (0..<Int32(size)).map { $0 }
    var signs = [Double](repeating: 1, count: size)
    for (low, high) in exchanges {
      partners[low] = Int32(high)
      partners[high] = Int32(low)
      signs[high] = -1
    }
    return (partners, signs)
  }

  private static func bitonic(_ size: Int) -> [(partners: [Int32], signs: [Double])] {
    var layers: [(partners: [Int32], signs: [Double])] = []
    var block = 2
    while block <= size {
      var distance = block / 2
      while distance >= 1 {
        let exchanges = (0..<size).filter { $0 ^ distance > $0 }.map { wire in
          wire & block == 0 ? (wire, wire ^ distance) : (wire ^ distance, wire)
        }
        layers.append(layer(size, exchanges))
        distance /= 2
      }
      block *= 2
    }
    return layers
  }

  /// - Parameter values: `[rows, size]`.
  /// - Returns: The values in ascending order as far as the steepness makes them, `[rows, size]`, and the soft permutation,
  ///   `[rows, size, size]`, inputs by ranks.
  public func callAsFunction(_ values: Tensor) -> (sorted: Tensor, permutation: Tensor) {
    precondition(values.rank == 2 && values.shape[1] == size, "a network of \(size) values was given \(values.shape)")
    var wires = values
    let identity = (0..<size * size).map { $0 / size == $0 % size ? 1.0 : 0 }
    var mixing = Tensor(identity, shape: [1, size, size]).cast(to: values.type)
      + Tensor.zeros([values.shape[0], size, size], type: values.type)
    for layer in layers {
      let partners = Tensor(indices: layer.partners, shape: [size])
      let other = wires.indexSelect(partners, axis: 1)
      // A wire that rests is its own partner: whatever its share, nothing changes.
      let signs = Tensor(layer.signs, shape: [1, size]).cast(to: values.type)
      let share = cdf((other - wires) * signs * steepness)
      wires = share * wires + (1 - share) * other
      let columns = share.expandingDims(at: 1)
      mixing = columns * mixing + (1 - columns) * mixing.indexSelect(partners, axis: 2)
    }
    return (wires, mixing)
  }
}
