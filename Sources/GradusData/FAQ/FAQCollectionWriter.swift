#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

/// `source.json` beside the collection: what it was made of, and how to tell that it is complete.
struct FAQRecord: Codable, Equatable {
  struct File: Codable, Equatable {
    let path: String
    let bytes: Int
    let sha256: String
  }

  static let filename = "source.json"

  let builder: Int
  let fingerprint: String
  let passages: Int
  let questions: Int
  let missingSources: [String]
  let sources: [FAQCollection.SourceCounts]
  let removals: FAQCollection.Removals
  let files: [File]
}

/// Writes a collection in BEIR's layout, with its README, the licences of its sources and its record.
struct FAQCollectionWriter {
  let collection: FAQCollection
  let fingerprint: String

  func write(to folder: String, licences: [(package: String, text: [UInt8])]) throws {
    let writer = try BEIRWriter(folder: folder)
    try writer.writeCorpus(collection.documents)
    try writeQueries(to: folder + "/queries.jsonl")
    for split in QuestionSplit.allCases {
      var qrels = Qrels()
      for question in collection.questions where question.split == split {
        for docno in question.relevant { qrels.judge(qid: question.qid, docno: docno, grade: 1) }
      }
      try writer.writeQrels(qrels, split: split.rawValue)
    }
    try StagedFolder.makeFolder(folder + "/licences")
    for (package, text) in licences { try write(text, to: "\(folder)/licences/\(package).txt") }
    try write(Array(FAQReadme(collection: collection).text.utf8), to: folder + "/README.md")

    var files: [FAQRecord.File] = []
    for path in ["corpus.jsonl.gz", "queries.jsonl"] + QuestionSplit.allCases.map({ "qrels/\($0.rawValue).tsv" }) {
      let full = folder + "/" + path
      files.append(FAQRecord.File(path: path, bytes: FileStatus.size(full) ?? 0, sha256: try WholeFile.sha256(full)))
    }
    let record = FAQRecord(
      builder: FAQCollectionBuilder.version, fingerprint: fingerprint, passages: collection.documents.count,
      questions: collection.questions.count, missingSources: collection.missingSources, sources: collection.sources,
      removals: collection.removals, files: files)
    try write(CanonicalJSON.encode(record), to: folder + "/" + FAQRecord.filename)
  }

  private struct QueryLine: Encodable {
    let _id: String
    let text: String
    let metadata: [String: String]
  }

  /// BEIR's queries with `metadata.source` and `metadata.split`, which `Query` does not carry.
  private func writeQueries(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let file = try OutputFile(path: path)
    for question in collection.questions {
      let line = QueryLine(
        _id: question.qid, text: question.text, metadata: ["source": question.source, "split": question.split.rawValue])
      try file.write(Array(try encoder.encode(line)) + [UInt8(ascii: "\n")])
    }
    try file.commit()
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let file = try OutputFile(path: path)
    try file.write(bytes)
    try file.commit()
  }
}
