import GradusCore
import GradusFormats
import GradusTensor

/// The scores that ANNCUR computes once, of all items for the anchor queries, as they are kept in a file.
///
///     let scores = try CURScores(scorer: reranker, scorerName: digest, items: documents, anchorQueries: queries)
///     try scores.write(to: "anchors.safetensors")
///
/// A safetensors file with one tensor `scores`, `[anchor queries, items]` in float64; its metadata tell scorer, items and anchor
/// queries, and a file of others is refused.
public struct CURScores: Sendable {
  public let scorerName: String
  /// In the order of the rows.
  public let anchorQueries: [Query]
  /// `[anchor queries][items]`
  public let scores: Matrix
  private let itemsDigest: String

  /// Scores all items for the anchor queries: `anchorQueries x items` calls.
  ///
  /// - Parameters:
  ///   - scorer: Pointwise: a pair's score must depend on the pair alone.
  ///   - scorerName: What tells this scorer from others, a digest of its weights say.
  ///   - progress: Called after each anchor query.
  /// - Throws: ``CURError``, and what the scorer throws.
  public init(
    scorer: some Reranker, scorerName: String, items: [Document], anchorQueries: [Query], progress: (Int) -> Void = { _ in }
  ) throws {
    guard let firstQuery = anchorQueries.first else { throw CURError.noAnchorQueries }
    let candidates = items.map { Candidate(document: $0) }
    var rows: [[Double]] = []
    for query in anchorQueries {
      rows.append(try CURRetriever.scores(scorer, query, candidates))
      progress(1)
    }
    // A scorer that answers differently when asked again (dropout left on) cannot be approximated.
    let again = try CURRetriever.scores(scorer, firstQuery, Array(candidates.prefix(4)))
    guard again.elementsEqual(rows[0].prefix(4)) else { throw CURError.notDeterministic(qid: firstQuery.qid) }
    self.scorerName = scorerName
    self.anchorQueries = anchorQueries
    scores = Matrix(rows)
    itemsDigest = Self.digest(items)
  }

  /// Reads what ``write(to:)`` wrote.
  ///
  /// - Throws: ``CURError/otherScores(path:what:)`` where scorer, items or anchor queries are others; `SafetensorsError`.
  public init(path: String, scorerName: String, items: [Document], anchorQueries: [Query]) throws {
    let file = try SafetensorsFile(path: path)
    guard let info = file.tensorInfo("scores"), info.shape.count == 2, info.type == .float64 else {
      throw CURError.otherScores(path: path, what: "nothing, having no tensor 'scores' of float64")
    }
    let digest = Self.digest(items)
    let expected = [
      ("scorer", scorerName, "another scorer"), ("items", digest, "other items"),
      ("anchor_queries", Self.digest(anchorQueries.map { Document(docno: $0.qid, text: $0.text) }), "other anchor queries"),
    ]
    for (key, value, what) in expected where file.metadata[key] != value { throw CURError.otherScores(path: path, what: what) }
    guard info.shape == [anchorQueries.count, items.count] else {
      throw CURError.otherScores(path: path, what: "\(info.shape[0]) queries and \(info.shape[1]) items")
    }
    let values = try file.withBytes("scores") { bytes, _ in
      (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
    guard values.allSatisfy(\.isFinite) else { throw CURError.scoreNotFinite }
    self.scorerName = scorerName
    self.anchorQueries = anchorQueries
    scores = Matrix(rows: anchorQueries.count, columns: items.count, values: values)
    itemsDigest = digest
  }

  /// - Throws: `FileError`.
  public func write(to path: String) throws {
    let writer = SafetensorsWriter(
      path: path,
      metadata: [
        "scorer": scorerName, "items": itemsDigest,
        "anchor_queries": Self.digest(anchorQueries.map { Document(docno: $0.qid, text: $0.text) }),
      ])
    let values = scores.values
    writer.add("scores", type: .float64, shape: [scores.rows, scores.columns]) { values.withUnsafeBytes { Array($0) } }
    try writer.commit()
  }

  private static func digest(_ documents: [Document]) -> String {
    var digest = SHA256Digest()
    for document in documents {
      for text in [document.docno, document.title, document.text] {
        Array("\(text.utf8.count) \(text)".utf8).withUnsafeBytes { digest.update($0) }
      }
    }
    return digest.finish()
  }
}

extension CURRetriever {
  /// From scores that were computed or read.
  public init(
    scorer: any Reranker, items: [Document], anchorItems: AnchorItems, scores: CURScores,
    solver: PseudoInverse = .truncated(relativeTolerance: 1e-2)
  ) throws {
    try self.init(
      scorer: scorer, scorerName: scores.scorerName, items: items, anchors: Self.anchors(anchorItems, items),
      scores: scores.scores, solver: solver)
  }
}
