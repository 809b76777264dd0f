import GradusCore
import GradusIndex
import GradusRank

/// A typed pipeline: what goes in and what comes out is known to the compiler.
///
///     let bm25 = try Pipeline.bm25(index, depth: 100)                         // Pipeline<Query, RankedList>
///     let rerank = Pipeline.rerank(reranker, documents: index, name: "ce")    // Pipeline<RankedList, RankedList>
///     let best = bm25 >>> rerank % 10
///     let result = try best.run(queries)
///     try TrecRunWriter.write(result.run(name: "best"), to: "best.run")
///
/// The same value is run, printed (``description``, ``planText``), drawn (``svg()``, ``mermaid()``), stored as JSON
/// (``planJSON()``), and its stages' outputs can be kept in a folder (``StageCache``). Operators: see ``>>>(_:_:)``.
public struct Pipeline<Input: PipelineValue, Output: PipelineValue>: Sendable {
  let node: PlanNode

  init(_ node: PlanNode) { self.node = node }
}

/// Q -> R.
public typealias RetrievalPipeline = Pipeline<Query, RankedList>
/// R -> R.
public typealias ListPipeline = Pipeline<RankedList, RankedList>

// MARK: - Queries

extension Pipeline where Input == Query, Output == Query {
  /// - Parameter fingerprint: Changes whenever the rewriter may answer differently; nil for a result that is never stored.
  public static func rewrite(
    _ rewriter: some Rewriter, name: String, settings: [StageSetting] = [], fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(.rewriter, name, settings: settings, fingerprint: fingerprint) { values, context in
          try StageOutput(values: values.map(as: Query.self, name, context) { query in
            let rewritten = try rewriter.rewrite(query)
            try checkQuery(query.qid, rewritten.qid, stage: name)
            return .query(rewritten)
          })
        }))
  }
}

extension Pipeline where Input == RankedList, Output == Query {
  /// From a list to another query of the same qid.
  public static func feedback(
    _ feedback: some Feedback, name: String, settings: [StageSetting] = [], fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(.feedback, name, settings: settings, fingerprint: fingerprint) { values, context in
          try StageOutput(values: values.map(as: RankedList.self, name, context) { list in
            let query = try feedback.query(after: list)
            try checkQuery(list.query.qid, query.qid, stage: name)
            return .query(query)
          })
        }))
  }
}

// MARK: - Retrieval

extension Pipeline where Input == Query, Output == RankedList {
  /// The best `depth` documents of any retriever, which is asked for some queries at a time.
  public static func retrieve(
    _ retriever: some Retriever, depth: Int = 1000, name: String, settings: [StageSetting] = [], fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(
          .retriever, name, settings: [StageSetting("depth", depth)] + settings, fingerprint: fingerprint
        ) { values, context in
          guard depth >= 1 else {
            throw PipelineError.outOfRange(stage: name, name: "depth", found: "\(depth)", expected: "at least 1")
          }
          let queries = values.compactMap(Query.init)
          var lists: [PipelineBox] = []
          lists.reserveCapacity(queries.count)
          // Enough to share work among threads, few enough to stop soon when told to.
          for start in stride(from: 0, to: queries.count, by: 64) {
            try context.checkCancellation()
            let part = Array(queries[start..<min(start + 64, queries.count)])
            let rankings = try retriever.retrieve(part, depth: depth)
            guard rankings.count == part.count else {
              throw PipelineError.valueCount(stage: name, given: part.count, found: rankings.count)
            }
            for (query, ranking) in zip(part, rankings) {
              try checkQuery(query.qid, ranking.qid, stage: name)
              lists.append(
                .list(
                  try RankedList(
                    query: query, scoreKind: retriever.scoreKind, documents: ranking.documents, stage: name
                  ).prefix(depth)))
            }
          }
          return StageOutput(values: lists)
        }))
  }

  /// BM25 over an index.
  public static func bm25(_ index: InvertedIndex, model: BM25 = BM25(), depth: Int = 1000) throws -> Pipeline {
    retrieve(
      LexicalRetriever(index: index, model: model), depth: depth, name: "bm25",
      settings: [StageSetting("k1", model.k1), StageSetting("b", model.b)], fingerprint: try index.fingerprint())
  }

  /// Any lexical model over an index, with pseudo-relevance feedback where a method is given.
  ///
  ///     let rm3 = try Pipeline.search(index, model: BM25(), feedback: RM3(), depth: 100)
  public static func search(
    _ index: InvertedIndex, model: any WeightingModel, feedback: (any RelevanceFeedback)? = nil, depth: Int = 1000
  ) throws -> Pipeline {
    var settings = [StageSetting("model", model.description)]
    if let feedback { settings.append(StageSetting("feedback", feedback.description)) }
    let fingerprint = try index.fingerprint()
    guard let feedback else {
      return retrieve(
        LexicalRetriever(index: index, model: model), depth: depth, name: "search", settings: settings, fingerprint: fingerprint)
    }
    return retrieve(
      PseudoRelevanceFeedback(index: index, model: model, method: feedback), depth: depth, name: "search", settings: settings,
      fingerprint: fingerprint)
  }

  /// What a run holds; nothing for queries that it lacks.
  public static func run(_ run: Run, depth: Int = 1000, name: String? = nil) -> Pipeline {
    retrieve(RunRetriever(run), depth: depth, name: name ?? run.name, fingerprint: ContentFingerprint.of(run))
  }

  /// Fuses what several pipelines retrieve.
  ///
  ///     let hybrid = Pipeline.fuse(try Fusion(.rrf()), [bm25, dense])
  public static func fuse(_ fusion: Fusion, _ pipelines: [Pipeline]) -> Pipeline {
    Pipeline(.join(.fusion(fusion), pipelines.map(\.node)))
  }
}

// MARK: - Lists

extension Pipeline where Input == RankedList, Output == RankedList {
  /// New scores for the first `top` documents; the others follow in their old order and can never overtake them.
  ///
  /// - Parameter top: Nil for all.
  public static func rerank(
    _ reranker: some Reranker, documents: some DocumentSource, top: Int? = nil, name: String, settings: [StageSetting] = [],
    fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(
          .reranker, name, settings: (top.map { [StageSetting("top", $0)] } ?? []) + settings, fingerprint: fingerprint
        ) { values, context in
          if let top, top < 1 {
            throw PipelineError.outOfRange(stage: name, name: "top", found: "\(top)", expected: "at least 1")
          }
          var truncatedTokens = 0
          let lists = try values.map(as: RankedList.self, name, context) { list in
            let window = RescoringWindow(list, top: top ?? list.documents.count, stage: name)
            let (rescored, truncated) = try window.rescored(by: reranker, documents: documents)
            truncatedTokens += truncated
            return .list(rescored)
          }
          return StageOutput(values: lists, truncatedTokens: truncatedTokens)
        }))
  }

  /// Drops the documents of each list that the filter does not keep; the others keep order and scores.
  public static func filter(
    _ filter: some Filter, name: String = "filter", settings: [StageSetting] = [], fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(.filter, name, settings: settings, fingerprint: fingerprint) { values, context in
          try StageOutput(values: values.map(as: RankedList.self, name, context) { list in
            .list(list.keeping(try list.documents.indices.filter { try filter.keeps(list.documents[$0].docno, for: list.query) }))
          })
        }))
  }

  /// Scores documents by the features that ``**(_:_:)`` made; the features stay with them.
  public static func scoreFeatures(
    _ scorer: some FeatureScorer, name: String, settings: [StageSetting] = [], fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(.scorer, name, settings: settings, fingerprint: fingerprint) { values, context in
          try StageOutput(values: values.map(as: RankedList.self, name, context) { list in
            guard list.documents.isEmpty || list.featureNames.count == scorer.featureCount else {
              throw PipelineError.featureCount(
                stage: name, qid: list.query.qid, expected: scorer.featureCount, found: list.featureNames.count)
            }
            let documents = try zip(list.documents, list.features).map {
              ScoredDocument(docno: $0.docno, score: try scorer.score($1))
            }
            return .list(
              try RankedList(
                query: list.query, scoreKind: scorer.scoreKind, documents: documents, featureNames: list.featureNames,
                features: list.features, stage: name))
          })
        }))
  }

  /// A linear model over the features.
  public static func linear(_ scorer: LinearFeatureScorer) -> Pipeline {
    scoreFeatures(
      scorer, name: "linear",
      settings: [
        StageSetting("weights", scorer.weights.map { "\($0)" }.joined(separator: " ")), StageSetting("bias", scorer.bias),
      ],
      fingerprint: "")
  }
}

// MARK: - Documents and answers

extension Pipeline where Input == Document, Output == Document {
  /// From a document to another of the same docno.
  public static func expand(
    _ expander: some Expander, name: String, settings: [StageSetting] = [], fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(.expander, name, settings: settings, fingerprint: fingerprint) { values, context in
          try StageOutput(values: values.map(as: Document.self, name, context) { .document(try expander.expand($0)) })
        }))
  }
}

extension Pipeline where Input == RankedList, Output == Answer {
  /// An answer from the texts of the first `top` documents.
  public static func generate(
    _ generator: some Generator, documents: some DocumentSource, top: Int = 10, name: String, settings: [StageSetting] = [],
    fingerprint: String? = nil
  ) -> Pipeline {
    Pipeline(
      .stage(
        Stage(.generator, name, settings: [StageSetting("top", top)] + settings, fingerprint: fingerprint) { values, context in
          try StageOutput(values: values.map(as: RankedList.self, name, context) { list in
            let group = try RescoringWindow(list, top: top, stage: name).group(documents)
            let answer = try generator.answer(group)
            try checkQuery(list.query.qid, answer.qid, stage: name)
            return .answer(answer)
          })
        }))
  }
}

/// Serves a run as if it were retrieved now.
private struct RunRetriever: Retriever {
  let run: Run
  let scoreKind = ScoreKind.unknown

  init(_ run: Run) { self.run = run }

  func retrieve(_ queries: [Query], depth: Int) -> [Ranking] {
    queries.map { query in
      (run[query.qid] ?? Ranking(qid: query.qid, alreadyOrdered: [])).prefix(depth)
    }
  }
}

extension Array where Element == PipelineBox {
  /// Applies `body` to each value, with a chance to stop before each.
  fileprivate func map<Value: PipelineValue>(
    as type: Value.Type, _ stage: String, _ context: StageContext, _ body: (Value) throws -> PipelineBox
  ) throws -> [PipelineBox] {
    try map { box in
      try context.checkCancellation()
      guard let value = Value(box) else { preconditionFailure("\(stage): the operators let a value of another kind through") }
      return try body(value)
    }
  }
}

private func checkQuery(_ asked: String, _ found: String, stage: String) throws {
  guard asked == found else { throw PipelineError.otherQuery(stage: stage, asked: asked, found: found) }
}
