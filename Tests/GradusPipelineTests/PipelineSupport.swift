import Foundation
import GradusCore
import GradusIndex
import GradusRank
import GradusTestSupport
import Synchronization

@testable import GradusPipeline

func list(_ pairs: [(String, Double)], qid: String = "q", kind: ScoreKind = .bm25) throws -> RankedList {
  try RankedList(
    query: Query(qid: qid, text: qid), scoreKind: kind, documents: pairs.map { ScoredDocument(docno: $0.0, score: $0.1) })
}

/// A retriever that returns fixed lists and counts the queries that it was asked for.
final class CountingRetriever: Retriever {
  let scoreKind = ScoreKind.bm25
  let lists: [String: [(String, Double)]]
  let asked = Atomic<Int>(0)

  init(_ lists: [String: [(String, Double)]]) { self.lists = lists }

  func retrieve(_ queries: [Query], depth: Int) -> [Ranking] {
    asked.add(queries.count, ordering: .relaxed)
    return queries.map { query in
      Ranking(qid: query.qid, documents: (lists[query.qid] ?? []).map { ScoredDocument(docno: $0.0, score: $0.1) }).prefix(depth)
    }
  }
}

/// Scores a document by the number in its text.
struct NumberReranker: Reranker {
  let scoreKind = ScoreKind.logit

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
    candidates.map { CandidateScore(score: Double($0.document.text) ?? .nan, truncatedTokens: $0.document.text == "7" ? 3 : 0) }
  }
}

/// What the index of the tests holds.
let tinyDocuments = [
  Document(docno: "d1", text: "laminar flow of heat", metadata: ["source": "book"]),
  Document(docno: "d2", text: "heat shields", metadata: ["source": "web"]),
  Document(docno: "d3", text: "supersonic wings and heat", metadata: ["source": "book"]),
  Document(docno: "d4", text: "laminar boundary layer"),
]

extension TemporaryFolder {
  func index(_ documents: [Document] = tinyDocuments, name: String = "index") throws -> InvertedIndex {
    let builder = try IndexBuilder(directory: path + "/" + name, analyzer: .english)
    for document in documents { try builder.add(document) }
    _ = try builder.finish()
    return try InvertedIndex(path: path + "/" + name)
  }

  /// All files below the folder.
  var files: [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path + "/" + $0, isDirectory: &isFolder) && !isFolder.boolValue
    }.sorted()
  }
}

func docnos(_ list: RankedList?) -> [String] { list?.documents.map(\.docno) ?? [] }
func scores(_ list: RankedList?) -> [Double] { list?.documents.map(\.score) ?? [] }
