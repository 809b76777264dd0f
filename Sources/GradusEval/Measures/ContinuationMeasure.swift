#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The C/W/L family: measures given by the probability C(r) that the reader goes on from rank r (Moffat et al., ACM TOIS 2017).
///
///     W(r) = product over s < r of C(s), normalised to sum 1 over 1000 ranks
///     value = sum over ranks r of W(r) * gain(r)
///
/// Gains are grades scaled from `minRel...maxRel` to `0...1`; unjudged documents gain 0. Rankings are padded to, and cut at,
/// 1000 ranks, as cwl_eval and ir_measures do.
///
/// | name | C(r), with gain g(r) and gains G(r) collected so far | source |
/// |---|---|---|
/// | `NERR8@k` | `1 - g(r)` while r < k | Azzopardi et al., ICTIR 2021, equation 8 |
/// | `NERR9@k` | `r / (r + 1) * (1 - g(r))` while r < k | equation 9 |
/// | `NERR10` | `p * (1 - g(r))` | equation 10 |
/// | `NERR11` | `((r + 2T - 1) / (r + 2T))^2 * (1 - g(r))` | equation 11 |
/// | `INST` | `((r + 2T - G(r) - 1) / (r + 2T - G(r)))^2` | Moffat et al., ADCS 2015 |
/// | `INSQ` | `((r + 2T - 1) / (r + 2T))^2` | Moffat et al., ADCS 2012 |
/// | `BPM@k` | 1 while G(r) < T and r < k | Zhang et al., SIGIR 2017 |
/// | `SDCG@k` | `log2(r + 1) / log2(r + 2)` while r < k | Järvelin and Kekäläinen, ACM TOIS 2002 |
public struct ContinuationMeasure: Measure {
  /// Rows of the table, with what their names leave open.
  public enum Model: Sendable, Hashable {
    case nerr8(cutoff: Int)
    case nerr9(cutoff: Int)
    case nerr10(p: Double)
    case nerr11(T: Double)
    case inst(T: Double)
    case insq(T: Double)
    case bpm(cutoff: Int, T: Double)
    case sdcg(cutoff: Int)
  }

  static let depth = 1000
  public let model: Model
  public let minRel: Int32
  public let maxRel: Int32

  /// - Precondition: `minRel < maxRel`; names that say otherwise are refused when they are parsed.
  public init(_ model: Model, minRel: Int32 = 0, maxRel: Int32) {
    precondition(minRel < maxRel, "minRel must be below maxRel")
    self.model = model
    self.minRel = minRel
    self.maxRel = maxRel
  }

  public var description: String {
    let levels = [minRel == 0 ? nil : "min_rel=\(minRel)", "max_rel=\(maxRel)"]
    func goal(_ T: Double) -> String? { T == 1 ? nil : "T=\(T)" }
    switch model {
    case .nerr8(let cutoff): return measureName("NERR8", levels, at: cutoff)
    case .nerr9(let cutoff): return measureName("NERR9", levels, at: cutoff)
    case .nerr10(let p): return measureName("NERR10", [p == 0.9 ? nil : "p=\(p)"] + levels)
    case .nerr11(let T): return measureName("NERR11", [goal(T)] + levels)
    case .inst(let T): return measureName("INST", [goal(T)] + levels)
    case .insq(let T): return measureName("INSQ", [goal(T)] + levels)
    case .bpm(let cutoff, let T): return measureName("BPM", [goal(T)] + levels, at: cutoff)
    case .sdcg(let cutoff): return measureName("SDCG", levels, at: cutoff)
    }
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let scale = 1 / Double(maxRel - minRel)
    var weight = 1.0
    var weights = 0.0
    var sum = 0.0
    var collected = 0.0
    for position in 0..<Self.depth {
      let grade = position < ranking.retrievedCount ? ranking.grades[ranking.grades.startIndex + position] : minRel
      let gain = grade == JudgedRanking.unjudged ? 0 : Double(min(max(grade, minRel), maxRel) - minRel) * scale
      weights += weight
      sum += weight * gain
      collected += gain
      weight *= continuation(rank: position + 1, gain: gain, collected: collected)
      if weight == 0 { break }
    }
    return sum / weights
  }

  private func continuation(rank: Int, gain: Double, collected: Double) -> Double {
    func squaredStep(_ denominator: Double) -> Double { ((denominator - 1) / denominator) * ((denominator - 1) / denominator) }
    let r = Double(rank)
    switch model {
    case .nerr8(let cutoff): return rank < cutoff ? 1 - gain : 0
    case .nerr9(let cutoff): return rank < cutoff ? r / (r + 1) * (1 - gain) : 0
    case .nerr10(let p): return p * (1 - gain)
    case .nerr11(let T): return squaredStep(r + 2 * T) * (1 - gain)
    case .inst(let T): return squaredStep(r + 2 * T - collected)
    case .insq(let T): return squaredStep(r + 2 * T)
    case .bpm(let cutoff, let T): return rank < cutoff && collected < T ? 1 : 0
    case .sdcg(let cutoff): return rank < cutoff ? log2(r + 1) / log2(r + 2) : 0
    }
  }
}
