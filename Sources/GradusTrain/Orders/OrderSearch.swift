import GradusCore
import GradusModels
import GradusTensor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Chooses, while a set-to-sequence model is trained, in which order candidates of equal grade are written: the search over
/// output orders of Vinyals et al. (ICLR 2016), applied within grades.
///
/// Candidates of higher grade come first; among those of one grade nothing is prescribed. At each step the allowed ones are all
/// unwritten candidates of the highest grade left, and
///
/// - ``Mode/fixed`` takes the first in the given order: training on an arbitrary order, the baseline,
/// - ``Mode/uniform`` draws one of them uniformly,
/// - ``Mode/sample`` draws one by the model's own probabilities, restricted to them: one pass instead of a search over all
///   orders, and not exactly proportional to the orders' probabilities, since later factors are ignored,
/// - ``Mode/max`` takes the order that the model finds most probable, of all of them; for sets of at most 7.
///
/// Before ``warmupSteps`` every mode but `fixed` draws uniformly: a search from the beginning locks onto an arbitrary order.
///
///     let search = try OrderSearch(mode: .sample, warmupSteps: 1000)
///     let loss = try search.losses(ranker, features, grades: [[2, 0, 2]], step: step, using: &stream)   // [sets]
public struct OrderSearch: Sendable, Equatable {
  /// How one of the allowed candidates is chosen; see above.
  public enum Mode: String, Sendable, CaseIterable {
    case fixed, uniform, sample, max
  }

  public let mode: Mode
  public let warmupSteps: Int
  /// Orders of a set that ``Mode/max`` looks at are at most this many candidates' factorial.
  public static let mostSearched = 7

  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(mode: Mode = .sample, warmupSteps: Int = 1000) throws(WeightingError) {
    self.mode = mode
    self.warmupSteps = try WeightingError.count("the warm-up steps of the search over orders", warmupSteps, least: 0)
  }

  /// `-log p(order)` of each set, shape `[sets]`, for the order that the mode decides on.
  ///
  /// - Parameters:
  ///   - features: `[sets, candidates, inputs]`.
  ///   - grades: Of the candidates of each set, which also says how many it has.
  ///   - step: Optimizer steps before this one.
  /// - Throws: ``SetRankerError``; ``WeightingError/tooFew(what:found:needed:)`` for a set without candidates;
  ///   ``WeightingError/parameter(name:found:expected:)`` for mode `max` and a set that is too large.
  public func losses(
    _ ranker: SetToSequenceRanker, _ features: Tensor, grades: [[Double]], step: Int, using stream: inout SeededGenerator
  ) throws -> Tensor {
    guard grades.allSatisfy({ !$0.isEmpty }) else {
      throw WeightingError.tooFew(what: "candidates of a set to write", found: 0, needed: 1)
    }
    let sizes = grades.map(\.count)
    if mode == .max, step >= warmupSteps {
      let orders = try best(ranker, features, grades: grades)
      return -(try ranker.write(features, sizes: sizes) { step, _ in
        orders.map { step < $0.count ? $0[step] : 0 }
      }.logProbability)
    }
    var generator = stream
    var left = grades.map { Set($0.indices) }
    let isWarm = step >= warmupSteps
    let written = try ranker.write(features, sizes: sizes) { _, logs in
      grades.indices.map { set in
        guard let allowed = Self.allowed(left[set], grades[set]) else { return 0 }
        let chosen: Int
        switch mode {
        case .fixed: chosen = allowed[0]
        case .sample where isWarm: chosen = allowed[Self.draw(allowed.map { logs[set][$0] }, using: &generator)]
        default: chosen = allowed[generator.integer(below: allowed.count)]
        }
        left[set].remove(chosen)
        return chosen
      }
    }
    stream = generator
    return -written.logProbability
  }

  /// Unwritten candidates of the highest grade left, in their order; nil where all are written.
  static func allowed(_ left: Set<Int>, _ grades: [Double]) -> [Int]? {
    guard let highest = left.map({ grades[$0] }).max() else { return nil }
    return left.filter { grades[$0] == highest }.sorted()
  }

  /// A position drawn with probabilities proportional to the exponentials.
  static func draw(_ logs: [Double], using stream: inout SeededGenerator) -> Int {
    let top = logs.max() ?? 0
    let powers = logs.map { exp($0 - top) }
    let sum = powers.reduce(0, +)
    return PersonalLossResampling.draw(powers.map { $0 / sum }, using: &stream)
  }

  /// The most probable of all orders by grade, for each set.
  private func best(_ ranker: SetToSequenceRanker, _ features: Tensor, grades: [[Double]]) throws -> [[Int]] {
    try withoutGradients {
      try grades.indices.map { set in
        guard grades[set].count <= Self.mostSearched else {
          throw WeightingError.parameter(
            name: "the size of a set whose orders are all searched", found: Double(grades[set].count),
            expected: "at most \(Self.mostSearched)")
        }
        let orders = Self.orders(Set(grades[set].indices), grades[set])
        let own = features.slice(axis: 0, from: set, to: set + 1)
        let rows = own.indexSelect(Tensor(indices: orders.map { _ in 0 }, shape: [orders.count]))
        let sizes = orders.map { _ in grades[set].count }
        let logs = try ranker.write(rows, sizes: sizes) { step, _ in orders.map { step < $0.count ? $0[step] : 0 } }
          .logProbability.doubles()
        return orders[logs.indices.dropFirst().reduce(0) { logs[$1] > logs[$0] ? $1 : $0 }]
      }
    }
  }

  /// All orders in which no grade comes before a higher one.
  static func orders(_ left: Set<Int>, _ grades: [Double]) -> [[Int]] {
    guard let allowed = allowed(left, grades) else { return [[]] }
    return allowed.flatMap { first in orders(left.subtracting([first]), grades).map { [first] + $0 } }
  }
}
