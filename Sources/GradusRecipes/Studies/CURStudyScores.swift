import GradusCore
import GradusData
import GradusFormats
import GradusIndex
import GradusModels
import GradusRank
import GradusTensor
import GradusText
import GradusTrain

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The exact scores that ``CURStudy`` is measured against, computed once and kept under `$GRADUS_HOME/cache/scores`.
struct CURStudyScores {
  let items: [Document]
  /// Of the items, by docno.
  let numbers: [String: Int]
  /// Training queries, from which anchors are drawn; then those that are tested.
  let anchorQueries: [Query]
  let testQueries: [Query]
  /// Of the scorer, `[anchor queries, then test queries][items]`.
  let exact: Matrix
  /// Cosines of the bi-encoder, likewise.
  let cosines: Matrix
  /// BM25's, likewise; 0 for what it does not find.
  let lexical: Matrix
  let qrels: Qrels

  /// Tokens of a text, or of a pair, that scorers read.
  static let maximumTokens = 128

  init(_ settings: StudySettings, home: DataHome) throws {
    let collection = try CollectionCatalog(home: home).locate(settings["data"])
    let data = try TrainingData(collection, home: home)
    let folder = ModelFolder(path: try ModelCatalog(home: home).locate(settings["model"]).folder)
    qrels = TrainingData.evenly(try data.qrels("test"), settings.count("test-queries"))
    anchorQueries = try TrainingData.evenly(data.train, settings.count("anchor-pool")).qids.map { try data.query($0) }
    testQueries = try qrels.qids.map { try data.query($0) }
    items = try Self.items(collection.corpus, count: settings.count("documents"), judged: qrels)
    numbers = Dictionary(uniqueKeysWithValues: items.enumerated().map { ($1.docno, $0) })
    let queries = anchorQueries + testQueries
    let parts = [settings["scorer"], settings["model"], try folder.weightsDigest()]
      + ["\(Self.maximumTokens)"] + items.map { "\($0.docno) \($0.contents)" } + queries.map { "\($0.qid) \($0.text)" }
    let key = SHA256Digest.hex(of: Array(parts.joined(separator: "\n").utf8)).prefix(24)
    let path = "\(home.cache)/scores/\(key).safetensors"
    if !FileManager.default.fileExists(atPath: path) {
      try Folder.create("\(home.cache)/scores")
      let lexical = try Self.lexical(data, queries, items, numbers)
      let (exact, cosines) = try Self.compute(settings["scorer"], folder, queries, items)
      let writer = SafetensorsWriter(path: path, metadata: [:])
      for (name, values) in [("exact", exact), ("cosines", cosines), ("lexical", lexical)] {
        writer.add(name, shape: [queries.count, items.count], floats: values)
      }
      try writer.commit()
    }
    let file = try SafetensorsFile(path: path)
    let shape = (rows: queries.count, columns: items.count)
    func matrix(_ name: String) throws -> Matrix {
      Matrix(rows: shape.rows, columns: shape.columns, values: try file.floats(name).map { Double($0) })
    }
    exact = try matrix("exact")
    cosines = try matrix("cosines")
    lexical = try matrix("lexical")
  }

  /// All judged documents of the tested queries and the first others, up to `count`, in the collection's order.
  private static func items(_ corpus: String, count: Int, judged: Qrels) throws -> [Document] {
    let relevant = Set(judged.qids.flatMap { judged.relevant(qid: $0) })
    let all = try CorpusReader(path: corpus).readAll()
    var others = max(0, count - all.count { relevant.contains($0.docno) })
    return all.filter { document in
      if relevant.contains(document.docno) { return true }
      others -= 1
      return others >= 0
    }
  }

  private static func lexical(
    _ data: TrainingData, _ queries: [Query], _ items: [Document], _ numbers: [String: Int]
  ) throws -> [Float] {
    let rankings = try LexicalRetriever(index: data.index).retrieve(queries, depth: data.index.statistics.documents)
    var values = [Float](repeating: 0, count: queries.count * items.count)
    for (row, ranking) in rankings.enumerated() {
      for hit in ranking.documents {
        if let item = numbers[hit.docno] { values[row * items.count + item] = Float(hit.score) }
      }
    }
    return values
  }

  /// bf16: half the time, and the same bits on every machine.
  private static func compute(
    _ scorer: String, _ folder: ModelFolder, _ queries: [Query], _ items: [Document]
  ) throws -> (exact: [Float], cosines: [Float]) {
    var encoder = try BiEncoder(folder: folder)
    let limits = TokenLimits(maximumTokens: min(maximumTokens, encoder.encoder.configuration.maximumPositions))
    encoder.limits = limits
    let fast = try encoder.prepared(for: .bf16)
    let progress = Progress("encoding", total: items.count, unit: "documents")
    let documents = try fast.encode(items.map(\.contents), prompt: .document) { progress.advance(by: $0) }.vectors
    progress.finish()
    let asked = try fast.encode(queries.map(\.text), prompt: .query).vectors
    let cosines = asked.flatMap { query in documents.map { Float(innerProduct(query, $0)) } }
    if scorer == "maxsim" {
      let tokens = try LateInteractionEncoder(encoder).prepared(for: .bf16)
      return (try maxSim(tokens, queries, items), cosines)
    }
    let pairs = try PairReranker(
      CrossEncoder(base: folder, head: .similarity, limits: limits, seed: 1).prepared(for: .bf16))
    let scoring = Progress("scoring", total: queries.count, unit: "queries")
    var exact: [Float] = []
    for query in queries {
      exact += try pairs.scores(of: items.map { Candidate(document: $0) }, for: query).map { Float($0.score) }
      scoring.advance(by: 1)
    }
    scoring.finish()
    return (exact, cosines)
  }

  private static func maxSim(_ encoder: LateInteractionEncoder, _ queries: [Query], _ items: [Document]) throws -> [Float] {
    var exact = [Float](repeating: 0, count: queries.count * items.count)
    let asked = try encoder.encode(queries.map(\.text), as: .query).vectors.map {
      MaxSimQuery(tokens: $0, dimension: encoder.dimension)
    }
    let progress = Progress("scoring", total: items.count, unit: "documents")
    let piece = 256
    for start in stride(from: 0, to: items.count, by: piece) {
      let range = start..<min(items.count, start + piece)
      let encoded = try encoder.encode(items[range].map(\.contents), as: .document).vectors
      let ends = encoded.reduce(into: [UInt32(0)]) { $0.append($0[$0.count - 1] + UInt32($1.count / encoder.dimension)) }
      let vectors = encoded.flatMap { $0 }
      exact.withUnsafeMutableBufferPointer { exact in
        nonisolated(unsafe) let exact = exact
        WorkerPool.shared.forEach(count: asked.count) { query in
          for (place, score) in asked[query].scores(of: vectors, ends: ends).enumerated() {
            exact[query * items.count + start + place] = score
          }
        }
      }
      progress.advance(by: range.count)
    }
    progress.finish()
    return exact
  }
}
