import GradusCore
import GradusTensor

/// Coupled RankDistil: cross-entropy of the student's Plackett-Luce model of the best `top` documents against the teacher's
/// (Reddi et al., "RankDistil", AISTATS 2021; TF-Ranking's `CoupledRankDistilLoss`).
///
///     loss = -E over permutations pi ~ PL(teacher / temperature) of log PL_top(pi | scores)
///
/// The expectation is the mean over `draws` permutations, drawn with a seed that follows from the sample's id: the same sample
/// has the same permutations whenever it is asked for. With `top` 1 the expectation is known, and the loss is exactly
/// ``ListNetLoss`` at the temperature, without draws. The labels are the teacher's scores; ``TeacherLabelledSampler`` puts them
/// there.
public struct RankDistilLoss: RankingLoss, Equatable {
  public let top: Int
  public let draws: Int
  public let temperature: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(top: Int = 3, draws: Int = 8, temperature: Double = 1) throws(LossError) {
    for (name, value) in [("top", top), ("draws", draws)] where value < 1 {
      throw .notPositive(parameter: name, found: Double(value))
    }
    self.top = top
    self.draws = draws
    self.temperature = try positive("temperature", temperature)
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    if top == 1 { return try ListNetLoss(temperature: temperature).perSample(input) }
    let scores = try input.listLogits(for: self)
    let teacher = try input.finiteLabels(for: self)
    let count = scores.shape[1]
    var order: [Int32] = []
    for (sample, labels) in zip(input.samples, teacher) {
      var generator = SeededGenerator(seed: 0).stream("rank-distil " + sample.id.text)
      for _ in 0..<draws { order += draw(labels, using: &generator) }
    }
    let rows = Tensor(indices: input.samples.indices.flatMap { [Int32](repeating: Int32($0), count: draws) },
      shape: [input.samples.count * draws])
    let sorted = scores.indexSelect(rows).gather(Tensor(indices: order, shape: [rows.count, count]), axis: 1)
    return sorted.plackettLuce(top: min(top, count)).reshaped(to: [input.samples.count, draws]).mean(axes: [1])
  }

  /// One permutation from Plackett and Luce's model: documents one by one, each with probability proportional to
  /// `exp(label / temperature)` among those that are left.
  private func draw(_ labels: [Double], using generator: inout SeededGenerator) -> [Int32] {
    let largest = labels.max() ?? 0
    var left = labels.indices.map { ($0, exponential((labels[$0] - largest) / temperature)) }
    var result: [Int32] = []
    while !left.isEmpty {
      var point = Double.random(in: 0..<1, using: &generator) * left.reduce(0) { $0 + $1.1 }
      var chosen = 0
      while chosen < left.count - 1, point >= left[chosen].1 {
        point -= left[chosen].1
        chosen += 1
      }
      result.append(Int32(left.remove(at: chosen).0))
    }
    return result
  }
}
