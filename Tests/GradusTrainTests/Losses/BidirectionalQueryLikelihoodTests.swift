#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusModels
import GradusTensor
import Testing

@testable import GradusTrain

@Suite("TILDE's loss")
struct BidirectionalQueryLikelihoodTests {
  private let logits: [Double] = [0, 2, -1, 1, -3]

  @Test("Cross-entropies of the card's logits")
  func worked() {
    let found = BidirectionalQueryLikelihoodLoss.crossEntropies(Tensor(logits, shape: [1, 5]), [[1, 3, 3]]).doubles()
    for (value, expected) in zip(found, [0.693147, 0.126928, 0.313262, 0.313262, 0.048587]) {
      #expect(approximately(value, expected))
    }
    #expect(approximately(found.reduce(0, +), 1.495186, within: 1e-6))
  }

  @Test("Both sides count, stops do not, gradients are those of differences")
  func sides() throws {
    let loss = BidirectionalQueryLikelihoodLoss(vocabulary: 5, stops: [0])
    let query = Tensor(logits + [1, -1, 0.5, 0, 2], shape: [2, 5])
    let passage = Tensor(logits.map { -$0 } + [0.3, 0.1, -2, 1, 0], shape: [2, 5])
    func value(_ query: Tensor, _ passage: Tensor) -> Tensor {
      loss.perSample(
        queryLogits: query, passageLogits: passage, queryTokens: [[1, 3], [2]], passageTokens: [[4], [1, 2, 3]])
    }
    func softplus(_ z: Double) -> Double { log1p(exp(z)) }
    func side(_ z: ArraySlice<Double>, _ tokens: [Int]) -> Double {
      let z = Array(z)
      return (1..<5).reduce(0.0) { $0 + softplus(z[$1]) - (tokens.contains($1) ? z[$1] : 0) }
    }
    let q = query.doubles(), p = passage.doubles()
    let expected = [side(p[..<5], [1, 3]) + side(q[..<5], [4]), side(p[5...], [2]) + side(q[5...], [1, 2, 3])].map { $0 / 8 }
    for (found, expected) in zip(value(query, passage).doubles(), expected) { #expect(approximately(found, expected)) }
    try expectGradients([query, passage]) { value($0[0], $0[1]) }
  }
}
