#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

/// Hashes that change with the content of what a stage reads.
public enum ContentFingerprint {
  /// Of a file, or of a folder with everything in it: names and contents, in the order of the names.
  ///
  /// - Throws: `FileError`.
  /// - Complexity: Reads every byte.
  public static func of(path: String) throws -> String {
    var digest = SHA256Digest()
    guard Folder.isFolder(path) else {
      try add(file: path, to: &digest)
      return digest.finish()
    }
    let names = try FileManager.default.subpathsOfDirectory(atPath: path)
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !Folder.isFolder(path + "/" + name) {
      digest.update(text: name)
      try add(file: path + "/" + name, to: &digest)
    }
    return digest.finish()
  }

  /// Of documents in memory.
  public static func of(_ documents: [Document]) -> String {
    var digest = SHA256Digest()
    for document in documents { digest.update(document) }
    return digest.finish()
  }

  static func of(_ run: Run) -> String {
    var digest = SHA256Digest()
    for ranking in run.rankings {
      digest.update(text: ranking.qid)
      digest.update(ranking.documents)
    }
    return digest.finish()
  }

  /// Of the input of a stage.
  static func of(_ values: [PipelineBox]) -> String {
    var digest = SHA256Digest()
    for value in values {
      switch value {
      case .query(let query): digest.update(query)
      case .list(let list):
        digest.update(query: list.query, kind: list.scoreKind)
        digest.update(list.documents)
        digest.update(number: UInt64(list.featureNames.count))
        for name in list.featureNames { digest.update(text: name) }
        for features in list.features { for value in features { digest.update(number: value.bitPattern) } }
      case .document(let document): digest.update(document)
      case .answer(let answer):
        digest.update(text: answer.qid)
        digest.update(text: answer.text)
        digest.update(number: UInt64(answer.citations.count))
        for docno in answer.citations { digest.update(text: docno) }
      }
    }
    return digest.finish()
  }

  private static func add(file path: String, to digest: inout SHA256Digest) throws {
    let file = try MappedFile(path: path)
    file.advise(.sequential)
    digest.update(number: UInt64(file.count))
    withExtendedLifetime(file) { digest.update(file.bytes) }
  }
}

extension SHA256Digest {
  mutating func update(number: UInt64) { withUnsafeBytes(of: number.littleEndian) { update($0) } }

  /// The length goes first, so that neighbours cannot be taken for each other.
  mutating func update(text: String) {
    var text = text
    text.withUTF8 { bytes in
      update(number: UInt64(bytes.count))
      update(UnsafeRawBufferPointer(bytes))
    }
  }

  fileprivate mutating func update(_ query: Query) {
    update(text: query.qid)
    update(text: query.text)
  }

  fileprivate mutating func update(query: Query, kind: ScoreKind) {
    update(query)
    update(text: kind.rawValue)
  }

  fileprivate mutating func update(_ documents: [ScoredDocument]) {
    update(number: UInt64(documents.count))
    for document in documents {
      update(text: document.docno)
      update(number: document.score.bitPattern)
    }
  }

  fileprivate mutating func update(_ document: Document) {
    update(text: document.docno)
    update(text: document.title)
    update(text: document.text)
    update(number: UInt64(document.metadata.count))
    for (key, value) in document.metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      update(text: key)
      update(text: value)
    }
  }
}
