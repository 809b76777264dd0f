import GradusCore
import GradusIndex
import GradusModels

/// Late interaction with every document of a collection, uncompressed, in memory that does not grow with the collection: what
/// searches in an index are measured against.
///
///     var scan = try LateInteractionScan(encoder: encoder, queries: queries, depth: 100)
///     while let piece = try reader.next(1024) { try scan.add(piece) }
///     let run = Run(name: "maxsim", rankings: scan.rankings)
///
/// - Complexity: query tokens x document tokens x dimension multiplications.
public struct LateInteractionScan {
  private let encoder: LateInteractionEncoder
  private let queries: [(qid: String, tokens: MaxSimQuery)]
  private let depth: Int
  /// By query, the best and some more.
  private var best: [[ScoredDocument]]
  public private(set) var documents = 0
  /// Documents that are longer than the encoder reads.
  public private(set) var truncatedDocuments = 0

  public init(encoder: LateInteractionEncoder, queries: [Query], depth: Int) throws {
    self.encoder = encoder
    self.depth = max(0, depth)
    let vectors = try encoder.encode(queries.map(\.text), as: .query).vectors
    self.queries = zip(queries, vectors).map { ($0.qid, MaxSimQuery(tokens: $1, dimension: encoder.dimension)) }
    best = [[ScoredDocument]](repeating: [], count: queries.count)
  }

  /// Encodes some documents and scores all queries against them. Documents without a token to compare are never found.
  public mutating func add(_ piece: [Document]) throws {
    let encoded = try encoder.encode(piece.map(\.contents), as: .document)
    documents += piece.count
    truncatedDocuments += encoded.truncatedTokens.count { $0 > 0 }
    let store = TokenVectors(encoded.vectors, dimension: encoder.dimension)
    var found = [[ScoredDocument]](repeating: [], count: queries.count)
    let names = piece.map(\.docno)
    let queries = queries
    found.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      WorkerPool.shared.forEach(count: queries.count) { number in
        let scores = store.scores(queries[number].tokens)
        slots[number] = names.indices.filter { store.count(of: $0) > 0 }.map {
          ScoredDocument(docno: names[$0], score: Double(scores[$0]))
        }
      }
    }
    for number in best.indices {
      best[number] += found[number]
      if best[number].count > 4 * depth + 256 { best[number] = Array(ranked(number).prefix(depth)) }
    }
  }

  private func ranked(_ number: Int) -> [ScoredDocument] { best[number].sorted(by: ScoredDocument.precedes) }

  /// The best `depth` documents of each query, by the tie rule.
  public var rankings: [Ranking] {
    queries.indices.map { Ranking(qid: queries[$0].qid, alreadyOrdered: Array(ranked($0).prefix(depth))) }
  }
}

/// Token vectors of some texts in one stretch.
struct TokenVectors: Sendable {
  private let values: [Float]
  /// Where the tokens of each text begin, and all of them end.
  private let ends: [UInt32]

  /// - Parameter texts: `[tokens * dimension]` each.
  init(_ texts: [[Float]], dimension: Int) {
    values = texts.flatMap { $0 }
    ends = texts.reduce(into: [0]) { $0.append($0[$0.count - 1] + UInt32($1.count / dimension)) }
  }

  func count(of text: Int) -> Int { Int(ends[text + 1] - ends[text]) }

  func scores(_ query: MaxSimQuery) -> [Float] { query.scores(of: values, ends: ends) }
}
