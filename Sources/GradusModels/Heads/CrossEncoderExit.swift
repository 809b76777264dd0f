#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusTensor

/// A head on a layer before a cross-encoder's last: an output path on which a candidate can leave early (BranchyNet,
/// Teerapittayanon et al., ICPR 2016; for ranking Xin et al., SustaiNLP 2020).
///
/// Reads the layer's vectors as they are, before ModernBERT's last norm. See ``CrossEncoder/withExits(at:seed:)``.
public struct CrossEncoderExit: Module {
  /// Layers before the head, from 1.
  public let layer: Int
  let head: PairHead
  /// What makes a probability of the logit; nil before ``CrossEncoder/calibratingExits(on:isRelevant:maximumTokens:)``.
  public internal(set) var calibration: ExitCalibration?

  init(layer: Int, head: PairHead, calibration: ExitCalibration? = nil) {
    self.layer = layer
    self.head = head
    self.calibration = calibration
  }

  public var parameters: [Parameter] { head.parameters }
}

/// Turns an exit's logit into a probability: Platt scaling (Platt, 1999), `1 / (1 + exp(-(slope logit + offset)))`, with both
/// classes weighted alike, so that 1/2 means: as likely a relevant candidate's logit as another's.
///
/// Losses over pairs and lists leave the scale and the zero of logits open; without this a threshold would mean nothing.
public struct ExitCalibration: Sendable, Equatable, Codable {
  /// Not below 0: an exit that gets the order wrong is taken to know nothing.
  public let slope: Double
  public let offset: Double

  public init(slope: Double, offset: Double) {
    self.slope = slope
    self.offset = offset
  }

  public func probability(of logit: Double) -> Double { 1 / (1 + exp(-(slope * logit + offset))) }

  /// The most likely scaling of some candidates' logits, with Platt's targets `(n + 1) / (n + 2)` and `1 / (n + 2)`; Newton's
  /// method with halved steps (Lin, Lin and Weng, 2007).
  ///
  /// Nil where there is no relevant or no other candidate.
  public init?(logits: [Double], isRelevant: [Bool]) {
    precondition(logits.count == isRelevant.count, "\(logits.count) logits for \(isRelevant.count) candidates")
    let positives = Double(isRelevant.count { $0 }), negatives = Double(logits.count) - positives
    guard positives > 0, negatives > 0 else { return nil }
    let weights = isRelevant.map { $0 ? 0.5 / positives : 0.5 / negatives }
    let targets = isRelevant.map { $0 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2) }
    // Newton's steps are well conditioned for numbers around 0 with a spread of 1.
    let mean = logits.reduce(0, +) / Double(logits.count)
    let spread = (logits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(logits.count)).squareRoot()
    guard spread > 0 else {
      self.init(slope: 0, offset: 0)
      return
    }
    let x = logits.map { ($0 - mean) / spread }
    func loss(_ a: Double, _ b: Double) -> Double {
      x.indices.reduce(0) { sum, i in
        let z = a * x[i] + b
        return sum + weights[i] * (max(z, 0) + log1p(exp(-abs(z))) - targets[i] * z)
      }
    }
    var a = 0.0, b = 0.0, best = loss(0, 0)
    for _ in 0..<100 {
      var gradient = (a: 0.0, b: 0.0), hessian = (aa: 1e-12, ab: 0.0, bb: 1e-12)
      for i in x.indices {
        let p = 1 / (1 + exp(-(a * x[i] + b)))
        let first = weights[i] * (p - targets[i]), second = weights[i] * p * (1 - p)
        gradient = (gradient.a + first * x[i], gradient.b + first)
        hessian = (hessian.aa + second * x[i] * x[i], hessian.ab + second * x[i], hessian.bb + second)
      }
      guard abs(gradient.a) > 1e-10 || abs(gradient.b) > 1e-10 else { break }
      let determinant = hessian.aa * hessian.bb - hessian.ab * hessian.ab
      let step = (
        a: (hessian.bb * gradient.a - hessian.ab * gradient.b) / determinant,
        b: (hessian.aa * gradient.b - hessian.ab * gradient.a) / determinant)
      var length = 1.0
      // The last steps change the sum by less than its rounding.
      while length > 1e-10, loss(a - length * step.a, b - length * step.b) > best + 1e-14 { length /= 2 }
      guard length > 1e-10 else { break }
      a -= length * step.a
      b -= length * step.b
      best = loss(a, b)
    }
    if a > 0 { self.init(slope: a / spread, offset: b - a * mean / spread) } else { self.init(slope: 0, offset: 0) }
  }
}

/// When a candidate leaves a cross-encoder early: the thresholds for the two classes are apart, because few candidates are
/// relevant and their order matters most (Xin et al., SustaiNLP 2020).
public struct EarlyExitThresholds: Sendable, Equatable {
  /// A candidate leaves as not relevant where an exit's probability of relevance is below; 0 for never.
  public var notRelevant: Double
  /// It leaves as relevant where the probability is above; 1 for never.
  public var relevant: Double

  /// - Throws: ``ModelError/exitThresholds(notRelevant:relevant:)`` unless `0 <= notRelevant <= relevant <= 1`.
  public init(notRelevant: Double, relevant: Double = 1) throws {
    guard notRelevant >= 0, notRelevant <= relevant, relevant <= 1 else {
      throw ModelError.exitThresholds(notRelevant: notRelevant, relevant: relevant)
    }
    self.notRelevant = notRelevant
    self.relevant = relevant
  }
}
