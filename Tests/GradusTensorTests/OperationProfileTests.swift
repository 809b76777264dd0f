import GradusCore
import Testing

@testable import GradusTensor

@Suite("Where the time goes")
struct OperationProfileTests {
  @Test("Operations are counted by kind, with the flops of products, and their seconds add up")
  func kinds() throws {
    var generator = SeededGenerator(seed: 1)
    let x = Tensor.normal([40, 16], using: &generator), weight = Tensor.normal([8, 16], using: &generator).tracked()
    let profile = OperationProfile()
    let clock = ContinuousClock()
    let elapsed = try clock.measure {
      for _ in 0..<3 {
        try profile.record {
          let y = linear(x.tracked(), weight: weight, activation: .gelu).dropout(rate: 0.5, seed: 1)
          _ = try gradients(of: y.sum(), withRespectTo: [weight])
        }
      }
    }
    let entries = Dictionary(profile.entries.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
    #expect(entries[.productForward]?.calls == 3 && entries[.productForward]?.flops == Double(3 * 2 * 40 * 16 * 8))
    #expect(entries[.productWeight]?.calls == 3 && entries[.productInput]?.calls == nil)
    #expect(entries[.dropout]?.calls == 6 && entries[.activationBackward]?.calls == 3 && entries[.other]?.calls == 3)
    #expect(entries[.attentionForward] == nil)
    let total = profile.entries.reduce(0) { $0 + $1.seconds }
    #expect(total > 0 && .seconds(total) <= elapsed)
    #expect(zip(profile.entries, profile.entries.dropFirst()).allSatisfy { $0.seconds >= $1.seconds })
  }

  @Test("What runs outside is not seen")
  func outside() {
    let profile = OperationProfile()
    _ = Tensor.ones([2]) + Tensor.ones([2])
    #expect(profile.entries.isEmpty)
    profile.record {}
    #expect(profile.entries.map(\.kind) == [.other])
  }
}
