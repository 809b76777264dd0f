import GradusCore
import GradusIndex
import GradusRank
import GradusTestSupport
import Synchronization
import Testing

@testable import GradusPipeline

@Suite("Pipelines: operators") struct OperatorTests {
  private let query = Query(qid: "q", text: "q")
  private let a = RetrievalPipeline.retrieve(CountingRetriever(["q": [("x", 3), ("y", 2), ("z", 1)]]), name: "a")
  private let b = RetrievalPipeline.retrieve(CountingRetriever(["q": [("y", 10), ("w", 4)]]), name: "b")
  private let none = RetrievalPipeline.retrieve(CountingRetriever([:]), name: "none")

  private func run(_ pipeline: RetrievalPipeline) throws -> RankedList { try #require(try pipeline.run([query]).outputs.first) }

  @Test("Sum: a side that lacks a document counts 0; weights scale a side")
  func sum() throws {
    let added = try run(a + b)
    #expect(docnos(added) == ["y", "w", "x", "z"] && scores(added) == [12, 4, 3, 1])
    let weighted = try run(2 * a + b * 0.5)
    #expect(docnos(weighted) == ["y", "x", "z", "w"] && scores(weighted) == [9, 6, 2, 2])
    #expect(added.scoreKind == .unknown)
    #expect(try run(a * 0 + b).documents.prefix(2).map(\.docno) == ["y", "w"])
    #expect(docnos(try run(a * -1)) == ["z", "y", "x"], "a negative weight turns the list around")
    #expect(try run(a + b) == run(b + a))
    #expect(throws: PipelineError.outOfRange(stage: "*", name: "the weight", found: "inf", expected: "a finite number")) {
      try run(a * .infinity)
    }
  }

  @Test("Union and intersection drop the scores and are symmetric")
  func sets() throws {
    #expect(try docnos(run(a ||| b)) == ["z", "y", "x", "w"] && scores(run(a ||| b)) == [0, 0, 0, 0])
    #expect(try docnos(run(a &&& b)) == ["y"] && scores(run(a &&& b)) == [0])
    #expect(try run(a ||| b) == run(b ||| a) && run(a &&& b) == run(b &&& a))
    #expect(try run(a ||| b ||| none) == run(a ||| b))
    #expect(try run(a &&& b &&& none).documents.isEmpty)
  }

  @Test("Cut-off: k beyond the list is the list, 0 is nothing, below 0 is refused")
  func cut() throws {
    #expect(docnos(try run(a % 2)) == ["x", "y"])
    #expect(try run(a % 100) == run(a))
    #expect(try run(a % 0).documents.isEmpty)
    #expect(throws: PipelineError.outOfRange(stage: "%", name: "the depth", found: "-1", expected: "at least 0")) {
      try run(a % -1)
    }
  }

  @Test("Concatenation: the rest goes below, 0.0001 away, with its own distances")
  func concatenation() throws {
    let joined = try run(a ^^^ b)
    #expect(docnos(joined) == ["x", "y", "z", "w"])
    #expect(abs(scores(joined)[3] - (1 - 0.0001)) < 1e-15)
    let turned = try run(b ^^^ a)
    #expect(docnos(turned) == ["y", "w", "x", "z"])
    #expect(abs(scores(turned)[2] - 3.9999) < 1e-12 && abs(scores(turned)[3] - 1.9999) < 1e-12)
    #expect(try run(none ^^^ b) == run(b) && run(a ^^^ none) == run(a))
  }

  @Test("Concatenation keeps both orders whatever the scores are", arguments: 0..<20)
  func concatenationOfAnything(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func random(_ names: String) throws -> RankedList {
      let scale = [1e-300, 1e-17, 1, 1e12, 1e17, 1e300][generator.integer(below: 6)]
      return try list(names.map { (String($0), (generator.uniform() - 0.5) * scale) })
    }
    let (upper, lower) = (try random("abcde"), try random("cdefghij"))
    let joined = try ListOperations.joined([upper, lower], .concatenation, names: ["", ""])
    #expect(docnos(joined) == docnos(upper) + docnos(lower).filter { !docnos(upper).contains($0) })
    #expect(joined.documents == Ranking(qid: "q", documents: joined.documents).documents)
  }

  @Test("Feature union: scores of all sides, 0 where a side lacks a document; a linear model and a tree read them")
  func features() throws {
    let both = try run(a ** b)
    #expect(both.featureNames == ["a(depth=1000)", "b(depth=1000)"])
    #expect(docnos(both) == ["x", "y", "z", "w"] && both.features == [[3, 0], [2, 10], [1, 0], [0, 4]])
    let three = try run(a ** b ** a)
    #expect(three.features[1] == [2, 10, 2] && three.featureNames.count == 3)
    #expect(try run(a ** (b ** a)).features == three.features, "a side with features brings them")
    let linear = try run((a ** b) >>> ListPipeline.linear(LinearFeatureScorer(weights: [1, 0.5], bias: -1)))
    #expect(docnos(linear) == ["y", "x", "w", "z"] && scores(linear) == [6, 2, 1, 0])
    #expect(linear.features[0] == [2, 10], "features stay with their documents")

    struct Tree: FeatureScorer {
      let featureCount = 2
      func score(_ features: [Double]) -> Double { features[1] > 5 ? 1 : features[0] > 1.5 ? 3 : 2 }
    }
    let tree = try run((a ** b) >>> ListPipeline.scoreFeatures(Tree(), name: "tree"))
    #expect(docnos(tree) == ["x", "z", "w", "y"])
    #expect(throws: PipelineError.featureCount(stage: "linear", qid: "q", expected: 3, found: 2)) {
      try run((a ** b) >>> ListPipeline.linear(LinearFeatureScorer(weights: [1, 2, 3])))
    }
  }

  @Test("Then is associative; a cut may stand before or after")
  func then() throws {
    let keep = ListPipeline.filter(DocnoFilter(.keep, ["x", "z"]))
    let drop = ListPipeline.filter(DocnoFilter(.drop, ["z"]))
    #expect(docnos(try run(a >>> keep >>> drop)) == ["x"])
    #expect(try run(a >>> (keep >>> drop)) == run((a >>> keep) >>> drop))
    #expect(try run(a >>> keep % 1) == run((a >>> keep) % 1))
    #expect(docnos(try run(a % 2 >>> keep)) == ["x"])
  }

  @Test("A fusion in a pipeline is the fusion of the runs")
  func fuse() throws {
    let fusion = try Fusion(.rrf())
    let expected = try fusion.fuse([try run(a).ranking, try run(b).ranking], qid: "q")
    #expect(try run(RetrievalPipeline.fuse(fusion, [a, b])).ranking == expected)
    #expect(throws: PipelineError.noPipelines) { try run(RetrievalPipeline.fuse(fusion, [])) }
  }
}

@Suite("Pipelines: stages") struct StageTests {
  private let documents = DocumentTable(
    [("x", "1"), ("y", "7"), ("z", "5"), ("w", "9")].map { Document(docno: $0, text: $1) })
  private let retriever = CountingRetriever(["q": [("x", 4), ("y", 3), ("z", 2), ("w", 1)], "p": [("z", 1)]])
  private let queries = [Query(qid: "q", text: "one"), Query(qid: "p", text: "two"), Query(qid: "empty", text: "")]

  @Test("bm25 >>> rerank % 2, end to end over an index")
  func slice() throws {
    let folder = try TemporaryFolder()
    let index = try folder.index()
    struct ByName: Reranker {
      let scoreKind = ScoreKind.logit
      func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
        candidates.map { CandidateScore(score: $0.document.text.contains("wings") ? 2 : Double($0.firstStageRank ?? 0) / 10) }
      }
    }
    let bm25 = try RetrievalPipeline.bm25(index, depth: 100)
    let pipeline = bm25 >>> ListPipeline.rerank(ByName(), documents: index, name: "wings") % 2
    let result = try pipeline.run([Query(qid: "1", text: "heat"), Query(qid: "2", text: "zeppelin")])
    let direct = try index.search("heat")
    #expect(direct.documents.count == 3)
    #expect(docnos(try bm25.run([Query(qid: "1", text: "heat")]).outputs[0]) == direct.documents.map(\.docno))
    #expect(docnos(result.outputs[0]).first == "d3" && result.outputs[0].documents.count == 2)
    #expect(result.outputs[1].documents.isEmpty, "no known term: an empty list, no error")
    #expect(result.stages.map(\.stage) == ["bm25(depth=100,k1=0.9,b=0.4)", "wings", "% 2"])
    #expect(result.stages.map(\.documentsOut) == [3, 3, 2])
    #expect(result.outputs[0].scoreKind == .logit)
  }

  @Test("The tail of a re-scored window keeps its order behind the head; cut tokens are counted")
  func window() throws {
    let rerank = ListPipeline.rerank(NumberReranker(), documents: documents, top: 2, name: "n")
    let pipeline = RetrievalPipeline.retrieve(retriever, name: "a") >>> rerank
    let result = try pipeline.run(queries)
    #expect(docnos(result.outputs[0]) == ["y", "x", "z", "w"] && scores(result.outputs[0]) == [7, 1, 0, -1])
    #expect(result.stages[1].truncatedTokens == 3)
    #expect(result.outputs[2].documents.isEmpty)
  }

  @Test("No tail overtakes its head, with any scores, also after the list was sorted again", arguments: 0..<30)
  func tailNeverOvertakes(seed: UInt64) throws {
    struct RandomReranker: Reranker {
      let scoreKind = ScoreKind.logit
      let values: [Double]
      func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
        candidates.indices.map { CandidateScore(score: values[$0]) }
      }
    }
    var generator = SeededGenerator(seed: seed)
    let scale = [1e-308, 1e-3, 1, 1e9, 1e16, 1e300][generator.integer(below: 6)]
    let count = 1 + generator.integer(below: 30)
    let start = try list((0..<count).map { ("d\(generator.integer(below: 10_000))-\($0)", generator.uniform() * scale) })
    let top = 1 + generator.integer(below: count)
    let values = (0..<count).map { _ in
      generator.integer(below: 3) == 0 ? 0 : (generator.uniform() - 0.5) * scale
    }
    let table = DocumentTable(start.documents.map { Document(docno: $0.docno, text: "") })
    let reranker = RandomReranker(values: values)
    let (rescored, _) = try RescoringWindow(start, top: top, stage: "r").rescored(by: reranker, documents: table)
    #expect(Set(docnos(rescored).prefix(top)) == Set(docnos(start).prefix(top)))
    #expect(docnos(rescored).dropFirst(top).elementsEqual(docnos(start).dropFirst(top)))
    #expect(rescored.documents == Ranking(qid: "q", documents: rescored.documents.shuffled(using: &generator)).documents)
    // The reranker's own entry point makes the same promise.
    let candidates = start.documents.map { Candidate(document: Document(docno: $0.docno, text: "")) }
    let group = CandidateGroup(query: start.query, candidates: candidates)
    let direct = try reranker.rerank(group, depth: top).ranking
    #expect(direct.documents == rescored.documents && Ranking(qid: "q", documents: direct.documents) == direct)
  }

  @Test("What left a model early stands where it left, with numbers that only order; the tail stays behind")
  func earlyExits() throws {
    /// A text of "score:layer:r" left after that layer as relevant, "score:layer:n" as not relevant.
    struct Leaving: Reranker {
      let scoreKind = ScoreKind.logit
      func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
        candidates.map { candidate in
          let parts = candidate.document.text.split(separator: ":")
          let exit = parts.count < 3 ? nil : EarlyExit(layer: Int(parts[1]) ?? 0, isRelevant: parts[2] == "r")
          return CandidateScore(score: Double(parts[0]) ?? .nan, exit: exit)
        }
      }
    }
    let texts = [("a", "9:2:n"), ("b", "1"), ("c", "8:4:n"), ("d", "0:2:r"), ("e", "3"), ("f", "x:2:r")]
    let table = DocumentTable(texts.map { Document(docno: $0, text: $1) })
    func rescored(_ names: [String], top: Int) throws -> RankedList {
      let start = try list(names.enumerated().map { ($1, 9 - Double($0)) })
      return try RescoringWindow(start, top: top, stage: "r").rescored(by: Leaving(), documents: table).0
    }
    let left = try rescored(["a", "b", "c", "d", "e"], top: 4)
    #expect(docnos(left) == ["d", "b", "c", "a", "e"] && left.documents.map(\.score) == [2, 1, 0, -1, -2])
    #expect(left.scoreKind == .unknown)
    let whole = try rescored(["b", "e"], top: 2)
    #expect(docnos(whole) == ["e", "b"] && whole.documents.map(\.score) == [3, 1] && whole.scoreKind == .logit)
    // A number that is none is not hidden by where it left.
    #expect(throws: PipelineError.notFinite(stage: "r", qid: "q", docno: "f")) { try rescored(["a", "f"], top: 2) }
  }

  @Test("Rewriters, feedback, expanders and generators are typed stages")
  func otherStages() throws {
    struct Upper: Rewriter {
      func rewrite(_ query: Query) -> Query { Query(qid: query.qid, text: query.text.uppercased()) }
    }
    struct TopDocument: Feedback {
      func query(after list: RankedList) -> Query {
        Query(qid: list.query.qid, text: ([list.query.text] + docnos(list.prefix(1))).joined(separator: " "))
      }
    }
    struct Doubler: Expander {
      func expand(_ document: Document) -> Document { Document(docno: document.docno, text: document.text + document.text) }
    }
    struct Quoter: Generator {
      func answer(_ group: CandidateGroup) -> Answer {
        Answer(qid: group.query.qid, text: group.candidates.map(\.document.text).joined(separator: "+"),
               citations: group.candidates.map(\.document.docno))
      }
    }
    let upper = Pipeline.rewrite(Upper(), name: "upper")
    let retrieve = RetrievalPipeline.retrieve(retriever, name: "a")
    let feedback = Pipeline.feedback(TopDocument(), name: "top")
    #expect(try (upper >>> upper).run([queries[0]]).outputs == [Query(qid: "q", text: "ONE")])
    #expect(try (upper >>> retrieve >>> feedback).run([queries[0]]).outputs == [Query(qid: "q", text: "ONE x")])
    let again = try (retrieve >>> feedback >>> retrieve).run(queries)
    #expect(again.outputs[0].query.text == "one x" && docnos(again.outputs[0]) == ["x", "y", "z", "w"])
    #expect(try Pipeline.expand(Doubler(), name: "double").run(tinyDocuments).outputs[1].text == "heat shieldsheat shields")
    let answers = try (retrieve >>> Pipeline.generate(Quoter(), documents: documents, top: 2, name: "quote")).run(queries).outputs
    #expect(answers[0] == Answer(qid: "q", text: "1+7", citations: ["x", "y"]) && answers[2].text.isEmpty)
  }

  @Test("Filters by docno, by the query's own name and by metadata")
  func filters() throws {
    let table = DocumentTable(tinyDocuments)
    let retrieve = RetrievalPipeline.retrieve(CountingRetriever(["d2": tinyDocuments.map { ($0.docno, 1.0) }]), name: "all")
    func left(_ filter: ListPipeline) throws -> [String] {
      docnos(try (retrieve >>> filter).run([Query(qid: "d2", text: "")]).outputs[0])
    }
    #expect(try left(.filter(OwnDocumentFilter())) == ["d4", "d3", "d1"])
    #expect(try left(.filter(DocnoFilter(.keep, ["d1", "nowhere"]))) == ["d1"])
    #expect(try left(.filter(MetadataFilter("source", in: ["book"], documents: table))) == ["d3", "d1"])
    #expect(throws: PipelineError.unknownDocument(stage: "filter", qid: "d2", docno: "d4")) {
      try left(.filter(MetadataFilter("source", in: ["book"], documents: DocumentTable([]))))
    }
  }

  @Test("What stages must not return is refused with its place")
  func refused() throws {
    func run(_ pairs: [(String, Double)]) throws {
      struct Raw: Retriever {
        let scoreKind = ScoreKind.unknown
        let pairs: [(String, Double)]
        func retrieve(_ queries: [Query], depth: Int) -> [Ranking] {
          queries.map { Ranking(qid: $0.qid, alreadyOrdered: pairs.map { ScoredDocument(docno: $0.0, score: $0.1) }) }
        }
      }
      _ = try RetrievalPipeline.retrieve(Raw(pairs: pairs), name: "raw").run([queries[0]])
    }
    #expect(throws: PipelineError.notFinite(stage: "raw", qid: "q", docno: "b")) { try run([("a", 1), ("b", .nan)]) }
    #expect(throws: PipelineError.duplicateDocument(stage: "raw", qid: "q", docno: "a")) { try run([("a", 1), ("a", 0)]) }
    let wordless = DocumentTable([Document(docno: "x", text: "no number")])
    let rerank = ListPipeline.rerank(NumberReranker(), documents: wordless, top: 1, name: "n")
    let retrieve = RetrievalPipeline.retrieve(retriever, name: "a")
    #expect(throws: PipelineError.notFinite(stage: "n", qid: "q", docno: "x")) { try (retrieve >>> rerank).run(queries) }
    #expect(throws: PipelineError.unknownDocument(stage: "n", qid: "p", docno: "z")) {
      try (retrieve >>> rerank).run([queries[1]])
    }
    #expect(throws: PipelineError.duplicateQuery(qid: "q")) { try retrieve.run([queries[0], queries[0]]) }
    struct Renamer: Rewriter { func rewrite(_ query: Query) -> Query { Query(qid: "other", text: query.text) } }
    #expect(throws: PipelineError.otherQuery(stage: "renamer", asked: "q", found: "other")) {
      try Pipeline.rewrite(Renamer(), name: "renamer").run([queries[0]])
    }
    struct Short: Retriever {
      let scoreKind = ScoreKind.unknown
      func retrieve(_ queries: [Query], depth: Int) -> [Ranking] { [] }
    }
    #expect(throws: PipelineError.valueCount(stage: "short", given: 3, found: 0)) {
      try RetrievalPipeline.retrieve(Short(), name: "short").run(queries)
    }
    #expect(throws: PipelineError.outOfRange(stage: "a", name: "depth", found: "0", expected: "at least 1")) {
      try RetrievalPipeline.retrieve(retriever, depth: 0, name: "a").run(queries)
    }
    #expect(try retrieve.run([]).outputs.isEmpty)
  }

  @Test("A run that was cancelled stops between queries")
  func cancellation() throws {
    let calls = Counter()
    struct Slow: Reranker {
      let scoreKind = ScoreKind.logit
      let calls: Counter
      func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
        calls.value.add(1, ordering: .relaxed)
        return candidates.map { _ in CandidateScore(score: 0) }
      }
    }
    let rerank = ListPipeline.rerank(Slow(calls: calls), documents: documents, name: "slow")
    let pipeline = RetrievalPipeline.retrieve(retriever, name: "a") >>> rerank
    let options = RunOptions(isCancelled: { calls.value.load(ordering: .relaxed) >= 1 })
    #expect(throws: PipelineError.cancelled(done: "in slow")) { try pipeline.run(queries, options: options) }
    #expect(calls.value.load(ordering: .relaxed) == 1)
  }

  @Test("The number of threads changes no bit", arguments: [1, 2, 8])
  func threads(count: Int) throws {
    let pool = WorkerPool(threads: count)
    defer { pool.stop() }
    var generator = SeededGenerator(seed: 4)
    var lists: [[String: [(String, Double)]]] = [[:], [:]]
    let queries = (0..<50).map { Query(qid: "\($0)", text: "") }
    for side in 0..<2 {
      for query in queries {
        let documents = (0..<40).filter { _ in generator.uniform() < 0.7 }
        lists[side][query.qid] = documents.map { ("d\($0)", generator.uniform()) }
      }
    }
    let a = RetrievalPipeline.retrieve(CountingRetriever(lists[0]), name: "a")
    let b = RetrievalPipeline.retrieve(CountingRetriever(lists[1]), name: "b")
    let mixed = a + 0.3 * b
    let pipeline = RetrievalPipeline.fuse(try Fusion(.combMNZ), [mixed, a ^^^ b, a]) % 20
    let alone = try pipeline.run(queries, options: RunOptions(pool: WorkerPool(threads: 1))).outputs
    #expect(try pipeline.run(queries, options: RunOptions(pool: pool)).outputs == alone)
    // A query's list does not depend on the others either.
    #expect(try queries.map { try pipeline.run([$0]).outputs[0] } == alone)
  }
}

final class Counter: Sendable {
  let value = Atomic<Int>(0)
}
