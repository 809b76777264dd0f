import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Late interaction")
struct TokenIndexTests {
  /// MaxSim by the definition, of vectors that were never compressed.
  private static func maxSim(_ query: [Float], _ document: [Float]) -> Double {
    let width = TokenCollection.dimension
    func rows(_ values: [Float]) -> [[Float]] {
      stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]).unitLength }
    }
    return rows(query).reduce(0) { sum, x in
      sum + (rows(document).map { y in zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) } }.max() ?? 0)
    }
  }

  @Test("More bits keep more of a token, and of the order", arguments: [1, 2, 4])
  func compression(bits: Int) throws {
    let folder = try TemporaryFolder()
    let index = try TokenCollection.build(300, in: folder.path("idx"), bits: bits)
    try index.verify()
    #expect(index.count == 300 && index.centroidCount > 100)
    var cosine = 0.0, tokens = 0.0
    for document in 0..<30 {
      let original = TokenCollection.tokens(document)
      let stored = try #require(try index.tokens(docno: RandomVectors.docno(document)))
      #expect(stored.count == original.count)
      for start in stride(from: 0, to: original.count, by: TokenCollection.dimension) {
        cosine += innerProduct(Array(original[start..<start + TokenCollection.dimension]), stored, start)
        tokens += 1
      }
    }
    #expect(cosine / tokens > [1: 0.9, 2: 0.96, 4: 0.99][bits]!, "\(cosine / tokens)")
    var agreement = 0.0
    for number in 0..<20 {
      let query = TokenCollection.query(number * 7)
      let expected = (0..<300).map {
        ScoredDocument(docno: RandomVectors.docno($0), score: Self.maxSim(query, TokenCollection.tokens($0)))
      }.sorted(by: ScoredDocument.precedes)
      let found = try index.exhaustive(query, k: 10)
      agreement += RandomVectors.recall(found, Array(expected.prefix(10))) / 20
      #expect(found[0].docno == expected[0].docno)
    }
    #expect(agreement > [1: 0.7, 2: 0.8, 4: 0.9][bits]!, "\(agreement)")
  }

  @Test("Pruned search finds what exhaustive search finds; all probes and candidates give its very result")
  func pruning() throws {
    let folder = try TemporaryFolder()
    let index = try TokenCollection.build(400, in: folder.path("idx"))
    var recall = 0.0, touched = 0.0
    for number in 0..<20 {
      let query = TokenCollection.query(number * 11)
      let exact = try index.exhaustive(query, k: 10)
      let all = TokenSearchOptions(probes: index.centroidCount, centroidThreshold: nil, candidates: 400)
      let everything = try index.search(query, k: 10, options: all)
      #expect(everything.documents == exact && everything.scoredDocuments == 400)
      let pruned = try index.search(query, k: 10, options: TokenSearchOptions(probes: 4, candidates: 60))
      #expect(pruned.scoredDocuments <= 60)
      recall += RandomVectors.recall(pruned.documents, exact) / 20
      touched += Double(pruned.touchedDocuments) / 20
      for hit in pruned.documents { #expect(exact.first { $0.docno == hit.docno }.map { $0.score == hit.score } ?? true) }
    }
    #expect(recall > 0.9, "\(recall)")
    #expect(touched < 300, "\(touched)")
  }

  @Test("The same bytes for any number of threads")
  func threads() throws {
    let folder = try TemporaryFolder()
    let before = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = before }
    var contents: [[String: [UInt8]]] = []
    for threads in [1, 2] {
      WorkerPool.shared.threadLimit = threads
      _ = try TokenCollection.build(150, in: folder.path("\(threads)"))
      contents.append(try TemporaryFolder.contents(of: folder.path("\(threads)")))
    }
    #expect(contents[0] == contents[1])
  }

  @Test("Several queries, and documents by name, have the bits of one at a time", arguments: [1, 2])
  func batches(threads: Int) throws {
    let folder = try TemporaryFolder()
    let index = try TokenCollection.build(120, in: folder.path("idx"))
    // Of more tokens than a panel has lanes.
    let queries = [3, 40, 77].map(TokenCollection.query) + [(0..<5).flatMap { TokenCollection.tokens($0 * 9) }]
    #expect(queries[3].count / TokenCollection.dimension > 32)
    let before = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = before }
    WorkerPool.shared.threadLimit = threads
    let options = TokenSearchOptions(probes: 3, candidates: 20)
    #expect(try index.search(queries, k: 7, options: options) == queries.map { try index.search($0, k: 7, options: options) })
    let exact = try index.exhaustive(queries, k: 120)
    #expect(try exact == queries.map { try index.exhaustive($0, k: 120) })
    for (query, ranking) in zip(queries, exact) {
      let names = ranking.map(\.docno)
      #expect(try index.scores(query, docnos: names) == ranking.map(\.score))
      let some = try index.scores(query, docnos: [names[5], "nobody", names[2]])
      #expect(some == [ranking[5].score, nil, ranking[2].score])
    }
    #expect(try index.tokenCount(docno: RandomVectors.docno(4)) == TokenCollection.tokens(4).count / TokenCollection.dimension)
    #expect(try index.tokenCount(docno: "nobody") == nil)
  }

  @Test("Centroids are the means of who is nearest, and every token has its nearest")
  func clustering() throws {
    var vectors: [Float] = []
    for document in 0..<60 { vectors += TokenCollection.tokens(document) }
    let dimension = TokenCollection.dimension
    let total = vectors.count / dimension
    for count in [1, 5, 70] {
      let means = vectors.withUnsafeBufferPointer {
        KMeans(of: $0, dimension: dimension, count: count, iterations: 6, seed: 3)
      }
      let nearest = vectors.withUnsafeBufferPointer { means.nearest(of: $0) }
      #expect(means.count == count && nearest.count == total)
      for token in 0..<total {
        let own = Array(vectors[token * dimension..<(token + 1) * dimension])
        let products = (0..<count).map { innerProduct(own, Array(means.centroid($0))) }
        #expect(products[Int(nearest[token])] >= products.max()! - 1e-5)
      }
      for centroid in 0..<count {
        #expect(abs(means.centroid(centroid).reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
      }
    }
    // A round puts each centroid at the mean of its vectors, at unit length.
    let (before, after) = vectors.withUnsafeBufferPointer {
      (
        KMeans(of: $0, dimension: dimension, count: 9, iterations: 2, seed: 3),
        KMeans(of: $0, dimension: dimension, count: 9, iterations: 3, seed: 3)
      )
    }
    let nearest = vectors.withUnsafeBufferPointer { before.nearest(of: $0) }
    for centroid in 0..<9 {
      var sum = [Float](repeating: 0, count: dimension)
      for token in 0..<total where nearest[token] == UInt32(centroid) {
        for place in 0..<dimension { sum[place] += vectors[token * dimension + place] }
      }
      let mean = sum.unitLength
      #expect(zip(mean, after.centroid(centroid)).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test("Documents are stored beside the vectors where that is asked for")
  func documents() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let configuration = TokenIndexConfiguration(dimension: 16, encoder: TokenCollection.encoder)
    let builder = try TokenIndexBuilder(creating: path, configuration: configuration, storesDocuments: true)
    let document = Document(docno: "d1", title: "Title", text: "Text", metadata: ["year": "1999"])
    let vector = [1] + [Float](repeating: 0, count: 15)
    try builder.add(document, tokens: vector)
    #expect(throws: VectorIndexError.self) { try builder.add(docno: "d2", tokens: vector) }
    #expect(throws: VectorIndexError.duplicateDocno("d1")) { try builder.add(document, tokens: vector) }
    try builder.add(Document(docno: "d2", text: ""), tokens: [])
    try builder.commit()
    let index = try TokenIndex(path: path)
    try index.verify()
    #expect(index.storesDocuments && TokenIndex.isPresent(at: path) && !VectorIndex.isPresent(at: path))
    #expect(try index.document(docno: "d1") == document)
    #expect(try index.document(docno: "d2") == Document(docno: "d2", text: ""))
    #expect(try index.document(docno: "d3") == nil)
    let bare = try TokenCollection.build(3, in: folder.path("bare"))
    #expect(try !bare.storesDocuments && bare.document(docno: RandomVectors.docno(0)) == nil)
  }

  @Test("Empty documents, empty queries, and what is refused")
  func edges() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let builder = try TokenIndexBuilder(
      creating: path, configuration: TokenIndexConfiguration(dimension: 16, encoder: TokenCollection.encoder))
    try builder.add(docno: "empty", tokens: [])
    try builder.add(docno: "one", tokens: [1] + [Float](repeating: 0, count: 15))
    #expect(throws: VectorIndexError.duplicateDocno("one")) { try builder.add(docno: "one", tokens: []) }
    #expect(throws: VectorIndexError.wrongDimension(docno: "d", found: 1, expected: 16)) {
      try builder.add(docno: "d", tokens: [Float](repeating: 1, count: 17))
    }
    #expect(throws: VectorIndexError.notFinite(docno: "d", position: 15)) {
      try builder.add(docno: "d", tokens: [Float](repeating: 1, count: 15) + [.nan])
    }
    try builder.commit()
    #expect(throws: IndexError.builderClosed(path: path)) { try builder.add(docno: "late", tokens: []) }
    let index = try TokenIndex(path: path)
    let query = [Float](repeating: 1, count: 16)
    #expect(try index.search(query, k: 5).documents.map(\.docno) == ["one"])
    #expect(try index.exhaustive(query, k: 5).map(\.docno) == ["one"])
    #expect(try index.search([], k: 5).documents.isEmpty && index.search(query, k: 0).documents.isEmpty)
    #expect(throws: VectorIndexError.wrongQueryDimension(found: 3, expected: 16)) { try index.search([1, 2, 3], k: 1) }
    for bits in [0, 3, 8] {
      #expect(throws: VectorIndexError.self) {
        try TokenIndexBuilder(
          creating: folder.path("no"),
          configuration: TokenIndexConfiguration(dimension: 16, encoder: TokenCollection.encoder, residualBits: bits))
      }
    }
    #expect(throws: VectorIndexError.otherIndex(path: path)) {
      try VectorIndexWriter(
        creating: path, configuration: VectorIndexConfiguration(dimension: 16, encoder: TokenCollection.encoder))
    }
    let nothing = try TokenIndexBuilder(
      creating: folder.path("nothing"), configuration: TokenIndexConfiguration(dimension: 16, encoder: TokenCollection.encoder))
    try nothing.commit()
    #expect(try TokenIndex(path: folder.path("nothing")).search(query, k: 3).documents.isEmpty)
  }

  @Test("Whatever call to the disk fails, the token index stays as it was")
  func faults() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try TokenCollection.build(20, in: path)
    let expected = try TemporaryFolder.contents(of: path)
    let configuration = TokenIndexConfiguration(dimension: 32, encoder: TokenCollection.encoder, centroids: 4)
    var failures = 0
    for calls in 0..<100 {
      do {
        let builder = try TokenIndexBuilder(path, configuration: configuration, calls: Faults(after: calls).calls)
        for document in 0..<10 { try builder.add(docno: RandomVectors.docno(document), tokens: TokenCollection.tokens(document)) }
        try builder.commit()
        break
      } catch is FileError {
        failures += 1
        if try TokenIndex(path: path).count == 10 { continue }
        #expect(try TemporaryFolder.contents(of: path) == expected, "after \(calls) calls")
      }
    }
    #expect(failures > 5)
    #expect(try TokenIndex(path: path).count == 10)
  }
}
