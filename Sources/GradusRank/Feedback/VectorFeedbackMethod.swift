import GradusCore
import GradusIndex
import GradusModels

/// A way to move a query in the space of the vectors, by name.
///
///     rocchio(docs,alpha,beta,gamma,negatives)  average(docs)  ance-prf(docs,query,passage,tokens)
///
///     let method = try VectorFeedbackMethod(parsing: "ance-prf(docs=3)")
///     retriever.feedback = method.feedback(encoder: encoder) { try index.document(docno: $0) }
public enum VectorFeedbackMethod: Sendable, Hashable, CustomStringConvertible {
  case rocchio(RocchioFeedback)
  /// The mean of the query and the first documents.
  case average(docs: Int)
  /// The encoder reads the query together with the texts of the first documents.
  case ancePRF(docs: Int, FeedbackInputLimits)

  public static let names = ["rocchio", "average", "ance-prf"]

  /// Reads `name` or `name(parameter=value,...)`; parameters that are left out have their defaults.
  ///
  /// - Throws: `ModelSpecificationError`.
  public init(parsing specification: String) throws(ModelSpecificationError) {
    let name = String(specification.prefix { $0 != "(" }.filter { !$0.isWhitespace }).lowercased()
    let parameters: [String] =
      switch name {
      case "rocchio": ["docs", "alpha", "beta", "gamma", "negatives"]
      case "average": ["docs"]
      case "ance-prf": ["docs", "query", "passage", "tokens"]
      default: throw .unknownModel(name, known: Self.names)
      }
    var values: [String: Double] = [:]
    for (parameter, value) in try ModelSpecificationError.arguments(of: specification, model: name, parameters: parameters) {
      values[parameter] = value
    }
    func count(_ name: String, _ standard: Int, least: Int = 1) throws(ModelSpecificationError) -> Int {
      guard let value = values[name] else { return standard }
      guard value >= Double(least), value <= 1e6, value == value.rounded() else {
        throw .outOfRange(parameter: name, value: value, allowed: "a whole number from \(least) to 1000000")
      }
      return Int(value)
    }
    func weight(_ name: String, _ standard: Double) throws(ModelSpecificationError) -> Double {
      guard let value = values[name] else { return standard }
      guard value >= 0 else { throw .outOfRange(parameter: name, value: value, allowed: "a number from 0 up") }
      return value
    }
    let docs = try count("docs", 3)
    switch name {
    case "average": self = .average(docs: docs)
    case "ance-prf":
      let standard = FeedbackInputLimits()
      self = .ancePRF(
        docs: docs,
        FeedbackInputLimits(
          queryTokens: try count("query", standard.queryTokens), passageTokens: try count("passage", standard.passageTokens),
          totalTokens: try count("tokens", standard.totalTokens, least: 8)))
    default:
      let gamma = try weight("gamma", 0)
      self = .rocchio(
        RocchioFeedback(
          alpha: try weight("alpha", 0.4), beta: try weight("beta", 0.6), gamma: gamma, positives: docs,
          negatives: try count("negatives", gamma > 0 ? docs : 0, least: 0)))
    }
  }

  public var description: String {
    switch self {
    case .rocchio(let own):
      "rocchio(docs=\(own.positives),alpha=\(own.alpha),beta=\(own.beta),gamma=\(own.gamma),negatives=\(own.negatives))"
    case .average(let docs): "average(docs=\(docs))"
    case .ancePRF(let docs, let limits):
      "ance-prf(docs=\(docs),query=\(limits.queryTokens),passage=\(limits.passageTokens),tokens=\(limits.totalTokens))"
    }
  }

  /// The method at work.
  ///
  /// - Parameters:
  ///   - encoder: Of the queries; for ANCE-PRF one that was trained to read passages with them.
  ///   - document: The document of a docno, for methods that read texts; nil where there is none.
  public func feedback(
    encoder: BiEncoder, document: @escaping @Sendable (String) throws -> Document?
  ) -> any VectorFeedback {
    switch self {
    case .rocchio(let feedback): return feedback
    case .average(let docs): return RocchioFeedback.average(positives: docs)
    case .ancePRF(let docs, let limits):
      // The encoder's weights do not change while it is used to encode.
      nonisolated(unsafe) let encoder = encoder
      return EncodedFeedback(depth: docs, text: { try document($0)?.contents }) { query, passages in
        try encoder.encodeFeedback(query: query, passages: passages, limits: limits)
      }
    }
  }
}
