import GradusCore

/// Which document of a batch is what to which of its queries.
///
/// A document is relevant for a query where it is positive in any sample of that query (the positive itself, in whichever sample
/// it stands) or where the judgements have it at grade 1 or above. Relevant documents are never negatives, except a sample's own
/// negatives, which its sampler has chosen (the lower of two grades); and no document counts twice for a query, however many
/// samples it stands in.
struct BatchRelations {
  enum Relation: Equatable {
    case relevant
    case negative
    /// Neither: it stands in the row already.
    case ignored
  }

  /// Row by query, column by document (sample by sample, in the order of the sample): `[samples][samples * documents]`.
  let rows: [[Relation]]
  /// Documents of each sample.
  let documentCount: Int

  init(_ samples: [TrainingSample], qrels: Qrels?) {
    var positives: [String: Set<String>] = [:]
    for sample in samples {
      for document in sample.documents where document.isPositive { positives[sample.qid, default: []].insert(document.docno) }
    }
    documentCount = samples.first?.documents.count ?? 0
    let width = documentCount
    rows = samples.enumerated().map { own, sample in
      let known = positives[sample.qid] ?? []
      let judged = qrels?[sample.qid] ?? [:]
      var seen: Set<String> = Set(sample.documents.map(\.docno))
      var row = [Relation](repeating: .ignored, count: samples.count * width)
      for (place, document) in sample.documents.enumerated() {
        row[own * width + place] = document.isPositive ? .relevant : .negative
      }
      for (other, sample) in samples.enumerated() where other != own {
        for (place, document) in sample.documents.enumerated() where seen.insert(document.docno).inserted {
          let isRelevant = known.contains(document.docno) || (judged[document.docno] ?? 0) >= 1
          row[other * width + place] = isRelevant ? .relevant : .negative
        }
      }
      return row
    }
  }

  /// Whether the document may be a negative of the query.
  func isNegative(query: Int, sample: Int, place: Int) -> Bool { rows[query][sample * documentCount + place] == .negative }
}

extension EmbeddingInput {
  /// What each document of the batch is to each query.
  var relations: BatchRelations { BatchRelations(samples, qrels: qrels) }

  /// Whether two samples may be told apart: other queries, and neither one's positive relevant for the other.
  func areApart(_ first: Int, _ second: Int, _ relations: BatchRelations) -> Bool {
    samples[first].qid != samples[second].qid
      && relations.rows[first][second * documentCount] == .negative
      && relations.rows[second][first * documentCount] == .negative
  }
}
