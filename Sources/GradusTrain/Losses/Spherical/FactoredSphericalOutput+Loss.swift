#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension FactoredSphericalOutput.Loss {
  /// The form of a ranking loss that a factored layer can be trained with; nil for one that has to see all scores.
  public init?(_ loss: any RankingLoss) {
    switch loss {
    case let loss as ZLoss: self = .z(a: loss.a, b: loss.b)
    case let loss as SphericalSoftmaxLoss: self = .sphericalSoftmax(epsilon: loss.epsilon)
    case is TaylorSoftmaxLoss: self = .taylorSoftmax
    default: return nil
    }
  }

  /// A loss and what it changes by with the target's score, the sum and the sum of squares of all scores.
  struct Derivative {
    let loss: Double
    let score: Double
    let sum: Double
    let squares: Double
  }

  func derivative(score o: Double, sum s: Double, squares q: Double, classes: Int) -> Derivative {
    let d = Double(classes)
    switch self {
    case .z(let a, let b):
      let mu = s / d
      // Rounding may take the difference of the two a little below 0.
      let sigma = max(0, q / d - mu * mu).squareRoot()
      guard sigma > 1e-12 else { return Derivative(loss: softplus(a * b) / a, score: 0, sum: 0, squares: 0) }
      let z = (o - mu) / sigma
      let g = -1 / (1 + exp(-a * (b - z)))
      return Derivative(
        loss: softplus(a * (b - z)) / a, score: g / sigma, sum: -g * (1 / d - z * mu / (d * sigma)) / sigma,
        squares: -g * z / (2 * d * sigma * sigma))
    case .squaredError: return Derivative(loss: q - 2 * o + 1, score: -2, sum: 0, squares: 1)
    case .sphericalSoftmax(let epsilon):
      let all = q + d * epsilon, own = o * o + epsilon
      return Derivative(loss: log(all / own), score: -2 * o / own, sum: 0, squares: 1 / all)
    case .taylorSoftmax:
      let all = d + s + q / 2, own = 1 + o + o * o / 2
      return Derivative(loss: log(all / own), score: -(1 + o) / own, sum: 1 / all, squares: 1 / (2 * all))
    }
  }
}

/// `log(1 + exp(x))` without overflow.
private func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
