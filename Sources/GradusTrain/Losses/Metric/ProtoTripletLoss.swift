import GradusTensor

/// SuSana's Proto-Triplet: a triplet loss against the prototypes of the classes (Mendez-Ruiz et al., 2023, arXiv 2305.09062).
///
///     loss = max(0, d(x, p_own) - min over other classes of d(x, p_c) + margin),   d(x, y) = sqrt(|x - y|^2 + 1e-6)
///
/// Classes are queries (or topics that stand as queries). Without `shots` a sample's query vector is x and the mean of its
/// positive documents its class's prototype: query-document retrieval. With `shots` each sample is one class of an episode, as
/// ``EpisodicSampler`` draws them: its first `shots` documents make the prototype, the others are the x, and the query's vector
/// is not used; the sample has their mean.
///
///     try ProtoTripletLoss(margin: 0.5, shots: 5)
public struct ProtoTripletLoss: EmbeddingLoss, Equatable {
  public let margin: Double
  /// Documents of a class that make its prototype; nil for retrieval.
  public let shots: Int?

  /// - Throws: ``LossError/negativeMargin(_:)``, ``LossError/notPositive(parameter:found:)``.
  public init(margin: Double = 0.5, shots: Int? = nil) throws(LossError) {
    guard margin >= 0 && margin.isFinite else { throw .negativeMargin(margin) }
    if let shots, shots < 1 { throw .notPositive(parameter: "shots", found: Double(shots)) }
    self.margin = margin
    self.shots = shots
  }

  public var couplesSamples: Bool { true }

  /// - Throws: ``LossError/listNeeded(loss:sample:)`` for single documents; ``LossError/episode(loss:reason:)`` for batches with
  ///   one class, classes without a prototype, and samples with no document beyond the shots.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let points = try EpisodePoints(input, shots: shots, loss: "\(Self.self)")
    return points.perSample(
      Self.values(points.vectors, classes: points.classes, prototypes: points.prototypes, margin: margin))
  }

  /// - Parameters:
  ///   - points: `[points, d]`.
  ///   - classes: The row of each point's prototype.
  ///   - prototypes: `[classes, d]`.
  /// - Returns: `[points]`.
  static func values(_ points: Tensor, classes: [Int], prototypes: Tensor, margin: Double) -> Tensor {
    let distances = (PrototypicalLoss.squaredDistances(points, prototypes) + 1e-6).sqrt()
    let isOther = classes.flatMap { own in (0..<prototypes.shape[0]).map { $0 != own } }
    let nearest = -(-distances).keeping(isOther).max(axes: [1])
    return (distances.picked(classes) - nearest + margin).relu()
  }
}

/// What a batch asks to be classified, and the prototypes of its classes.
struct EpisodePoints {
  /// `[points, d]`.
  let vectors: Tensor
  /// The row of each point's prototype.
  let classes: [Int]
  /// `[classes, d]`.
  let prototypes: Tensor
  private let samples: Int

  /// - Throws: ``LossError/listNeeded(loss:sample:)``, ``LossError/episode(loss:reason:)``.
  init(_ input: EmbeddingInput, shots: Int?, loss: String) throws(LossError) {
    if let single = input.samples.first(where: { $0.form == .pointwise }) { throw .listNeeded(loss: loss, sample: single.id) }
    let all = try EpisodeClasses(input, loss: loss)
    let perPoint: Int
    if let shots {
      perPoint = input.documentCount - shots
      guard perPoint >= 1 else {
        throw .episode(
          loss: loss, reason: "\(shots) shots leave no document of \(input.documentCount) to be classified; use longer lists")
      }
      vectors = input.documents.slice(axis: 1, from: shots, to: input.documentCount)
        .reshaped(to: [input.samples.count * perPoint, input.dimension])
    } else {
      perPoint = 1
      vectors = input.queries
    }
    prototypes = try all.prototypes(input, shots: shots, loss: loss)
    classes = all.ofSample.flatMap { [Int](repeating: $0, count: perPoint) }
    samples = input.samples.count
  }

  /// Means of each sample's points, `[samples]`.
  func perSample(_ values: Tensor) -> Tensor {
    values.reshaped(to: [samples, classes.count / samples]).mean(axes: [1])
  }
}

/// The classes of a batch: one for each query, in the order of their first samples.
struct EpisodeClasses {
  /// The class of each sample.
  let ofSample: [Int]
  let count: Int

  /// - Throws: ``LossError/episode(loss:reason:)`` where there is only one.
  init(_ input: EmbeddingInput, loss: String) throws(LossError) {
    var known: [String: Int] = [:]
    var found: [Int] = []
    for sample in input.samples {
      let number = known[sample.qid] ?? known.count
      known[sample.qid] = number
      found.append(number)
    }
    guard known.count >= 2 else {
      throw .episode(loss: loss, reason: "a batch of one query has no other class to compare with; use larger batches")
    }
    ofSample = found
    count = known.count
  }

  /// Means of each class's support, `[classes, d]`: the first `shots` documents of its samples, or all positive ones.
  func prototypes(_ input: EmbeddingInput, shots: Int?, loss: String) throws(LossError) -> Tensor {
    var supports = [Int](repeating: 0, count: count)
    var members: [(row: Int, number: Int)] = []
    for (sample, number) in ofSample.enumerated() {
      for (place, document) in input.samples[sample].documents.enumerated()
      where shots.map({ place < $0 }) ?? document.isPositive {
        members.append((sample * input.documentCount + place, number))
        supports[number] += 1
      }
    }
    if let empty = supports.firstIndex(of: 0), let sample = ofSample.firstIndex(of: empty) {
      throw .episode(loss: loss, reason: "query \(input.samples[sample].qid) has no positive document to make a prototype of")
    }
    var weights = [Double](repeating: 0, count: count * input.samples.count * input.documentCount)
    let width = input.samples.count * input.documentCount
    for (row, number) in members { weights[number * width + row] = 1 / Double(supports[number]) }
    return matmul(input.constant(weights, [count, width]), input.allDocuments)
  }
}
