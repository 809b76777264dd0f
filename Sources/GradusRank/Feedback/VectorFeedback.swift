import GradusCore
import GradusIndex

/// A document that feedback learns from: its name, its score in the first search, its vector.
public struct FeedbackVector: Sendable, Equatable {
  public let docno: String
  public let score: Double
  public let vector: [Float]

  public init(docno: String, score: Double, vector: [Float]) {
    self.docno = docno
    self.score = score
    self.vector = vector
  }
}

/// Moves a query in the space of the vectors, by what a first search found.
public protocol VectorFeedback: Sendable {
  /// Documents of the first search that are looked at, best first.
  var depth: Int { get }

  /// The moved query.
  ///
  /// - Parameters:
  ///   - query: With its text, for methods that encode query and documents anew.
  ///   - vector: Of the query as it was.
  ///   - documents: The first `depth` of the first search, or fewer.
  func moved(_ query: Query, _ vector: [Float], by documents: [FeedbackVector]) throws -> [Float]
}

/// Rocchio's formula (1971), with the first documents as relevant and some later ones as not:
///
///     q' = alpha q + beta mean(first `positives`) - gamma mean(last `negatives` of the depth)
///
/// `alpha` 1, `beta` 0 and `gamma` 0 leave the query as it is. With 1/(positives + 1) for alpha and the rest for beta it is the
/// average of query and documents (Li et al., TOIS 2023: vector PRF).
public struct RocchioFeedback: VectorFeedback, Hashable {
  public let alpha: Double
  public let beta: Double
  public let gamma: Double
  public let positives: Int
  public let negatives: Int

  public init(alpha: Double = 0.4, beta: Double = 0.6, gamma: Double = 0, positives: Int = 3, negatives: Int = 0) {
    self.alpha = alpha
    self.beta = beta
    self.gamma = gamma
    self.positives = positives
    self.negatives = negatives
  }

  /// The average of the query and the first `positives` documents.
  public static func average(positives: Int = 3) -> RocchioFeedback {
    let share = 1 / Double(positives + 1)
    return RocchioFeedback(alpha: share, beta: 1 - share, positives: positives)
  }

  public var depth: Int { max(0, positives) + max(0, negatives) }

  public func moved(_ query: Query, _ vector: [Float], by documents: [FeedbackVector]) -> [Float] {
    let relevant = documents.prefix(max(0, positives))
    let others = documents.dropFirst(max(0, positives)).suffix(max(0, negatives))
    var result = vector.map { alpha * Double($0) }
    for (part, weight) in [(relevant, beta), (others, -gamma)] where !part.isEmpty {
      let share = weight / Double(part.count)
      for document in part {
        for place in result.indices { result[place] += share * Double(document.vector[place]) }
      }
    }
    return result.map { Float($0) }
  }
}

/// Reads the query together with the texts of the first documents, as ANCE-PRF does (Yu et al., CIKM 2021): a query encoder
/// that was trained for it makes the new vector; documents and their index stay as they are.
///
/// `Encode` gets the query's text and the documents' texts, best first, and returns a vector.
public struct EncodedFeedback: VectorFeedback {
  public typealias Encode = @Sendable (_ query: String, _ documents: [String]) throws -> [Float]

  public let depth: Int
  private let text: @Sendable (String) throws -> String?
  private let encode: Encode

  /// - Parameters:
  ///   - text: The text of a document by its docno, or nil where there is none.
  public init(depth: Int = 3, text: @escaping @Sendable (String) throws -> String?, encode: @escaping Encode) {
    self.depth = depth
    self.text = text
    self.encode = encode
  }

  public func moved(_ query: Query, _ vector: [Float], by documents: [FeedbackVector]) throws -> [Float] {
    let texts = try documents.compactMap { try text($0.docno) }
    return texts.isEmpty ? vector : try encode(query.text, texts)
  }
}
