import Foundation
import GradusCore
import GradusIndex
import GradusModels
import GradusRank
import GradusText
import Testing

@Suite("Late interaction")
struct LateInteractionTests {
  private static func encoder(
    _ selection: LateInteractionEncoder.Selection = .init(), fused: Bool = false
  ) throws -> LateInteractionEncoder {
    let encoder = try LateInteractionEncoder(TinyModel.biEncoder(), selection: selection)
    return fused ? try encoder.prepared(for: .fp32) : encoder
  }

  /// MaxSim by the definition.
  private static func maxSim(_ query: [Float], _ document: [Float], _ dimension: Int) -> Double {
    func rows(_ values: [Float]) -> [ArraySlice<Float>] {
      stride(from: 0, to: values.count, by: dimension).map { values[$0..<$0 + dimension] }
    }
    return rows(query).reduce(0) { sum, x in
      sum + (rows(document).map { y in zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) } }.max() ?? 0)
    }
  }

  @Test("Every token has a vector of unit length, padded with zeros; the batch and the kernels change nothing")
  func vectors() throws {
    let encoder = try Self.encoder()
    // 36 numbers and 12 zeros.
    #expect(encoder.dimension == 48)
    let texts = TinyModel.documents.map(\.contents)
    let encoded = try encoder.encode(texts, as: .document)
    let fused = try Self.encoder(fused: true).encode(texts, as: .document).vectors
    for (number, vectors) in encoded.vectors.enumerated() {
      // Single letters, [CLS] and [SEP]; 32 positions.
      let tokens = min(32, texts[number].split(separator: " ").count + 2)
      #expect(vectors.count == tokens * 48)
      for token in 0..<tokens {
        let own = Array(vectors[token * 48..<(token + 1) * 48])
        #expect(abs(own.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 && own[36...].allSatisfy { $0 == 0 })
      }
      #expect(try encoder.encode([texts[number]], as: .document).vectors[0] == vectors)
      #expect(zip(fused[number], vectors).allSatisfy { abs($0 - $1) < 1e-4 })
    }
    #expect(encoded.truncatedTokens == texts.map { max(0, $0.split(separator: " ").count - 30) })
    var done = 0
    _ = try encoder.encode(texts, as: .document, maximumTokens: 40) { done += $0 }
    #expect(done == texts.count)
  }

  @Test("Special tokens and punctuation go where that is asked for, punctuation from documents alone")
  func selection() throws {
    let path = NSTemporaryDirectory() + "gradus-vocabulary-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", ",", ".", "##c"]
    try pieces.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    var generator = SeededGenerator(seed: 4)
    let bert = BertEncoder(
      BertConfiguration(
        vocabularySize: pieces.count, hiddenSize: 36, intermediateSize: 40, layerCount: 1, headCount: 3, maximumPositions: 32,
        initializerRange: 0.3), using: &generator)
    func tokens(_ text: String, _ role: LateInteractionEncoder.Role, specials: Bool, punctuation: Bool, prompt: String = "")
      throws -> [Float] {
      let prompts = prompt.isEmpty ? SentencePrompts() : SentencePrompts(["query": prompt, "document": prompt])
      let base = BiEncoder(encoder: bert, tokenizer: try WordPieceTokenizer(vocabulary: path), prompts: prompts)
      let encoder = LateInteractionEncoder(base, selection: .init(specials: specials, punctuation: punctuation))
      return try encoder.encode([text], as: role).vectors[0]
    }
    let text = "a, ac."
    // [CLS] a , a ##c . [SEP]
    let all = try tokens(text, .document, specials: true, punctuation: true)
    func rows(_ numbers: [Int]) -> [Float] { numbers.flatMap { Array(all[$0 * 48..<($0 + 1) * 48]) } }
    #expect(all.count == 7 * 48)
    #expect(try tokens(text, .document, specials: true, punctuation: false) == rows([0, 1, 3, 4, 6]))
    #expect(try tokens(text, .document, specials: false, punctuation: false) == rows([1, 3, 4]))
    #expect(try tokens(text, .query, specials: false, punctuation: false) == rows([1, 2, 3, 4, 5]))
    #expect(try tokens(",.", .document, specials: false, punctuation: false).isEmpty)
    // A prompt is read, so that the others' vectors change, and gives none.
    let prompted = try tokens(text, .query, specials: true, punctuation: true, prompt: "b b ")
    #expect(prompted.count == 7 * 48 && prompted != all)
  }

  @Test("Reranker, scan and index agree with the definition; the reranker takes stored vectors", arguments: [false, true])
  func agreement(hasSpecials: Bool) throws {
    let encoder = try Self.encoder(.init(specials: hasSpecials))
    let documents = TinyModel.documents
    let dimension = encoder.dimension
    let vectors = try encoder.encode(documents.map(\.contents), as: .document).vectors
    var scan = try LateInteractionScan(encoder: encoder, queries: TinyModel.queries, depth: 4)
    for start in stride(from: 0, to: documents.count, by: 3) {
      try scan.add(Array(documents[start..<min(documents.count, start + 3)]))
    }
    let reranker = LateInteractionReranker(encoder)
    #expect(scan.documents == documents.count && scan.truncatedDocuments == 2)
    for (number, query) in TinyModel.queries.enumerated() {
      let asked = try encoder.encode([query.text], as: .query).vectors[0]
      let exact = zip(documents, vectors).filter { !$1.isEmpty }.map {
        ScoredDocument(docno: $0.docno, score: Self.maxSim(asked, $1, dimension))
      }.sorted(by: ScoredDocument.precedes)
      let found = scan.rankings[number]
      #expect(found.qid == query.qid && found.documents.count == 4)
      for (hit, expected) in zip(found.documents, exact) { #expect(abs(hit.score - expected.score) < 1e-4) }
      let scores = try reranker.scores(of: documents.map { Candidate(document: $0) }, for: query)
      for hit in found.documents {
        let place = documents.firstIndex { $0.docno == hit.docno }!
        #expect(scores[place].score == hit.score)
      }
      // The pair alone decides.
      let alone = try reranker.scores(of: [Candidate(document: documents[3])], for: query)[0]
      #expect(alone == scores[3])
      #expect(scores[9].truncatedTokens == 30 && scores[0].truncatedTokens == 0)
    }
  }

  @Test("An index answers and re-ranks with its own vectors; those of another encoder are refused")
  func stored() throws {
    let folder = NSTemporaryDirectory() + "gradus-tokens-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let encoder = try Self.encoder()
    let fingerprint = EncoderFingerprint(name: "tiny", digest: "1", settings: encoder.settings)
    let builder = try TokenIndexBuilder(
      creating: folder,
      configuration: TokenIndexConfiguration(dimension: encoder.dimension, encoder: fingerprint, residualBits: 4, centroids: 500),
      storesDocuments: true)
    let documents = TinyModel.documents
    // The last is not in the index.
    let vectors = try encoder.encode(documents.map(\.contents), as: .document).vectors
    for (document, own) in zip(documents, vectors).dropLast() { try builder.add(document, tokens: own) }
    try builder.commit()
    let index = try TokenIndex(path: folder)
    var retriever = try LateInteractionRetriever(
      encoder: encoder, fingerprint: fingerprint, index: index, strategy: .exhaustive)
    let exact = try retriever.retrieve(TinyModel.queries, depth: 9)
    #expect(exact.map(\.qid) == TinyModel.queries.map(\.qid))
    retriever.strategy = .pruned(TokenSearchOptions(probes: index.centroidCount, centroidThreshold: nil, candidates: 9))
    #expect(try retriever.retrieve(TinyModel.queries, depth: 9) == exact)
    retriever.strategy = .pruned(TokenSearchOptions(probes: 0))
    #expect(throws: VectorIndexError.self) { try retriever.retrieve(TinyModel.queries, depth: 9) }

    let reranker = try LateInteractionReranker(encoder, index: index, fingerprint: fingerprint)
    let plain = LateInteractionReranker(encoder)
    for (number, query) in TinyModel.queries.enumerated() {
      let scores = try reranker.scores(of: documents.map { Candidate(document: $0) }, for: query)
      for hit in exact[number].documents {
        let place = documents.firstIndex { $0.docno == hit.docno }!
        #expect(scores[place].score == hit.score)
      }
      let encoded = try plain.scores(of: documents.map { Candidate(document: $0) }, for: query)
      #expect(scores[9] == encoded[9])
      // Every token is a centroid: nothing is left to be rounded.
      for (stored, own) in zip(scores, encoded) { #expect(abs(stored.score - own.score) < 1e-3) }
    }
    let read = try reranker.read(Candidate(document: documents[2]), for: TinyModel.queries[0])
    #expect(reranker.tokens(of: read) == 19)
    let other = EncoderFingerprint(name: "tiny", digest: "1", settings: "mean pooling, unit length")
    #expect(throws: VectorIndexError.encoderMismatch(path: folder, found: other, expected: fingerprint)) {
      try LateInteractionRetriever(encoder: encoder, fingerprint: other, index: index)
    }
    #expect(throws: VectorIndexError.self) { try LateInteractionReranker(encoder, index: index, fingerprint: other) }
  }
}
