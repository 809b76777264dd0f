import Gradus

extension DenseSearchCommand {
  /// `gradus dense --late-interaction`: an index of token vectors, or exact MaxSim with all documents.
  struct LateInteraction {
    let corpus: String
    let encoder: LateInteractionEncoder
    let model: String
    let folder: ModelFolder
    let threads: Int
    let printsJSON: Bool

    /// Documents that are encoded together: their token vectors are in memory at once.
    private static let piece = 256

    func run(_ command: DenseSearchCommand) throws {
      if let index = command.index { return try store(in: index, command) }
      guard let topics = command.topics else { return }
      let queries = try InputNames.queries(topics, split: command.split, field: command.field)
      var scan = try LateInteractionScan(encoder: encoder, queries: queries, depth: command.depth)
      let elapsed = try seconds { _ = try CorpusPieces(of: corpus).forEach(Self.piece) { try scan.add($0) } }
      let run = Run(name: command.tag, rankings: scan.rankings)
      try TrecRunWriter.write(run, to: command.out ?? "-")
      let summary = Summary(
        corpus: corpus, out: command.out ?? "-", model: model, precision: encoder.precision.rawValue,
        documents: scan.documents, truncated_documents: scan.truncatedDocuments, queries: queries.count,
        retrieved: run.rankings.reduce(0) { $0 + $1.documents.count }, threads: threads, seconds: elapsed)
      if printsJSON { return try printJSON(summary) }
      printToStandardError(summary.text)
    }

    private func store(in index: String, _ command: DenseSearchCommand) throws {
      let fingerprint = try EncoderFingerprint(name: model, folder: folder, encoder: encoder)
      if command.change.adds { return try change(index, command.change, fingerprint) }
      let configuration = command.tokenStorage.configuration(
        dimension: encoder.dimension, encoder: fingerprint, seed: command.storage.seed,
        columns: try command.metadataColumns())
      try Folder.create(index)
      let builder = try TokenIndexBuilder(creating: index, configuration: configuration, storesDocuments: true)
      var tokens = 0
      let encoded = try encodeAll { document, vectors in
        try builder.add(document, tokens: vectors)
        tokens += vectors.count / encoder.dimension
      }
      let compressing = Progress("compressing", total: tokens, unit: "tokens")
      let clusteringSeconds = try seconds { try builder.commit { compressing.advance(by: $0) } }
      compressing.finish()
      let report = IndexReport(
        index: index, corpus: corpus, model: model, precision: encoder.precision.rawValue, documents: encoded.documents,
        truncated_documents: encoded.truncated, tokens: tokens, dimension: encoder.dimension, nbits: configuration.residualBits,
        centroids: try TokenIndex(path: index).centroidCount, threads: threads, encoding_seconds: encoded.seconds,
        clustering_seconds: clusteringSeconds)
      if printsJSON { return try printJSON(report) }
      try printOutput(report.text)
    }

    /// Adds documents to an index that is there, or replaces them.
    private func change(_ index: String, _ change: IndexChange, _ fingerprint: EncoderFingerprint) throws {
      let writer = try TokenIndexWriter(updating: index, encoder: fingerprint)
      var tokens = 0, replaced = 0
      let encoded = try encodeAll { document, vectors in
        if try change.makesRoom(for: document.docno, in: writer) { replaced += 1 }
        try writer.add(document, tokens: vectors)
        tokens += vectors.count / encoder.dimension
      }
      let writingSeconds = try seconds { try change.finish(writer) }
      let report = ChangeReport(
        index: index, corpus: corpus, model: model, precision: encoder.precision.rawValue, documents: encoded.documents,
        truncated_documents: encoded.truncated, replaced: change.replace ? replaced : nil, tokens: tokens,
        total: try TokenIndex(path: index).count, clipped_share: writer.clippedShare,
        expected_clipped_share: writer.expectedClippedShare, threads: threads, encoding_seconds: encoded.seconds,
        writing_seconds: writingSeconds)
      if printsJSON { return try printJSON(report) }
      try printOutput(report.text)
    }

    /// Encodes the corpus, and hands each document over with its token vectors.
    private func encodeAll(
      _ body: (Document, [Float]) throws -> Void
    ) throws -> (documents: Int, truncated: Int, seconds: Double) {
      var documents = 0, truncated = 0
      let elapsed = try seconds {
        documents = try CorpusPieces(of: corpus).forEach(Self.piece) { piece in
          let encoded = try encoder.encode(piece.map(\.contents), as: .document)
          for (document, vectors) in zip(piece, encoded.vectors) { try body(document, vectors) }
          truncated += encoded.truncatedTokens.count { $0 > 0 }
        }
      }
      return (documents, truncated, elapsed)
    }

    /// Names are those of the JSON object.
    private struct Summary: Encodable {
      let corpus: String
      let out: String
      let model: String
      let precision: String
      let documents: Int
      let truncated_documents: Int
      let queries: Int
      let retrieved: Int
      let threads: Int
      let seconds: Double

      var text: String {
        "gradus: \(documents.grouped) documents encoded token by token (\(precision)) and compared with "
          + "\(queries.grouped) queries in \(seconds.fixed(1)) s" + truncationNote(truncated_documents)
      }
    }

    /// Names are those of the JSON object.
    private struct IndexReport: Encodable {
      let index: String
      let corpus: String
      let model: String
      let precision: String
      let documents: Int
      let truncated_documents: Int
      let tokens: Int
      let dimension: Int
      let nbits: Int
      let centroids: Int
      let threads: Int
      let encoding_seconds: Double
      let clustering_seconds: Double

      var text: String {
        "\(index): \(tokens.grouped) token vectors of \(documents.grouped) documents (\(dimension) numbers, "
          + "\(centroids.grouped) centroids, \(nbits) bits a number), encoded in \(encoding_seconds.fixed(1)) s (\(precision)), "
          + "clustered and written in \(clustering_seconds.fixed(1)) s" + truncationNote(truncated_documents) + "\n"
      }
    }

    /// Names are those of the JSON object.
    private struct ChangeReport: Encodable {
      let index: String
      let corpus: String
      let model: String
      let precision: String
      let documents: Int
      let truncated_documents: Int
      /// With --replace: of the documents, those that were there before.
      let replaced: Int?
      let tokens: Int
      /// What the index holds now.
      let total: Int
      /// Of the numbers that centroids leave of what was added, those beyond the outermost levels; of what the index was built
      /// from, `expected_clipped_share` were.
      let clipped_share: Double?
      let expected_clipped_share: Double
      let threads: Int
      let encoding_seconds: Double
      let writing_seconds: Double

      var text: String {
        let clipped = clipped_share.map {
          "; \((100 * $0).fixed(1)) % of the numbers clipped (of the first documents': "
            + "\((100 * expected_clipped_share).fixed(1)) %)"
        }
        return "\(index): \(tokens.grouped) token vectors of \(documents.grouped) documents added, encoded in "
          + "\(encoding_seconds.fixed(1)) s (\(precision)), written in \(writing_seconds.fixed(1)) s; \(total.grouped) in all"
          + (replaced.map { ", \($0.grouped) replaced" } ?? "") + (clipped ?? "") + truncationNote(truncated_documents) + "\n"
      }
    }
  }
}
